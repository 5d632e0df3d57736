package monitoring

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// The parts of a file of rules that tests look at.
type (
	ruleFile struct {
		Groups []ruleGroup `json:"groups"`
	}
	ruleGroup struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	}
	rule struct {
		Record, Alert, Expr, For string
		Labels, Annotations      map[string]string
	}
)

const chartRules = "charts/checky/files/rules.yaml"

// rules are those that are installed: the alerts, and what is recorded.
func rules(t *testing.T) (alerts, records []rule) {
	t.Helper()
	var object struct {
		Spec ruleFile `json:"spec"`
	}
	decode(t, "config/prometheus/rules.yaml", &object)
	for _, group := range object.Spec.Groups {
		for _, r := range group.Rules {
			if r.Alert != "" {
				alerts = append(alerts, r)
			} else {
				records = append(records, r)
			}
		}
	}
	if len(alerts) == 0 || len(records) == 0 {
		t.Fatal("there are no rules")
	}
	return alerts, records
}

// names are those of the alerts, once each: one that burns at several rates is one alert.
func names(alerts []rule) (names []string) {
	for _, a := range alerts {
		if !slices.Contains(names, a.Alert) {
			names = append(names, a.Alert)
		}
	}
	slices.Sort(names)
	return names
}

func TestChartHasTheSameRules(t *testing.T) {
	var object struct {
		Spec ruleFile `json:"spec"`
	}
	decode(t, "config/prometheus/rules.yaml", &object)
	var copied ruleFile
	decode(t, chartRules, &copied)
	if diff := cmp.Diff(object.Spec, copied); diff != "" {
		t.Errorf("run go run ./hack/monitoring (-config +chart):\n%s", diff)
	}
}

// TestPromtool has Prometheus' own tool check the rules, and run the tests of testdata.
func TestPromtool(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("the unit tests: %v, %v", files, err)
	}
	promtool(t, "check", "rules", "--lint=all", "--lint-fatal", filepath.Join(root, chartRules))
	promtool(t, append([]string{"test", "rules"}, files...)...)
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	path, err := exec.CommandContext(t.Context(), filepath.Join(root, "hack/tools.sh"), "promtool").Output()
	if err != nil {
		t.Fatalf("build promtool: %v", err)
	}
	out, err := exec.CommandContext(t.Context(), strings.TrimSpace(string(path)), args...).CombinedOutput()
	if err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestEachAlertFiresAndNearlyDoes holds the tests of testdata and the alerts together.
func TestEachAlertFiresAndNearlyDoes(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var fire, silent []string
	for _, file := range files {
		var tests struct {
			Tests []struct {
				Alerts []struct {
					Alertname string `json:"alertname"`
					Expected  []any  `json:"exp_alerts"`
				} `json:"alert_rule_test"`
			} `json:"tests"`
		}
		if err := yaml.Unmarshal([]byte(read(t, filepath.Join("test/install/monitoring", file))), &tests); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, one := range tests.Tests {
			for _, a := range one.Alerts {
				if len(a.Expected) > 0 {
					fire = append(fire, a.Alertname)
				} else {
					silent = append(silent, a.Alertname)
				}
			}
		}
	}
	alerts, _ := rules(t)
	for what, tested := range map[string][]string{"fire": fire, "stay silent": silent} {
		slices.Sort(tested)
		if diff := cmp.Diff(names(alerts), slices.Compact(tested)); diff != "" {
			t.Errorf("not each alert has a test in which it is seen to %s (-alerts +tests):\n%s", what, diff)
		}
	}
}

func TestAlertsSayWhatToDo(t *testing.T) {
	alerts, _ := rules(t)
	for _, a := range alerts {
		if !slices.Contains([]string{"critical", "warning", "info"}, a.Labels["severity"]) {
			t.Errorf("%s: severity %q is none of critical, warning, info", a.Alert, a.Labels["severity"])
		}
		for _, name := range []string{"summary", "description"} {
			if a.Annotations[name] == "" {
				t.Errorf("%s has no %s", a.Alert, name)
			}
		}
		if strings.Contains(a.Annotations["summary"], "{{") {
			t.Errorf("%s: the summary is another with each value", a.Alert)
		}
		want := "https://checky-dev.github.io/checky/runbooks#" + strings.ToLower(a.Alert)
		if got := a.Annotations["runbook_url"]; got != want {
			t.Errorf("%s: runbook_url %s, want %s", a.Alert, got, want)
		}
	}
}

// heading is an alert's in the runbooks.
var heading = regexp.MustCompile(`(?m)^### (Checky\w+)$`)

// TestRunbooks holds headings and alerts together, and each runbook to its parts.
func TestRunbooks(t *testing.T) {
	page := read(t, "docs/runbooks.md")
	var found []string
	at := heading.FindAllStringSubmatchIndex(page, -1)
	for i, m := range at {
		name, end := page[m[2]:m[3]], len(page)
		found = append(found, name)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		for _, part := range []string{"**Meaning.**", "**Impact.**", "**Diagnosis.**", "**Mitigation.**", "**Silence it**"} {
			if !strings.Contains(page[m[0]:end], part) {
				t.Errorf("docs/runbooks.md, %s: there is no %s", name, part)
			}
		}
	}
	alerts, _ := rules(t)
	slices.Sort(found)
	if diff := cmp.Diff(names(alerts), found); diff != "" {
		t.Errorf("docs/runbooks.md (-alerts +headings):\n%s", diff)
	}
}
