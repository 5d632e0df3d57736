package docs_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/types"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

var (
	toneRow     = regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\| ([^|]+) \\|")
	quietRow    = regexp.MustCompile(`(?m)^\| (\d{4}-\d\d-\d\d) \| (\S+) \| (\d\d:\d\d) \| (\d\d:\d\d) \| (\S+Z) \| (\S+Z) \| (\d+ h \d+ min|\d+ h|none) \|`)
	timelineRow = regexp.MustCompile(`(?m)^\| (\d+) s \| (\w+) fails, (\w+) \| (\d+) s: (\w+), ([^|]+) \|`)
	reasonRow   = regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| [^|]+ \\|")
)

// TestAlertExamplesCompile compiles every AlertPolicy and Silence that the documentation and the samples show.
func TestAlertExamplesCompile(t *testing.T) {
	samples, err := filepath.Glob(filepath.Join(root, "config/samples/*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range slices.Concat(pages(t), samples) {
		texts := []string{read(t, path)}
		if strings.HasSuffix(path, ".md") {
			texts = nil
			for _, block := range yamlBlock.FindAllStringSubmatch(read(t, path), -1) {
				texts = append(texts, block[1])
			}
		}
		for _, text := range texts {
			for document := range strings.SplitSeq(text, "\n---\n") {
				found += compileAlerts(t, path, document)
			}
		}
	}
	if found < 4 {
		t.Errorf("there are %d AlertPolicies and Silences", found)
	}
}

// compileAlerts compiles a document if it is one of the two kinds, and says how many there were.
func compileAlerts(t *testing.T, path, text string) int {
	t.Helper()
	var kind struct{ Kind string }
	if err := utilyaml.Unmarshal([]byte(text), &kind); err != nil {
		return 0 // TestExamplesCompile tells
	}
	var problems error
	switch kind.Kind {
	case "AlertPolicy":
		var policy v1alpha1.AlertPolicy
		problems = yaml.UnmarshalStrict([]byte(text), &policy)
		for i := range policy.Spec.QuietHours { // the API server's default
			if policy.Spec.QuietHours[i].TimeZone == "" {
				policy.Spec.QuietHours[i].TimeZone = "UTC"
			}
		}
		if problems == nil {
			_, list := alerts.Compile(&policy)
			problems = list.ToAggregate()
		}
	case "Silence":
		var silence v1alpha1.Silence
		problems = yaml.UnmarshalStrict([]byte(text), &silence)
		if problems == nil {
			_, list := alerts.CompileSilence(&silence)
			problems = list.ToAggregate()
		}
	default:
		return 0
	}
	if problems != nil {
		t.Errorf("%s: %v in\n%s", path, problems, text)
	}
	return 1
}

// TestTonesAreDocumented compares the table of patterns with that of package tone.
func TestTonesAreDocumented(t *testing.T) {
	_, section, _ := strings.Cut(read(t, filepath.Join(root, "docs/alerts.md")), "\n## The tones\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var ofCode, onPage [][]string
	for _, p := range tone.Patterns() {
		first := p.Pulses[0]
		low, high := first.Frequency, first.Frequency
		for _, pulse := range p.Pulses {
			low, high = min(low, pulse.Frequency), max(high, pulse.Frequency)
		}
		frequency := fmt.Sprintf("%.0f Hz", low)
		if low != high {
			frequency = fmt.Sprintf("%.0f to %.0f Hz", low, high)
		}
		ofCode = append(ofCode, []string{
			p.Name, fmt.Sprintf("%d of %d ms, %d ms apart", len(p.Pulses), first.Length.Milliseconds(), first.Gap.Milliseconds()),
			frequency, p.Length().String(), p.Source,
		})
	}
	for _, m := range toneRow.FindAllStringSubmatch(section, -1) {
		onPage = append(onPage, m[1:])
	}
	if diff := cmp.Diff(ofCode, onPage); diff != "" {
		t.Errorf("docs/alerts.md has other patterns than the code (-code +page):\n%s", diff)
	}
}

// TestQuietHoursAreDocumented asks the code about the days on which the page says what quiet hours are.
func TestQuietHoursAreDocumented(t *testing.T) {
	rows := quietRow.FindAllStringSubmatch(read(t, filepath.Join(root, "docs/alerts.md")), -1)
	if len(rows) < 4 {
		t.Fatalf("docs/alerts.md tells of %d days", len(rows))
	}
	for _, m := range rows {
		day, err := time.Parse(time.DateOnly, m[1])
		if err != nil {
			t.Fatal(err)
		}
		policy, problems := alerts.Compile(&v1alpha1.AlertPolicy{Spec: v1alpha1.AlertPolicySpec{QuietHours: []v1alpha1.QuietHours{{
			Start: m[3], End: m[4], TimeZone: m[2], Days: []v1alpha1.DayOfWeek{v1alpha1.DayOfWeek(day.Weekday().String())},
		}}}})
		if len(problems) > 0 {
			t.Fatal(problems.ToAggregate())
		}
		begins, err := time.Parse("2006-01-02T15:04Z", m[5])
		if err != nil {
			t.Fatal(err)
		}
		ends, err := time.Parse("2006-01-02T15:04Z", m[6])
		if err != nil {
			t.Fatal(err)
		}
		if _, early := policy.Quiet(begins.Add(-time.Second), v1alpha1.SeverityError); early {
			t.Errorf("%s: it is quiet before they begin", m[0])
		}
		until, quiet := policy.Quiet(begins, v1alpha1.SeverityError)
		if !quiet || !until.Equal(ends) {
			t.Errorf("%s: quiet %t, until %s", m[0], quiet, until.UTC())
		}
		if length, err := time.ParseDuration(strings.NewReplacer(" h", "h", " min", "m", " ", "").Replace(m[7])); err != nil || length != ends.Sub(begins) {
			t.Errorf("%s: they last %s", m[0], ends.Sub(begins))
		}
	}
}

// TestTimelineIsDocumented lets fail what the page lets fail, and hears when.
func TestTimelineIsDocumented(t *testing.T) {
	rows := timelineRow.FindAllStringSubmatch(read(t, filepath.Join(root, "docs/alerts.md")), -1)
	if len(rows) < 4 {
		t.Fatalf("docs/alerts.md has a timeline of %d rows", len(rows))
	}
	policy, problems := alerts.Compile(&v1alpha1.AlertPolicy{})
	if len(problems) > 0 {
		t.Fatal(problems.ToAggregate())
	}
	began := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	state := dispatch.New(dispatch.Options{})
	at := func(d time.Duration) dispatch.Moment { return dispatch.Moment{Mono: d, Wall: began.Add(d)} }
	state.SetPolicies(at(0), []*alerts.Policy{policy})
	state.Synced(at(0))
	var heard []string
	for now := time.Duration(0); now <= 10*time.Minute; now += time.Second {
		for _, m := range rows {
			if m[1]+"s" == fmt.Sprintf("%.0fs", now.Seconds()) {
				state.Observe(at(now), dispatch.Alert{
					UID: types.UID(m[2]), Namespace: "default", Name: m[2], Key: m[2], Since: began.Add(now), Completed: began.Add(now),
					Severity: v1alpha1.Severity(m[3]),
				}, false)
			}
		}
		if d := state.Next(at(now)); d.Play != nil {
			var names []string
			for i := range d.Play.Alerts {
				names = append(names, d.Play.Alerts[i].Name)
			}
			heard = append(heard, fmt.Sprintf("%.0f s: %s, %s %s", now.Seconds(), d.Play.Tone.Pattern, strings.ToLower(string(d.Play.Kind)), strings.Join(names, ", ")))
			state.Done(at(now), d.Play.ID, dispatch.Played)
		}
	}
	page := read(t, filepath.Join(root, "docs/alerts.md"))
	for _, line := range heard {
		if !strings.Contains(page, line) {
			t.Errorf("docs/alerts.md lacks what is heard: %s", line)
		}
	}
	for _, m := range rows {
		if line := fmt.Sprintf("%s s: %s, %s", m[4], m[5], strings.TrimSpace(m[6])); !slices.Contains(heard, line) {
			t.Errorf("docs/alerts.md says %q, which is not heard; heard is %q", line, heard)
		}
	}
}

// TestSuppressionsAreDocumented compares the reasons for making no sound.
func TestSuppressionsAreDocumented(t *testing.T) {
	_, section, _ := strings.Cut(read(t, filepath.Join(root, "docs/alerts.md")), "\n## When nothing is heard\n")
	ofCode, onPage := map[string]bool{}, map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\tReason\w+ +Reason = "([a-z]+)"`).FindAllStringSubmatch(read(t, filepath.Join(root, "audio/dispatch/types.go")), -1) {
		ofCode[m[1]] = true
	}
	for _, m := range reasonRow.FindAllStringSubmatch(section, -1) {
		onPage[m[1]] = true
	}
	if diff := cmp.Diff(ofCode, onPage); diff != "" {
		t.Errorf("docs/alerts.md has other reasons than the code (-code +page):\n%s", diff)
	}
}

// TestEventsAreDocumented looks for the reasons of the daemon's Events.
func TestEventsAreDocumented(t *testing.T) {
	page := read(t, filepath.Join(root, "docs/operations.md"))
	text := read(t, filepath.Join(root, "audio/trace/note.go")) + read(t, filepath.Join(root, "audio/sound.go"))
	found := regexp.MustCompile(`reason(?:, kind)? :?= "([A-Z]\w+)"|events\.Node\("([A-Z]\w+)"`).FindAllStringSubmatch(text, -1)
	if len(found) < 5 {
		t.Fatalf("there are %d Events", len(found))
	}
	for _, m := range found {
		if reason := m[1] + m[2]; !regexp.MustCompile(`\b` + reason + `\b`).MatchString(page) {
			t.Errorf("docs/operations.md lacks the Event %s", reason)
		}
	}
}

// TestDaemonRightsAreDocumented compares the daemon's roles with the rows of the page: resources and verbs, both ways.
func TestDaemonRightsAreDocumented(t *testing.T) {
	_, section, _ := strings.Cut(read(t, filepath.Join(root, "docs/operations.md")), "\n### Its rights in the cluster\n")
	section, _, _ = strings.Cut(section, "\n### ")
	words := regexp.MustCompile(`[a-z]+`)
	for document := range strings.SplitSeq(read(t, filepath.Join(root, "config/alertd/rbac.yaml")), "\n---\n") {
		var role rbacv1.ClusterRole // a Role has the same fields
		if err := yaml.Unmarshal([]byte(document), &role); err != nil {
			t.Fatal(err)
		}
		if len(role.Rules) == 0 {
			continue
		}
		onPage := map[string]bool{}
		if row := regexp.MustCompile(`(?m)^\| ` + role.Kind + " `" + role.Name + "` \\| ([^|]+) \\|").FindStringSubmatch(section); row != nil {
			allowed := strings.NewReplacer("in checky-system", "", "of events.k8s.io", "").Replace(strings.ToLower(row[1]))
			for _, word := range words.FindAllString(allowed, -1) {
				onPage[word] = true
			}
		}
		ofFile := map[string]bool{}
		for _, rule := range role.Rules {
			for _, word := range slices.Concat(rule.Resources, rule.Verbs) {
				ofFile[word] = true
			}
		}
		if diff := cmp.Diff(ofFile, onPage); diff != "" {
			t.Errorf("docs/operations.md has other rights of %s %s than config/alertd/rbac.yaml (-file +page):\n%s", role.Kind, role.Name, diff)
		}
	}
}
