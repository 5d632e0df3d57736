package report

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/checky-dev/checky/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

const passageText = "An amount is above the limit: hold it for review, and do not raise the limit for one customer."

// failure has every outcome, two findings of one rule, and texts that formats must escape.
func failure() Input {
	return Input{
		Name:   "default/order",
		Reason: v1alpha1.ReasonRulesFailed,
		Rules: []Rule{
			{ID: "orders/amount", Kind: "range", Severity: v1alpha1.SeverityCritical, Message: "amount must be <= 10000"},
			{ID: "orders/battery", Kind: "range", Severity: v1alpha1.SeverityWarning},
			{ID: "orders/broken", Kind: "cel", Severity: v1alpha1.SeverityError},
			{ID: "orders/cut", Kind: "enum", Severity: v1alpha1.SeverityInfo},
			{ID: "orders/customs", Kind: "cel", Severity: v1alpha1.SeverityError},
			{ID: "orders/id", Kind: "required", Severity: v1alpha1.SeverityError},
		},
		Verdict: v1alpha1.Verdict{
			Phase:        v1alpha1.PhaseFailure,
			RulesApplied: []string{"orders/amount", "orders/battery", "orders/broken", "orders/cut", "orders/customs", "orders/id"},
			Summary:      &v1alpha1.Summary{Pass: 2, Fail: 1, Warn: 1, Skip: 1, Error: 1},
			Results: []v1alpha1.Result{
				{Rule: "orders/amount", Outcome: v1alpha1.OutcomeFail, Severity: v1alpha1.SeverityCritical, Path: "/items/0/amount", Message: `amount must be <= 10000; found "]]>&"`, Passages: []string{"k.txt:4"}},
				{Rule: "orders/amount", Outcome: v1alpha1.OutcomeFail, Severity: v1alpha1.SeverityCritical, Path: "/items/3/amount", Message: "amount must be <= 10000; found 20000", Passages: []string{"k.txt:4"}},
				{Rule: "orders/broken", Outcome: v1alpha1.OutcomeError, Severity: v1alpha1.SeverityError, Message: "no such key: total"},
				{Rule: "orders/battery", Outcome: v1alpha1.OutcomeWarn, Severity: v1alpha1.SeverityWarning, Path: "/battery", Message: "expected a number at least 20, found 12\x1b[2J\x00"},
				{Rule: "orders/customs", Outcome: v1alpha1.OutcomeSkip, Severity: v1alpha1.SeverityError},
				{Rule: "orders/id", Outcome: v1alpha1.OutcomePass, Severity: v1alpha1.SeverityError},
			},
			Truncated: 1,
			Passages:  []v1alpha1.Passage{{ID: "k.txt:4", Title: "Amounts", Text: passageText}},
			Explanation: "Failure: of 6 rules, 1 failed, 1 could not be evaluated, 1 warned, 1 skipped, 2 passed.\n" +
				"- orders/amount (critical) failed in 2 places:\n    /items/0/amount: amount must be <= 10000; found \"]]>&\"\n    /items/3/amount: amount must be <= 10000; found 20000\n" +
				"  " + passageText + " [k.txt:4]\n" +
				"- orders/broken (error) could not be evaluated: no such key: total\n" +
				"- orders/battery (warning) warns at /battery: expected a number at least 20, found 12\x1b[2J\x00\nSkipped by their when: orders/customs.",
			InputDigest: "sha256:1", RulesDigest: "sha256:2",
			Alert: &v1alpha1.Alert{Key: "sha256:3", Severity: v1alpha1.SeverityCritical},
		},
		Locate: func(pointer string) (string, int) { return "dir with space/order.yaml", 10 + len(pointer) },
	}
}

func success() Input {
	return Input{
		Name: "good.json", Reason: v1alpha1.ReasonRulesPassed,
		Rules: []Rule{{ID: "orders/id", Kind: "required", Severity: v1alpha1.SeverityError}},
		Verdict: v1alpha1.Verdict{
			Phase: v1alpha1.PhaseSuccess, RulesApplied: []string{"orders/id"}, Summary: &v1alpha1.Summary{Pass: 1},
			Results:     []v1alpha1.Result{{Rule: "orders/id", Outcome: v1alpha1.OutcomePass, Severity: v1alpha1.SeverityError}},
			Explanation: "Success: the one rule passed.", InputDigest: "sha256:4", RulesDigest: "sha256:2",
		},
		Locate: func(string) (string, int) { return "", 1 },
	}
}

func refused() Input {
	return Input{
		Name: "bad.json", Reason: v1alpha1.ReasonInvalidInput,
		Verdict: v1alpha1.Verdict{
			Phase:       v1alpha1.PhaseError,
			Explanation: "Error: payload: line 3, column 2: it is not JSON\nJSON has no comments. [k.txt:9]",
			Passages:    []v1alpha1.Passage{{ID: "k.txt:9", Text: "JSON has no comments."}},
			Alert:       &v1alpha1.Alert{Key: "sha256:5", Severity: v1alpha1.SeverityError},
		},
		Locate: func(string) (string, int) { return "/tmp/bad.json", 0 },
	}
}

// many is a batch with every kind of payload, cut.
func many() Input {
	fail := v1alpha1.Result{Rule: "orders/amount", Outcome: v1alpha1.OutcomeFail, Severity: v1alpha1.SeverityCritical, Path: "/amount", Message: `amount must be <= 10000; found "]]>&"`, Passages: []string{"k.txt:4"}}
	broken := v1alpha1.Result{Rule: "orders/broken", Outcome: v1alpha1.OutcomeError, Severity: v1alpha1.SeverityError, Message: "no such key: total"}
	warn := v1alpha1.Result{Rule: "orders/battery", Outcome: v1alpha1.OutcomeWarn, Severity: v1alpha1.SeverityWarning, Path: "/battery", Message: "expected a number at least 20, found 12"}
	return Input{
		Name: "orders.ndjson", Reason: v1alpha1.ReasonRulesFailed,
		Rules: []Rule{
			{ID: "orders/amount", Kind: "range", Severity: v1alpha1.SeverityCritical, Message: "amount must be <= 10000"},
			{ID: "orders/battery", Kind: "range", Severity: v1alpha1.SeverityWarning},
			{ID: "orders/broken", Kind: "cel", Severity: v1alpha1.SeverityError},
		},
		Verdict: v1alpha1.Verdict{
			Phase: v1alpha1.PhaseFailure, RulesApplied: []string{"orders/amount", "orders/battery", "orders/broken"},
			Summary: &v1alpha1.Summary{Pass: 2990, Fail: 4, Warn: 2, Error: 1},
			Batch: &v1alpha1.BatchVerdict{
				Total: 1000, Succeeded: 993, Failed: 4, Errored: 3, FailedIndexes: "7,20-22", ErroredIndexes: "2,3,999", Truncated: 3,
				Items: []v1alpha1.BatchItem{
					{Index: 7, Name: "line 9", Phase: v1alpha1.PhaseFailure, Summary: &v1alpha1.Summary{Pass: 1, Fail: 1, Warn: 1}, Results: []v1alpha1.Result{fail, warn}, Truncated: 5},
					{Index: 20, Phase: v1alpha1.PhaseFailure, Summary: &v1alpha1.Summary{Pass: 2, Fail: 1}, Results: []v1alpha1.Result{fail}},
					{Index: 2, Name: "line 3", Phase: v1alpha1.PhaseError, Summary: &v1alpha1.Summary{Pass: 2, Error: 1}, Results: []v1alpha1.Result{broken}},
					{Index: 3, Name: "line 4", Phase: v1alpha1.PhaseError, Message: "payload: line 1, column 2: it is not JSON"},
					{Index: 11, Name: "line 13", Phase: v1alpha1.PhaseSuccess, Summary: &v1alpha1.Summary{Pass: 2, Warn: 1}, Results: []v1alpha1.Result{warn}},
				},
			},
			Passages: []v1alpha1.Passage{{ID: "k.txt:4", Title: "Amounts", Text: passageText}},
			Explanation: "Failure: of 1000 payloads, 4 failed, 3 could not be evaluated, 993 passed, 1 of them with warnings.\n" +
				"- payload 7 (line 9): orders/amount (critical) failed at /amount: amount must be <= 10000; found \"]]>&\" (and 6 more)\n  " + passageText + " [k.txt:4]\n- and 7 more; see batch.items",
			RulesDigest: "sha256:2", InputDigest: "sha256:6", Alert: &v1alpha1.Alert{Key: "sha256:7", Severity: v1alpha1.SeverityCritical},
		},
		Locate:     func(string) (string, int) { return "dir with space/orders.ndjson", 0 },
		LocateItem: func(index int32, _ string) (string, int) { return "dir with space/orders.ndjson", int(index) + 2 },
	}
}

// manyGood is a batch that passed.
func manyGood() Input {
	return Input{
		Name: "good.csv", Reason: v1alpha1.ReasonRulesPassed, Rules: []Rule{{ID: "orders/id", Kind: "required", Severity: v1alpha1.SeverityError}},
		Verdict: v1alpha1.Verdict{
			Phase: v1alpha1.PhaseSuccess, RulesApplied: []string{"orders/id"}, Summary: &v1alpha1.Summary{Pass: 1},
			Batch: &v1alpha1.BatchVerdict{Total: 1, Succeeded: 1}, Explanation: "Success: the one payload passed.",
		},
	}
}

func three() *Report {
	return &Report{Inputs: []Input{success(), failure(), refused()}, Version: "v1.2.3", ExitCode: 2}
}

func TestGolden(t *testing.T) {
	cases := map[string]struct {
		reason, format string
		report         *Report
		options        Options
	}{
		"text.golden":          {"what people read", "text", three(), Options{}},
		"text-color.golden":    {"what people read on a terminal", "text", three(), Options{Color: true}},
		"text-one.golden":      {"one input needs no total", "text", &Report{Inputs: []Input{success()}}, Options{}},
		"json-one.golden":      {"a verdict as it is in status", "json", &Report{Inputs: []Input{failure()}}, Options{}},
		"json-list.golden":     {"verdicts with their names", "json", three(), Options{}},
		"json-listed.golden":   {"a list of one, where a folder was given", "json", &Report{Inputs: []Input{success()}, List: true}, Options{}},
		"junit.golden":         {"for pipelines", "junit", three(), Options{}},
		"sarif.golden":         {"for pipelines", "sarif", three(), Options{}},
		"many-text.golden":     {"batches", "text", &Report{Inputs: []Input{manyGood(), many()}}, Options{}},
		"many-json.golden":     {"as it is in status", "json", &Report{Inputs: []Input{many()}}, Options{}},
		"many-junit.golden":    {"a testcase for each payload that is told of", "junit", &Report{Inputs: []Input{manyGood(), many()}}, Options{}},
		"many-sarif.golden":    {"the payloads' lines, and what is left out", "sarif", &Report{Inputs: []Input{manyGood(), many()}, ExitCode: 1}, Options{}},
		"sarif-success.golden": {"nothing to report is a run without results", "sarif", &Report{Inputs: []Input{success()}}, Options{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Write(&b, tc.format, tc.report, tc.options); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
		})
	}
}

func TestWriteRefusesAnUnknownFormat(t *testing.T) {
	if err := Write(io.Discard, "xml", three(), Options{}); err == nil || !strings.Contains(err.Error(), "junit") {
		t.Errorf("error is %v, want one that names the formats", err)
	}
}

type failingWriter struct{}

var errFull = errors.New("the disk is full")

func (failingWriter) Write([]byte) (int, error) { return 0, errFull }

func TestWriteTellsOfAFailedWrite(t *testing.T) {
	for _, format := range Formats() {
		if err := Write(failingWriter{}, format, three(), Options{}); !errors.Is(err, errFull) {
			t.Errorf("%s: error is %v", format, err)
		}
	}
}

// A report of what a terminal would obey holds none of it.
func TestTextIsPrintable(t *testing.T) {
	in := failure()
	in.Name = "a\x1b]0;title\x07\u202eb"
	var b bytes.Buffer
	if err := Write(&b, "text", &Report{Inputs: []Input{in}}, Options{}); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexAny(b.String(), "\x1b\x07\x00\u202e"); i >= 0 {
		t.Errorf("byte %d is a control character: %q", i, b.String())
	}
	for line := range strings.Lines(b.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > textWidth {
			t.Errorf("a line has %d characters: %q", n, line)
		}
	}
}

func TestSARIFFitsItsSchema(t *testing.T) {
	file, err := os.Open("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("sarif.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*Report{
		"Three": three(), "None": {}, "Success": {Inputs: []Input{success()}}, "Many": {Inputs: []Input{many(), manyGood()}}, "NoLocation": {Inputs: []Input{{Name: "x", Reason: "NoRules"}}},
	} {
		var b bytes.Buffer
		if err := Write(&b, "sarif", r, Options{}); err != nil {
			t.Fatal(err)
		}
		instance, err := jsonschema.UnmarshalJSON(&b)
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(instance); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// junitElements are the elements of Jenkins' schema junit-10 that may stand in reports: their attributes, with ! before those that
// must be there, and the elements in them.
var junitElements = map[string]struct{ attributes, children []string }{
	"testsuites": {[]string{"name", "time", "tests", "failures", "errors"}, []string{"testsuite"}},
	"testsuite": {
		[]string{"!name", "!tests", "!failures", "!errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"},
		[]string{"testsuite", "properties", "testcase", "system-out", "system-err"},
	},
	"testcase":   {[]string{"!name", "time", "classname", "group"}, []string{"skipped", "error", "failure", "system-out", "system-err"}},
	"failure":    {[]string{"type", "message"}, nil},
	"error":      {[]string{"type", "message"}, nil},
	"skipped":    {[]string{"type", "message"}, nil},
	"system-out": {nil, nil},
	"properties": {nil, []string{"property"}},
	"property":   {[]string{"!name", "!value"}, nil},
}

type element struct {
	XMLName    xml.Name
	Attributes []xml.Attr `xml:",any,attr"`
	Children   []element  `xml:",any"`
}

func (e *element) attribute(name string) string {
	for _, a := range e.Attributes {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// checkJUnit holds an element against the schema, and the counts of suites against their testcases.
func checkJUnit(t *testing.T, e *element) (tests, failures, errs int) {
	name := e.XMLName.Local
	known, ok := junitElements[name]
	if !ok {
		t.Fatalf("the element %s is not known", name)
	}
	for _, a := range e.Attributes {
		if !slices.Contains(known.attributes, a.Name.Local) && !slices.Contains(known.attributes, "!"+a.Name.Local) {
			t.Errorf("%s has an attribute %s", name, a.Name.Local)
		}
	}
	for _, a := range known.attributes {
		if required, ok := strings.CutPrefix(a, "!"); ok && e.attribute(required) == "" {
			t.Errorf("%s lacks the attribute %s", name, required)
		}
	}
	for i := range e.Children {
		child := &e.Children[i]
		if !slices.Contains(known.children, child.XMLName.Local) {
			t.Errorf("%s holds %s", name, child.XMLName.Local)
		}
		x, y, z := checkJUnit(t, child)
		tests, failures, errs = tests+x, failures+y, errs+z
	}
	switch name {
	case "testsuite", "testsuites":
		want := map[string]int{"tests": tests, "failures": failures, "errors": errs}
		for attribute, n := range want {
			if got := e.attribute(attribute); got != strconv.Itoa(n) {
				t.Errorf("%s %s says %s=%s, counted are %d", name, e.attribute("name"), attribute, got, n)
			}
		}
	case "testcase":
		tests = 1
	case "failure":
		failures = 1
	case "error":
		errs = 1
	}
	return tests, failures, errs
}

func TestJUnitFitsItsSchema(t *testing.T) {
	for name, r := range map[string]*Report{"Three": three(), "None": {}, "Many": {Inputs: []Input{many(), manyGood()}}, "NoLocation": {Inputs: []Input{{Name: "x", Reason: "NoRules"}}}} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := Write(&b, "junit", r, Options{}); err != nil {
				t.Fatal(err)
			}
			var root element
			if err := xml.Unmarshal(b.Bytes(), &root); err != nil {
				t.Fatal(err)
			}
			if root.XMLName.Local != "testsuites" {
				t.Errorf("the root is %s", root.XMLName.Local)
			}
			checkJUnit(t, &root)
		})
	}
}

func TestExitCode(t *testing.T) {
	of := func(phases ...v1alpha1.Phase) (inputs []Input) {
		for _, phase := range phases {
			inputs = append(inputs, Input{Verdict: v1alpha1.Verdict{Phase: phase}})
		}
		return inputs
	}
	for name, c := range map[string]struct {
		reason string
		inputs []Input
		want   int
	}{
		"Success": {reason: "all passed", inputs: of(v1alpha1.PhaseSuccess, v1alpha1.PhaseSuccess), want: 0},
		"Failure": {reason: "one failed", inputs: of(v1alpha1.PhaseFailure, v1alpha1.PhaseSuccess), want: 1},
		"Error":   {reason: "an error is worse than a failure", inputs: of(v1alpha1.PhaseError, v1alpha1.PhaseFailure), want: 2},
		"Pending": {reason: "no verdict is no pass", inputs: of(v1alpha1.PhaseSuccess, v1alpha1.PhasePending), want: 2},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ExitCode(c.inputs); got != c.want {
				t.Errorf("%s: got %d, want %d", c.reason, got, c.want)
			}
		})
	}
}
