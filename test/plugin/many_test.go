package plugin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
	"github.com/checky-dev/checky/rules"
)

// manyOrders are lines of NDJSON; every 500th fails, and the one before it has a warning.
func manyOrders(lines int) string {
	var b strings.Builder
	for i := range lines {
		switch i % 500 {
		case 498:
			fmt.Fprintf(&b, "{\"id\": \"A-%d\", \"amount\": %d}\n", i, 1+i)
		case 499:
			fmt.Fprintf(&b, "{\"id\": \"A-%d\", \"amount\": %d, \"customer\": \"x\"}\n", i, 10001+i)
		default:
			fmt.Fprintf(&b, "{\"id\": \"A-%d\", \"amount\": %d.50, \"customer\": \"x\"}\n", i, 1+i)
		}
	}
	return b.String()
}

func TestRunMany(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	c.file("orders.ndjson", "{\"id\": \"A-1\", \"amount\": 10, \"customer\": \"x\"}\n\n{\"id\": \"A-2\", \"amount\": 10000.000000000000000000001, \"customer\": \"x\"}\n{\"id\": \"A-3\", \"amount\": 1}\n")
	c.file("orders.csv", "id;amount;customer\r\nA-1;10;x\r\nA-2;99999;x\r\n")
	c.file("good.jsonl", "{\"amount\": 10, \"customer\": \"x\"}\n")
	c.file("long.ndjson", manyOrders(2*rules.MaxBatchItems+500))
	c.file("ragged.csv", "id,amount\nA-1\nA-2,1\nhunter2,1,2\n")
	c.file("secret.ndjson", `{"apiVersion": "v1", "kind": "Secret", "data": {"password": "hunter2"}}`)
	for name, test := range map[string]struct {
		reason string
		stdin  string
		args   []string
		code   int
		golden bool
		out    string // what standard output has
		err    string // what standard error has
	}{
		"many":        {reason: "one Check of all lines, every digit kept", args: []string{"-f", "orders.ndjson", "--rule-set", "orders", "--name", "many", "--name-field", "$.id"}, code: 1, golden: true},
		"many-sarif":  {reason: "with the lines", args: []string{"-f", "orders.ndjson", "--rule-set", "orders", "--name", "many-sarif", "-o", "sarif"}, code: 1, out: `"startLine": 4`},
		"csv":         {reason: "one of all records", args: []string{"-f", "orders.csv", "--csv-delimiter", ";", "--rule-set", "orders", "--name", "csv"}, code: 1, golden: true},
		"csv-stdin":   {reason: "by the flag", stdin: "amount,customer\n1,x\n", args: []string{"-f", "-", "--input-format", "csv", "--rule-set", "orders", "--name", "csv-stdin"}, golden: true},
		"long":        {reason: "what takes several Checks is told as one", args: []string{"-f", "long.ndjson", "--rule-set", "orders", "--name-field", "$.id"}, code: 1, golden: true},
		"long-junit":  {reason: "for pipelines, too", args: []string{"-f", "long.ndjson", "--rule-set", "orders", "-o", "junit"}, code: 1, golden: true},
		"mixed":       {reason: "beside documents", stdin: `{"amount": 1, "customer": "x"}`, args: []string{"-f", "-", "-f", "good.jsonl", "--rule-set", "orders"}},
		"many-rules":  {reason: "no rules is an Error", args: []string{"-f", "long.ndjson"}, code: 2, golden: true},
		"many-rm":     {reason: "nothing stays", args: []string{"-f", "long.ndjson", "--rule-set", "orders", "--generate-name", "rm-", "--rm"}, code: 1},
		"many-name":   {reason: "there are several", args: []string{"-f", "long.ndjson", "--rule-set", "orders", "--name", "long"}, code: 2, err: "--name: there are 3 Checks to make"},
		"ragged":      {reason: "each line is told, and nothing made", args: []string{"-f", "ragged.csv", "--rule-set", "orders", "--generate-name", "none-"}, code: 2, err: "ragged.csv:4: payload: the record has 3 cells, and the header 2"},
		"many-secret": {reason: "its values would be readable", args: []string{"-f", "secret.ndjson"}, code: 2, err: "secret.ndjson:1: it is a Secret"},
	} {
		t.Run(name, func(t *testing.T) {
			c := *c
			c.t = t
			a := c.runWith(test.stdin, append([]string{"run"}, test.args...)...)
			if a.code != test.code || !strings.Contains(a.err, test.err) || test.err == "" && a.err != "" {
				t.Errorf("%s: exit code %d, want %d\n%s%s", test.reason, a.code, test.code, a.err, a.out)
			}
			if !strings.Contains(a.out, test.out) {
				t.Errorf("%s: there is no %s in\n%s", test.reason, test.out, a.out)
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
		if strings.HasPrefix(k.Name, "rm-") || strings.HasPrefix(k.Name, "none-") {
			t.Errorf("%s is there", k.Name)
		}
		if k.Name == "many" && (len(k.Spec.Inputs) != 3 || k.Spec.Inputs[1].Name != "A-2" || !strings.Contains(k.Spec.Inputs[1].InputJSON, "10000.000000000000000000001")) {
			t.Errorf("the payloads are %+v", k.Spec.Inputs)
		}
	}
}

// TestRunManyIsCheck: what the cluster says of a file is what checky check says of it, whatever the number of Checks; but for the
// alert, which is each Check's own.
func TestRunManyIsCheck(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	c.file("orders.yaml", "apiVersion: checky.dev/v1alpha1\nkind: RuleSet\nmetadata: {name: orders}\nspec:"+strings.ReplaceAll(ordersRules, "\n", "\n  "))
	c.file("long.ndjson", manyOrders(2*rules.MaxBatchItems+500))
	knowledge, err := filepath.Abs("testdata/knowledge.txt")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), controlplanetest.Build(t, "checky"),
		"check", "-f", "long.ndjson", "-r", "orders.yaml", "--knowledge", knowledge, "-o", "json")
	command.Dir, command.Env = c.dir, os.Environ()
	out, err := command.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatal(err)
	}
	a := c.run("run", "-f", "long.ndjson", "--rule-set", "orders", "-o", "json")
	var want, got v1alpha1.Verdict
	for text, v := range map[string]*v1alpha1.Verdict{string(out): &want, a.out: &got} {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			t.Fatalf("%v\n%s%s", err, text, a.err)
		}
	}
	if a.code != 1 || want.Batch.Total != 2*rules.MaxBatchItems+500 {
		t.Errorf("exit code %d; of %d payloads\n%s", a.code, want.Batch.Total, a.err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(v1alpha1.Verdict{}, "Alert")); diff != "" {
		t.Errorf("(-checky check +kubectl checky run):\n%s", diff)
	}
	names := c.run("run", "-f", "long.ndjson", "--rule-set", "orders", "-o", "name")
	if lines := strings.Fields(names.out); len(lines) != 3 || !strings.HasPrefix(lines[0], "check.checky.dev/long-1-") || !strings.HasPrefix(lines[2], "check.checky.dev/long-3-") {
		t.Errorf("the names are %s", names.out)
	}
}
