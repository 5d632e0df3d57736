package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/cmd/program"
	"github.com/checky-dev/checky/rules"
)

var update = flag.Bool("update", false, "write the golden files anew")

// checkFixtures are the files that the tests name.
const checkFixtures = "testdata/check"

// runChecky runs the program in the folder of the fixtures.
func runChecky(t *testing.T, stdin string, args ...string) (code int, out, errOut string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(args, strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

// goldenCheck compares with a file next to the fixtures of checky check, whose folder the test is in.
func goldenCheck(t *testing.T, name, got string) {
	t.Helper()
	golden(t, filepath.Join("golden", name), got)
}

// golden compares what users read with a file.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// knowledge keeps the goldens apart from the knowledge file that ships.
const knowledge = "--knowledge=knowledge.txt"

func TestCheckPrints(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		code   int
	}{
		"failure.txt":    {"one payload, two rule files", []string{"-f", "bad.json", "-r", "orders.yaml", "-r", "plain.yaml"}, 1},
		"failure.json":   {"one payload is one verdict", []string{"-f", "bad.json", "-r", "orders.yaml", "-o", "json"}, 1},
		"several.txt":    {"several payloads end with a total", []string{"-f", "good.json", "-f", "bad.yaml", "-f", "no-items.json", "-f", "twice.yaml", "-r", "orders.yaml"}, 2},
		"several.junit":  {"a suite each", []string{"-f", "good.json", "-f", "bad.yaml", "-f", "no-items.json", "-f", "twice.yaml", "-r", "orders.yaml", "-o", "junit"}, 2},
		"several.sarif":  {"lines of the payloads", []string{"-f", "good.json", "-f", "bad.yaml", "-r", "orders.yaml", "-o", "sarif"}, 1},
		"checks.txt":     {"Checks with what they refer to", []string{"-f", "checks"}, 2},
		"checks.json":    {"a list with names", []string{"-f", "checks", "-o", "json"}, 2},
		"checks.sarif":   {"lines in blocks of other files", []string{"-f", "checks", "-o", "sarif"}, 2},
		"broken.txt":     {"rules that do not compile", []string{"-f", "good.json", "-r", "broken.yaml"}, 2},
		"misspelt.txt":   {"manifests that the API server would refuse", []string{"-f", "good.json", "-r", "misspelt.yaml"}, 2},
		"fail-on.txt":    {"a severity fails that would warn", []string{"-f", "bad.json", "-r", "orders.yaml", "--fail-on", "warning"}, 1},
		"color.txt":      {"colors where they are asked for", []string{"-f", "good.json", "-r", "orders.yaml", "--color", "always"}, 0},
		"bad-flags.txt":  {"each wrong flag is told", []string{"-o", "xml", "--fail-on", "fatal", "--color", "blue", "--now", "noon", "-n", ""}, 2},
		"bad-files.txt":  {"each wrong file is told", []string{"-f", "none.json", "-f", "good.json", "-r", "none.yaml", "-r", "good.json", "-r", "twice.yaml"}, 2},
		"conflict.txt":   {"two versions of one set", []string{"-f", "checks", "-r", "orders.yaml"}, 2},
		"knowledge.txt":  {"a knowledge file that is not there, whatever the verdict", []string{"-f", "good.json", "-r", "orders.yaml", "--knowledge", "none.txt"}, 2},
		"no-targets.txt": {"rule sets alone", []string{"-f", "orders.yaml"}, 2},

		"many.txt":       {"a payload a line", []string{"-f", "orders.ndjson", "-r", "orders.yaml"}, 1},
		"many.json":      {"what a batch's status would hold", []string{"-f", "orders.ndjson", "-r", "orders.yaml", "-o", "json"}, 1},
		"many.junit":     {"a testcase for each payload that is told, and the counts", []string{"-f", "orders.ndjson", "-r", "orders.yaml", "-o", "junit"}, 1},
		"many.sarif":     {"the lines of the payloads", []string{"-f", "orders.ndjson", "-r", "orders.yaml", "-o", "sarif"}, 1},
		"many-name.txt":  {"payloads by their names", []string{"-f", "orders.ndjson", "-r", "orders.yaml", "--name-field", "$.id"}, 1},
		"csv.txt":        {"a payload a record", []string{"-f", "orders.csv", "-r", "amounts.yaml", "--csv-delimiter", ";"}, 1},
		"csv.sarif":      {"the lines that records begin on", []string{"-f", "orders.csv", "-r", "amounts.yaml", "--csv-delimiter", ";", "--name-field", "$.id", "-o", "sarif"}, 1},
		"mixed.txt":      {"a verdict for each file", []string{"-f", "orders.csv", "-f", "good.json", "-f", "orders.ndjson", "-r", "amounts.yaml", "--csv-delimiter", ";"}, 1},
		"bad-many.txt":   {"each wrong file is told", []string{"-f", "none.ndjson", "-f", "no-header.csv", "-f", "none.json", "-r", "amounts.yaml"}, 2},
		"bad-format.txt": {"flags that would do nothing", []string{"-f", "good.json", "-r", "orders.yaml", "--input-format", "csv", "--name-field", "$.id", "--csv-delimiter", ";"}, 2},
	}
	t.Chdir(checkFixtures)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			code, out, errOut := runChecky(t, "", append([]string{"check", knowledge}, tc.args...)...)
			if code != tc.code {
				t.Errorf("%s: exit code %d, want %d", tc.reason, code, tc.code)
			}
			if errOut != "" {
				out += "--- standard error\n" + errOut
			}
			if strings.Contains(out, "hunter2") {
				t.Error("a value of a Secret is shown")
			}
			goldenCheck(t, name, strings.ReplaceAll(out, strconv.Quote(program.Version()), `"VERSION"`))
		})
	}
}

func TestCheckExitCodes(t *testing.T) {
	cases := map[string]struct {
		reason, stdin string
		args          []string
		want          int
	}{
		"Success":          {"all rules pass", "", []string{"-f", "good.json", "-r", "orders.yaml"}, 0},
		"Warning":          {"a warning does not fail", `{"currency": "eur", "items": []}`, []string{"-f", "-", "-r", "orders.yaml"}, 0},
		"Failure":          {"a rule fails", "", []string{"-f", "bad.json", "-r", "orders.yaml"}, 1},
		"Error":            {"a rule cannot be evaluated", "", []string{"-f", "no-items.json", "-r", "orders.yaml"}, 2},
		"SuccessFailure":   {"failure is worse than success", "", []string{"-f", "good.json", "-f", "bad.json", "-r", "orders.yaml"}, 1},
		"FailureError":     {"error is worse than failure", "", []string{"-f", "bad.json", "-f", "no-items.json", "-r", "orders.yaml"}, 2},
		"FailureBadRule":   {"a bad rule is worse than a failure", "", []string{"-f", "bad.json", "-r", "orders.yaml", "-r", "broken.yaml"}, 2},
		"UnusedBadRule":    {"all rules given are compiled", "", []string{"-f", "checks/a.yaml", "-f", "checks/b.yml", "-r", "broken.yaml"}, 2},
		"NotJSON":          {"a payload that is none", "{", []string{"-f", "-", "-r", "orders.yaml"}, 2},
		"Empty":            {"no payload at all", "", []string{"-f", "-", "-r", "orders.yaml"}, 2},
		"YAMLFromStdin":    {"standard input can be YAML", "amount: 1\nitems: []\ncurrency: EUR", []string{"-f", "-", "-r", "orders.yaml"}, 0},
		"ByteOrderMark":    {"it is no part of the payload", "\ufeff{\"amount\": 1, \"items\": [], \"currency\": \"EUR\"}", []string{"-f", "-", "-r", "orders.yaml"}, 0},
		"BOMAndYAML":       {"nor of one in YAML", "\ufeffamount: 1\nitems: []\ncurrency: EUR", []string{"-f", "-", "-r", "orders.yaml"}, 0},
		"RulesFromStdin":   {"so can the rules", "rules: [{name: a, module: {name: required, params: {field: $.id}}}]", []string{"-f", "good.json", "-r", "-"}, 0},
		"StdinTwice":       {"it can be read once", "{}", []string{"-f", "-", "-r", "-"}, 2},
		"NoRules":          {"nothing was checked", "", []string{"-f", "good.json"}, 2},
		"NoFiles":          {"-f is missing", "", nil, 2},
		"UnknownFlag":      {"a flag that is not there", "", []string{"-f", "good.json", "--strict"}, 2},
		"Argument":         {"files are named by -f", "", []string{"good.json"}, 2},
		"NoSuchFile":       {"a file that is not there", "", []string{"-f", "none.json"}, 2},
		"NoSuchKnowledge":  {"a file that is not there", "", []string{"-f", "good.json", "-r", "orders.yaml", "--knowledge", "none.txt"}, 2},
		"FailOnForChecks":  {"the flag would do nothing", "", []string{"-f", "checks", "--fail-on", "info"}, 2},
		"PlainForChecks":   {"the rules would do nothing", "", []string{"-f", "checks", "-r", "plain.yaml"}, 2},
		"FolderAsRules":    {"what holds no rules is passed over", "", []string{"-f", "good.json", "-r", "checks"}, 0},
		"ObjectAsPayload":  {"without a Check, an object is a payload", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nid: 1", []string{"-f", "-", "-r", "plain.yaml"}, 0},
		"OtherVersion":     {"a version of tomorrow", "apiVersion: checky.dev/v9\nkind: Check", []string{"-f", "-"}, 2},
		"Suspended":        {"what is not evaluated has not passed", "apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: a}\nspec: {suspend: true, input: 1}", []string{"-f", "-"}, 2},
		"TwoInputs":        {"a Check that contradicts itself", "apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: a}\nspec: {inputJSON: '1', input: 1, rules: [{name: a, cel: {expression: 'true'}}]}", []string{"-f", "-"}, 2},
		"OtherNamespace":   {"sets are of one namespace", "apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: a, namespace: b}\nspec: {ruleSets: [{name: orders}], input: 1}", []string{"-f", "-", "-r", "orders.yaml"}, 2},
		"NoClusterRuleSet": {"a set that is not there", "apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: a}\nspec: {ruleSets: [{name: orders, kind: ClusterRuleSet}], input: 1}", []string{"-f", "-", "-r", "orders.yaml"}, 2},
		"NoInput":          {"nothing was checked", "apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: a}\nspec: {ruleSets: [{name: orders}]}", []string{"-f", "-", "-r", "orders.yaml"}, 2},
		"TooManyRules":     {"past the limit of a check", "", []string{"-f", "good.json", "-r", "many"}, 2},
		"NamespaceByFlag":  {"the flag names it", "apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: a, namespace: b}\nspec: {ruleSets: [{name: orders}], input: {items: []}}", []string{"-f", "-", "-r", "orders.yaml", "-n", "b"}, 0},
		"ExpressionsSeeIt": {"--now is what expressions see", "rules: [{name: a, cel: {expression: now.getFullYear() == 1999}}]", []string{"-f", "good.json", "-r", "-", "--now", "1999-12-31T00:00:00Z"}, 0},
		"PayloadTooLong":   {"past its limit", `"` + strings.Repeat("x", rules.MaxPayloadBytes) + `"`, []string{"-f", "-", "-r", "orders.yaml"}, 2},
		"Many":             {"all pass", "{\"items\": []}\n{\"items\": []}\n", []string{"-f", "-", "-r", "orders.yaml", "--input-format", "ndjson"}, 0},
		"ManyFailure":      {"one fails", "{\"items\": []}\n{\"amount\": 0, \"items\": []}\n", []string{"-f", "-", "-r", "orders.yaml", "--input-format", "ndjson"}, 1},
		"ManyError":        {"one is no JSON", "{\"items\": []}\n{\n", []string{"-f", "-", "-r", "orders.yaml", "--input-format", "ndjson"}, 2},
		"ManyFailureError": {"one batch is a Failure where one of its payloads is", "{\n{\"amount\": 0, \"items\": []}\n", []string{"-f", "-", "-r", "orders.yaml", "--input-format", "ndjson"}, 1},
		"ManyBoth":         {"but a file in Error goes before one in Failure", "{\n", []string{"-f", "orders.ndjson", "-f", "-", "-r", "orders.yaml", "--input-format", "ndjson"}, 2},
		"ManyEmpty":        {"nothing was checked", "\n\n", []string{"-f", "-", "-r", "orders.yaml", "--input-format", "ndjson"}, 2},
		"ManyNoRules":      {"nothing was checked", "", []string{"-f", "orders.ndjson"}, 2},
		"ManyBadRule":      {"a bad rule is worse than a failure", "", []string{"-f", "orders.ndjson", "-r", "orders.yaml", "-r", "broken.yaml"}, 2},
		"ManyFailOn":       {"the flag is for them, too", "{\"currency\": \"eur\", \"items\": []}", []string{"-f", "-", "-r", "orders.yaml", "--input-format", "ndjson", "--fail-on", "warning"}, 1},
		"ManyStdinTwice":   {"it can be read once", "", []string{"-f", "-", "-r", "-", "--input-format", "ndjson"}, 2},
		"CSVFromStdin":     {"by the flag", "amount,currency\n1,EUR\n", []string{"-f", "-", "-r", "amounts.yaml", "--input-format", "csv"}, 0},
		"CSVHeaderAlone":   {"nothing was checked", "amount,currency\n", []string{"-f", "-", "-r", "amounts.yaml", "--input-format", "csv"}, 2},
		"LineTooLong":      {"that payload alone is an Error", "{\"items\": []}\n\"" + strings.Repeat("x", rules.MaxPayloadBytes) + "\"\n", []string{"-f", "-", "-r", "orders.yaml", "--input-format", "ndjson"}, 2},
		"FileTooLong":      {"past its limit", `"` + strings.Repeat("x", manifest.MaxFileBytes) + `"`, []string{"-f", "-", "-r", "orders.yaml"}, 2},
	}
	t.Chdir(checkFixtures)
	many := manySets(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if i := slices.Index(tc.args, "many"); i >= 0 {
				tc.args[i] = many
			}
			code, out, errOut := runChecky(t, tc.stdin, append([]string{"check", knowledge}, tc.args...)...)
			if code != tc.want {
				t.Errorf("%s: exit code %d, want %d\n%s%s", tc.reason, code, tc.want, out, errOut)
			}
			if code == 2 && out == "" && errOut == "" {
				t.Errorf("%s: nothing is said", tc.reason)
			}
		})
	}
}

// manySets is a folder of rule sets that have more rules than one check may run.
func manySets(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for i := range 1 + rules.MaxRulesPerCheck/rules.MaxRulesPerSet {
		var b strings.Builder
		fmt.Fprintf(&b, "apiVersion: checky.dev/v1alpha1\nkind: RuleSet\nmetadata: {name: s%d}\nspec:\n  rules:\n", i)
		for j := range rules.MaxRulesPerSet {
			fmt.Fprintf(&b, "  - {name: r%d, module: {name: required, params: {field: $}}}\n", j)
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%d.yaml", i)), []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// A verdict does not depend on how its payload is written, nor on the order of rule sets.
func TestCheckGivesTheSameBytes(t *testing.T) {
	t.Chdir(checkFixtures)
	args := func(file string, ruleFiles ...string) []string {
		list := []string{"check", knowledge, "-o", "json", "-f", file}
		for _, f := range ruleFiles {
			list = append(list, "-r", f)
		}
		return list
	}
	_, want, _ := runChecky(t, "", args("bad.json", "orders.yaml", "plain.yaml", "broken.yaml")...)
	members := []string{`"amount": 9.9999e4`, `"currency": "eur"`, `"items": [ {"qty": 1} ]`}
	rapid.Check(t, func(r *rapid.T) {
		stdin := "{" + strings.Join(rapid.Permutation(members).Draw(r, "members"), ",\n") + "}"
		_, got, _ := runChecky(t, stdin, args("-", rapid.Permutation([]string{"orders.yaml", "plain.yaml", "broken.yaml"}).Draw(r, "rules")...)...)
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("another verdict (-want +got):\n%s", diff)
		}
	})
}

// Nor does it depend on what else is checked, and in which order.
func TestCheckKeepsInputsApart(t *testing.T) {
	t.Chdir(checkFixtures)
	files := []string{"good.json", "bad.yaml", "no-items.json", "twice.json", "checks/a.yaml", "checks/b.yml"}
	verdicts := func(fatal func(string, ...any), files []string) map[string]string {
		args := []string{"check", knowledge, "-o", "json"}
		for _, f := range files {
			args = append(args, "-f", f)
		}
		_, out, errOut := runChecky(t, "", args...)
		var list []map[string]json.RawMessage
		if err := json.Unmarshal([]byte(out), &list); err != nil {
			fatal("%v: %s", err, errOut)
		}
		byName := map[string]string{}
		for _, verdict := range list {
			name := string(verdict["name"])
			delete(verdict, "name")
			text, err := json.Marshal(verdict)
			if err != nil {
				fatal("%v", err)
			}
			byName[name] = string(text)
		}
		return byName
	}
	want := verdicts(t.Fatalf, files)
	rapid.Check(t, func(r *rapid.T) {
		got := verdicts(r.Fatalf, rapid.Permutation(files).Draw(r, "files"))
		if diff := cmp.Diff(want, got); diff != "" {
			r.Fatalf("other verdicts (-want +got):\n%s", diff)
		}
	})
}

// Where the API server would lose digits, that is said, and does not change the verdict.
func TestCheckNotesWhatTheAPIServerLoses(t *testing.T) {
	cases := map[string]struct {
		number string
		noted  bool
	}{
		"Integer":       {"9223372036854775807", false},
		"PastInt64":     {"9223372036854775809", true},
		"PowerOfTwo":    {"18446744073709551616", true},
		"Decimal":       {"0.1", false},
		"ManyDigits":    {"0.12345678901234567890", true},
		"TrailingZeros": {"1.500000000000000000000000", false},
		"TooLarge":      {"1e400", true},
		"TooSmall":      {"1e-400", true},
	}
	const head = "apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: a}\nspec:\n  rules: [{name: a, module: {name: type, params: {field: '$.n[0]', type: number}}}]\n"
	for name, tc := range cases {
		for field, payload := range map[string]string{
			"input":  "  input:\n    n: [" + tc.number + "]\n",
			"inputs": "  inputs: [{inputJSON: '{\"n\": [1e400]}'}, {input: null},\n    {input: {n: [" + tc.number + "]}}]\n",
		} {
			t.Run(name+"/"+field, func(t *testing.T) {
				code, _, errOut := runChecky(t, head+payload, "check", "-f", "-")
				if code != 0 || strings.HasPrefix(errOut, "stdin:7: note: the API server does not keep all digits of this number of spec."+field+";") != tc.noted {
					t.Errorf("exit code %d, standard error %q", code, errOut)
				}
			})
		}
	}
}
