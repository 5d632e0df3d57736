package plugin_test

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestRun(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	c.create(c.payload("taken", "1"))
	c.file("good.json", `{"amount": 10, "customer": "x"}`)
	c.file("bad.yaml", "amount: 99999\ncustomer: x\n")
	c.file("warned.json", `{"amount": 10}`)
	c.file("digits.json", `{"amount": 10000.000000000000000000001, "customer": "x"}`)
	c.file("rules.yaml", ordersRules)
	c.file("broken.json", `{"amount": `)
	c.file("secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n")
	c.file("check.yaml", "apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: k}\nspec: {inputJSON: '1'}\n")
	for name, test := range map[string]struct {
		reason string
		stdin  string
		args   []string
		code   int
		golden bool
		err    string // what standard error has
	}{
		"success":     {reason: "a pass is exit code 0", args: []string{"-f", "good.json", "--rule-set", "orders", "--name", "success"}, golden: true},
		"failure":     {reason: "a failure is 1, told as checky check does", args: []string{"-f", "bad.yaml", "--rule-set", "orders", "--name", "failure"}, code: 1, golden: true},
		"warning":     {reason: "a warning alone passes", args: []string{"-f", "warned.json", "--rule-set", "orders", "--name", "warning"}, golden: true},
		"fail-on":     {reason: "the severity is the user's", args: []string{"-f", "warned.json", "--rule-set", "orders", "--fail-on", "warning", "--name", "fail-on"}, code: 1, golden: true},
		"inline":      {reason: "rules can come from a file", args: []string{"-f", "bad.yaml", "-r", "rules.yaml", "--name", "inline"}, code: 1, golden: true},
		"digits":      {reason: "no digit is lost on the way", args: []string{"-f", "digits.json", "--rule-set", "orders", "--name", "digits"}, code: 1, golden: true},
		"no-rules":    {reason: "Error is 2", args: []string{"-f", "good.json", "--name", "no-rules"}, code: 2, golden: true},
		"json":        {reason: "json is what checky check prints", args: []string{"-f", "bad.yaml", "--rule-set", "orders", "--name", "json", "-o", "json"}, code: 1, golden: true},
		"yaml":        {reason: "yaml is the same", args: []string{"-f", "bad.yaml", "--rule-set", "orders", "--name", "yaml", "-o", "yaml"}, code: 1, golden: true},
		"junit":       {reason: "for pipelines", args: []string{"-f", "bad.yaml", "--rule-set", "orders", "--name", "junit", "-o", "junit"}, code: 1, golden: true},
		"name":        {reason: "for scripts", stdin: `{"amount": 1}`, args: []string{"-f", "-", "--rule-set", "orders", "--name", "name", "-o", "name"}, golden: true},
		"several":     {reason: "the worst decides", args: []string{"-f", "good.json", "-f", "bad.yaml", "--rule-set", "orders"}, code: 1},
		"rm":          {reason: "nothing stays", args: []string{"-f", "bad.yaml", "--rule-set", "orders", "--generate-name", "rm-", "--rm"}, code: 1},
		"at-once":     {reason: "a Check that is kept for no time has a verdict all the same", args: []string{"-f", "bad.yaml", "--rule-set", "orders", "--ttl", "0s"}, code: 1},
		"timeout":     {reason: "what is waited for is told, and where to go on", args: []string{"-f", "good.json", "--rule-set", "nonsense", "--name", "timeout", "--timeout", "2s"}, code: 2, err: "RuleSet nonsense"},
		"taken":       {reason: "a name is another's", args: []string{"-f", "good.json", "--rule-set", "orders", "--name", "taken"}, code: 2, err: "there is a Check taken already"},
		"bad-name":    {reason: "refused before anything is sent", args: []string{"-f", "good.json", "--name", "A_B"}, code: 2, err: "--name: "},
		"bad-payload": {reason: "told with its line, and not quoted", args: []string{"-f", "broken.json"}, code: 2, err: "broken.json:1: "},
		"no-file":     {reason: "there is none", args: []string{"-f", "none.json"}, code: 2, err: "-f none.json: there is no such file"},
		"secret":      {reason: "its values would be readable", args: []string{"-f", "secret.yaml"}, code: 2, err: "secretKeyRef"},
		"check":       {reason: "it is no payload", args: []string{"-f", "check.yaml"}, code: 2, err: "kubectl apply -f"},
		"output":      {reason: "an unknown format", args: []string{"-f", "good.json", "-o", "xml"}, code: 2, err: `-o "xml": give text, json`},
	} {
		t.Run(name, func(t *testing.T) {
			c := *c
			c.t = t
			a := c.runWith(test.stdin, append([]string{"run"}, test.args...)...)
			if a.code != test.code || !strings.Contains(a.err, test.err) || test.err == "" && a.err != "" {
				t.Errorf("%s: exit code %d, want %d\n%s%s", test.reason, a.code, test.code, a.err, a.out)
			}
			if test.golden {
				c.golden("run-"+name+".txt", a.out)
			}
			if strings.Contains(a.err+a.out, "hunter2") {
				t.Errorf("a payload is quoted:\n%s%s", a.err, a.out)
			}
		})
	}
	for _, k := range c.checks() {
		if strings.HasPrefix(k.Name, "rm-") {
			t.Errorf("%s stays", k.Name)
		}
		if k.Name == "digits" && !strings.Contains(k.Spec.InputJSON, "10000.000000000000000000001") {
			t.Errorf("the payload is %s", k.Spec.InputJSON)
		}
	}
}

// TestRunList: json and yaml of several payloads are a list of the same.
func TestRunList(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	c.file("orders.yaml", "amount: 1\n---\namount: 20000\n")
	var lists [2][]struct {
		Name string
		v1alpha1.Verdict
	}
	for i, format := range []string{"json", "yaml"} {
		a := c.run("run", "-f", "orders.yaml", "-f", "orders.yaml", "--rule-set", "orders", "-o", format)
		if a.code != 1 {
			t.Fatalf("exit code %d\n%s", a.code, a.err)
		}
		if err := yaml.Unmarshal([]byte(a.out), &lists[i]); err != nil {
			t.Fatalf("%v\n%s", err, a.out)
		}
		for j := range lists[i] {
			if !strings.HasPrefix(lists[i][j].Name, c.namespace+"/orders-") {
				t.Errorf("the name is %s", lists[i][j].Name)
			}
			lists[i][j].Name = ""
		}
	}
	if len(lists[0]) != 4 || lists[0][0].Phase != v1alpha1.PhaseSuccess || lists[0][1].Phase != v1alpha1.PhaseFailure {
		t.Errorf("the list is %+v", lists[0])
	}
	if diff := cmp.Diff(lists[0], lists[1]); diff != "" {
		t.Errorf("json and yaml differ:\n%s", diff)
	}
}

// TestRunPrintsLikeCheck: what the cluster says of a payload is what checky check says.
func TestRunPrintsLikeCheck(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	a := c.runWith(`{"amount": 99999}`, "run", "-f", "-", "--rule-set", "orders", "-o", "json")
	var v v1alpha1.Verdict
	if err := json.Unmarshal([]byte(a.out), &v); err != nil {
		t.Fatalf("%v\n%s%s", err, a.err, a.out)
	}
	if diff := cmp.Diff(c.checks()[0].Status.Verdict, v); diff != "" {
		t.Errorf("the report is not the status (-status +report):\n%s", diff)
	}
}

// TestInterrupt: Ctrl-C leaves a line with the Check's name, and with --rm no Check.
func TestInterrupt(t *testing.T) {
	c := newCluster(t)
	c.file("order.json", `{"amount": 1}`)
	for name, args := range map[string][]string{"kept": nil, "removed": {"--rm"}} {
		t.Run(name, func(t *testing.T) {
			c := *c
			c.t = t
			command := c.command(append([]string{"run", "-f", "order.json", "--rule-set", "orders", "--name", name}, args...)...)
			errOut, err := command.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			c.until(name, "it is there", func(*v1alpha1.Check) bool { return true })
			if err := command.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(bufio.NewReader(errOut))
			if err != nil {
				t.Fatal(err)
			}
			_ = command.Wait() // its exit code is looked at
			if code := command.ProcessState.ExitCode(); code != 2 || !strings.Contains(string(text), c.namespace+"/"+name) || strings.Count(string(text), "\n") != 1 {
				t.Errorf("exit code %d\n%s", code, text)
			}
			stays := false
			for _, k := range c.checks() {
				stays = stays || k.Name == name
			}
			if stays != (args == nil) {
				t.Errorf("the Check stays: %v", stays)
			}
		})
	}
}
