package plugin_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestSilence(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	good, bad := c.payload("good", `{"amount": 1}`), c.payload("bad", `{"amount": 99999}`)
	bad.Labels = map[string]string{"app": "shop"}
	c.create(good, bad)
	c.phase("good", v1alpha1.PhaseSuccess)
	failing := c.phase("bad", v1alpha1.PhaseFailure)
	other := alerts.Subject{Namespace: c.namespace, Name: "other", Severity: v1alpha1.SeverityError}
	subject := alerts.Subject{Namespace: c.namespace, Name: "bad", Severity: failing.Status.Alert.Severity, Labels: bad.Labels}

	for name, test := range map[string]struct {
		reason string
		args   []string
		words  string
		others bool // others are silent too
	}{
		"named":    {"a Check by its name", []string{"bad"}, "Check bad", false},
		"selector": {"Checks by labels", []string{"-l", "app in (shop)"}, "Checks with app in (shop)", false},
		"rule":     {"those that fail by a rule", []string{"--rule", "orders/amount-range"}, "Check bad", false},
		"all":      {"the namespace", []string{"--all", "--severity", "error,critical"}, "all Checks (error, critical)", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := *c
			c.t = t
			out := c.must(append([]string{"silence", "--for", "2h", "--comment", "mended"}, test.args...)...)
			said := regexp.MustCompile(`^silence\.checky\.dev/(silence-\w+) created: (.*) of namespace \S+ silent until (\S+) \((119m|120m|2h)\)\n$`).FindStringSubmatch(out)
			if said == nil || said[2] != test.words {
				t.Fatalf("it says %q", out)
			}
			var list v1alpha1.SilenceList
			if err := c.List(t.Context(), &list, client.InNamespace(c.namespace)); err != nil || len(list.Items) != 1 {
				t.Fatalf("%d Silences: %v", len(list.Items), err)
			}
			silence := &list.Items[0]
			compiled, problems := alerts.CompileSilence(silence)
			if problems != nil {
				t.Fatal(problems)
			}
			if !compiled.Mutes(subject, time.Now()) || compiled.Mutes(other, time.Now()) != test.others || silence.Spec.CreatedBy == "" ||
				silence.Spec.Comment != "mended" || silence.Spec.EndsAt.UTC().Format(time.RFC3339) != said[3] {
				t.Errorf("%s: the Silence is %+v", test.reason, silence.Spec)
			}
			if list := c.must("silence", "--list"); !strings.Contains(list, said[1]) || !strings.Contains(list, test.words) {
				t.Errorf("--list prints\n%s", list)
			}
			if out := c.must("silence", "--end", said[1], "--dry-run=server"); !strings.Contains(out, "(dry run)") {
				t.Errorf("it says %q", out)
			}
			if out := c.must("silence", "--end", said[1]); !strings.HasPrefix(out, "silence.checky.dev/"+said[1]+" ended") {
				t.Errorf("it says %q", out)
			}
		})
	}
	for _, mode := range []string{"client", "server"} {
		if out := c.must("silence", "bad", "--for", "1m", "--dry-run="+mode, "-o", "yaml"); !strings.Contains(out, "checks:\n  - bad\n") || !strings.Contains(out, "kind: Silence") {
			t.Errorf("--dry-run=%s prints\n%s", mode, out)
		}
	}
	if a := c.run("silence", "--list"); a.code != 0 || a.out != "" || a.err != "There are no Silences.\n" {
		t.Errorf("a dry run left something: %+v", a)
	}
	for name, args := range map[string][]string{
		"name Checks, or give":     {"--for", "1h"},
		"--for: give a time":       {"bad"},
		"fails by it now":          {"--rule", "orders/none", "--for", "1h"},
		`"none" not found`:         {"none", "--for", "1h"},
		"one of -l, --rule":        {"bad", "-l", "a=b", "--for", "1h"},
		"--selector: ":             {"-l", "a=b=c", "--for", "1h"},
		"spec.severities":          {"bad", "--severity", "loud", "--for", "1h"},
		"-A: it goes with --list":  {"bad", "-A", "--for", "1h"},
		"--dry-run \"maybe\"":      {"bad", "--dry-run=maybe", "--for", "1h"},
		"from 1s to 8760h0m0s":     {"bad", "--for", "9000h"},
		"spec.comment":             {"bad", "--for", "1h", "--comment", strings.Repeat("x", 1025)},
		"at most 128 bytes":        {"bad", "--for", "1h", "--by", strings.Repeat("x", 129)},
		"--list and --end take no": {"bad", "--list"},
		`"silence-none" not found`: {"--end", "silence-none"},
		"is no name of an object":  {"--end", "a/b"},
		"[end list]":               {"--list", "--end", "x"},
	} {
		if a := c.run(append([]string{"silence"}, args...)...); a.code != 2 || !strings.Contains(a.err, name) {
			t.Errorf("silence %v: %d %s", args, a.code, a.err)
		}
	}
}

func TestAck(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	waiting := c.payload("waiting", `1`)
	waiting.Spec.RuleSets[0].Name = "shipments"
	c.create(c.payload("good", `{"amount": 1}`), c.payload("bad", `{"amount": 99999}`), waiting)
	c.phase("good", v1alpha1.PhaseSuccess)
	check := c.phase("bad", v1alpha1.PhaseFailure)
	c.until("waiting", "it waits", func(k *v1alpha1.Check) bool { return len(k.Status.Conditions) > 0 })
	annotation := func() string {
		return c.phase("bad", v1alpha1.PhaseFailure).Annotations[v1alpha1.AcknowledgedByAnnotation]
	}

	want := fmt.Sprintf("ada (alert %s)", strings.TrimPrefix(check.Status.Alert.Key, "sha256:")[:12])
	if out := c.must("ack", "bad", "--by", "ada"); out != "check.checky.dev/bad acknowledged by "+want+": orders/amount-range (error) is not announced again\n" {
		t.Errorf("it says %q", out)
	}
	if got := annotation(); got != want {
		t.Errorf("the annotation is %q, want %q", got, want)
	}
	if out := c.must("ack", "check/bad", "--by", "ada"); !strings.Contains(out, "acknowledged already") {
		t.Errorf("it says %q", out)
	}
	if out := c.must("explain", "bad"); !regexp.MustCompile(`(?m)^Acknowledged  ada \(alert`).MatchString(out) {
		t.Errorf("explain says\n%s", out)
	}

	// Another failure is another value.
	check = c.phase("bad", v1alpha1.PhaseFailure)
	check.Spec.InputJSON, check.Spec.FailOn = `{"amount": 99999}`, v1alpha1.SeverityWarning
	if err := c.Update(t.Context(), check); err != nil {
		t.Fatal(err)
	}
	c.until("bad", "another failure", func(k *v1alpha1.Check) bool {
		return k.Status.Summary != nil && k.Status.Summary.Fail == 2
	})
	if out := c.must("explain", "bad"); !strings.Contains(out, "an earlier failure") {
		t.Errorf("explain says\n%s", out)
	}
	c.must("ack", "bad")
	if got := annotation(); got == want || !strings.Contains(got, " (alert ") {
		t.Errorf("the annotation is %q", got)
	}
	if out := c.must("ack", "bad", "--undo"); !strings.Contains(out, "no longer acknowledged") || annotation() != "" {
		t.Errorf("it says %q, and the annotation is %q", out, annotation())
	}
	if out := c.must("ack", "bad", "--undo"); !strings.Contains(out, "is not acknowledged") {
		t.Errorf("it says %q", out)
	}
	for name, message := range map[string]string{"good": "does not fail (Success)", "waiting": "is Pending", "none": "not found"} {
		if a := c.run("ack", name); a.code != 2 || !strings.Contains(a.err, message) {
			t.Errorf("ack %s: %d %s", name, a.code, a.err)
		}
	}
}
