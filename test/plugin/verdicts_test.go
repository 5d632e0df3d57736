package plugin_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestExplain(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	waiting := c.payload("waiting", `{"amount": 1}`)
	waiting.Spec.RuleSets[0].Name = "shipments"
	c.create(c.payload("good", `{"amount": 1, "customer": "x"}`), c.payload("bad", `{"amount": 99999}`), waiting)
	c.phase("good", v1alpha1.PhaseSuccess)
	c.phase("bad", v1alpha1.PhaseFailure)
	c.until("waiting", "it waits", func(k *v1alpha1.Check) bool { return len(k.Status.Conditions) > 0 })

	for _, name := range []string{"good", "bad", "waiting"} {
		c.golden("explain-"+name+".txt", c.must("explain", name))
	}
	if got := c.must("explain", "chk/bad", "-o", "name"); got != "check.checky.dev/bad\n" {
		t.Errorf("-o name prints %s", got)
	}
	var v v1alpha1.Verdict
	if err := json.Unmarshal([]byte(c.must("explain", "bad", "-o", "json")), &v); err != nil || v.Phase != v1alpha1.PhaseFailure {
		t.Errorf("-o json: %v, %+v", err, v)
	}
	for name, message := range map[string]string{"none": `"none" not found`, "A/B": "name a Check", "../x": "name a Check", "x_y": "is no name"} {
		if a := c.run("explain", name); a.code != 2 || !strings.Contains(a.err, message) {
			t.Errorf("explain %s: %d %s", name, a.code, a.err)
		}
	}
}

func TestResults(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	if a := c.run("results"); a.code != 0 || a.out != "" || a.err != "No such Checks in namespace "+c.namespace+".\n" {
		t.Errorf("an empty namespace: %+v", a)
	}
	labelled := c.payload("bad", `{"amount": 99999}`)
	labelled.Labels = map[string]string{"app": "shop"}
	waiting := c.payload("waiting", `1`)
	waiting.Spec.RuleSets[0].Name = "shipments"
	c.create(c.payload("good", `{"amount": 1, "customer": "x"}`), labelled, waiting)
	c.phase("good", v1alpha1.PhaseSuccess)
	c.phase("bad", v1alpha1.PhaseFailure)
	c.until("waiting", "it waits", func(k *v1alpha1.Check) bool { return len(k.Status.Conditions) > 0 })

	c.golden("results.txt", c.must("results"))
	c.golden("results-wide.txt", c.must("results", "-o", "wide"))
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"phase":         {[]string{"--phase", "Failure"}, "bad"},
		"selector":      {[]string{"-l", "app=shop"}, "bad"},
		"rule":          {[]string{"--rule", "orders/amount-range"}, "bad"},
		"rule, warned":  {[]string{"--rule", "orders/customer"}, "bad"},
		"rule, nobody":  {[]string{"--rule", "orders/none"}, ""},
		"since":         {[]string{"--since", "1h"}, "bad good waiting"},
		"since, passed": {[]string{"--since", "1ns"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.must(append([]string{"results", "-o", "name"}, test.args...)...)
			got = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(got, "check.checky.dev/", ""), "\n", " "))
			if got != test.want {
				t.Errorf("it prints %q, want %q", got, test.want)
			}
		})
	}
	var lists [2]v1alpha1.CheckList
	for i, format := range []string{"json", "yaml"} {
		if err := yaml.UnmarshalStrict([]byte(c.must("results", "-o", format)), &lists[i]); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(lists[0], lists[1]); diff != "" || len(lists[0].Items) != 3 || lists[0].Items[0].Status.Explanation == "" {
		t.Errorf("json and yaml differ, or have not all of it:\n%s", diff)
	}
	for _, args := range [][]string{{"--phase", "Bad"}, {"-l", "a=b=c"}, {"-o", "xml"}, {"--since", "-1h"}} {
		if a := c.run(append([]string{"results"}, args...)...); a.code != 2 || a.err == "" {
			t.Errorf("%v: %+v", args, a)
		}
	}
}

// TestResultsOfManyPages: more than a page holds are all there, in columns.
func TestResultsOfManyPages(t *testing.T) {
	c := newCluster(t)
	for i := range 510 {
		c.create(c.payload(fmt.Sprintf("check-%03d", i), "1"))
	}
	lines := strings.Split(strings.TrimSpace(c.must("results")), "\n")
	if len(lines) != 511 || !strings.HasPrefix(lines[510], "Pending   check-509   -        ") {
		t.Errorf("there are %d lines, the last is %q", len(lines), lines[len(lines)-1])
	}
	var list v1alpha1.CheckList
	if err := json.Unmarshal([]byte(c.must("results", "-o", "json")), &list); err != nil || len(list.Items) != 510 {
		t.Errorf("json has %d: %v", len(list.Items), err)
	}
}

// following is the plugin as it streams.
type following struct {
	t     *testing.T
	lines chan string
}

func (c *cluster) follow(args ...string) *following {
	c.t.Helper()
	command := exec.CommandContext(context.WithoutCancel(c.t.Context()), c.plugin, append([]string{"results", "-w", "-n", c.namespace}, args...)...)
	command.Env = c.env
	command.Stderr = os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		c.t.Fatal(err)
	}
	f := &following{c.t, make(chan string, 100)}
	go func() {
		defer close(f.lines)
		for scanner := bufio.NewScanner(out); scanner.Scan(); {
			f.lines <- scanner.Text()
		}
	}()
	c.t.Cleanup(func() {
		_ = command.Process.Signal(os.Interrupt)
		for line := range f.lines {
			c.t.Errorf("more than was expected: %s", line)
		}
		if err := command.Wait(); err != nil {
			c.t.Errorf("results -w ended by Ctrl-C: %v", err)
		}
	})
	return f
}

// sees waits for the next line, which has to have all of the words.
func (f *following) sees(words ...string) {
	f.t.Helper()
	select {
	case line := <-f.lines:
		for _, word := range words {
			if !strings.Contains(line, word) {
				f.t.Fatalf("%q lacks %q", line, word)
			}
		}
	case <-time.After(patience):
		f.t.Fatalf("nothing tells %v", words)
	}
}

func TestResultsFollowed(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	c.create(c.payload("order", `{"amount": 1}`))
	c.phase("order", v1alpha1.PhaseSuccess)
	f := c.follow()
	failures := c.follow("--phase", "Failure")
	f.sees("PHASE", "CHECK", "WORST")
	f.sees("Success", "order", "0/2")

	check := c.phase("order", v1alpha1.PhaseSuccess)
	check.Spec.InputJSON = `{"amount": 99999}`
	if err := c.Update(t.Context(), check); err != nil {
		t.Fatal(err)
	}
	check = c.phase("order", v1alpha1.PhaseFailure)
	f.sees("Pending", "order")
	f.sees("Failure", "order", "1/2", "orders/amount-range (error)")
	failures.sees("PHASE")
	failures.sees("Failure", "order")

	// What changes but the verdict is not told.
	check.Labels = map[string]string{"seen": "true"}
	if err := c.Update(t.Context(), check); err != nil {
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), check); err != nil {
		t.Fatal(err)
	}
	c.create(c.payload("another", `{"amount": 99999}`))
	c.phase("another", v1alpha1.PhaseFailure)
	f.sees("Pending", "another")
	f.sees("Failure", "another")
	failures.sees("Failure", "another")
}

// TestHostileText: nothing that a payload, a rule or an annotation holds reaches the terminal as anything but text.
func TestHostileText(t *testing.T) {
	c := newCluster(t)
	c.operate()
	const hostile = "\x1b[2J\x1b]0;owned\a\u009b31m\u202e"
	key, _ := json.Marshal("x" + hostile)
	c.file("hostile.json", fmt.Sprintf(`{%s: %s}`, key, key))
	c.file("rules.json", fmt.Sprintf(`{"rules": [{"name": "all", "module": {"name": "const", "params": {"field": "$.*", "value": 1}}, "message": %s}]}`, key))
	for _, format := range []string{"text", "json", "yaml", "junit", "sarif", "name"} {
		a := c.run("run", "-f", "hostile.json", "-r", "rules.json", "-o", format)
		if a.code != 1 {
			t.Fatalf("%s: %d\n%q", format, a.code, a.err)
		}
		tame(t, "run -o "+format, a.out+a.err, format == "yaml")
	}
	check := &c.checks()[0]
	check.Annotations = map[string]string{v1alpha1.AcknowledgedByAnnotation: "ada" + hostile}
	if err := c.Update(t.Context(), check); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"explain", check.Name}, {"explain", check.Name, "-o", "json"}, {"results"}, {"results", "-o", "wide"}, {"results", "-o", "json"}, {"results", "-o", "yaml"},
		{"ack", check.Name, "--undo"},
		{"silence", check.Name, "--for", "1h", "--by", "ada", "--comment", hostile}, {"silence", "--list"},
	} {
		tame(t, strings.Join(args, " "), c.must(args...), args[len(args)-1] == "yaml")
	}
	for _, args := range [][]string{
		{"explain", hostile}, {"results", "-l", hostile}, {"run", "-f", hostile}, {"silence", hostile, "--for", "1h"}, {"ack", check.Name, "--by", hostile}, {hostile},
		{"results", "--context", hostile},
	} {
		a := c.run(args...)
		if a.code != 2 {
			t.Errorf("%q: exit code %d", args, a.code)
		}
		tame(t, fmt.Sprintf("%q", args), a.out+a.err, false)
	}
}

// tame looks for characters that a terminal acts on. YAML's encoder leaves those of the direction of writing.
func tame(t *testing.T, what, text string, directions bool) {
	t.Helper()
	for _, r := range text {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e && !directions {
			t.Errorf("%s prints %U:\n%q", what, r, text)
			return
		}
	}
}
