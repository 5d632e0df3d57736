package modules_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/modules"
)

// shipped are the modules that these tests compile rules with.
var shipped = []rules.Module{
	modules.Compare, modules.Const, modules.Contains, modules.Dependent, modules.Enum, modules.Format, modules.Length,
	modules.Pattern, modules.Range, modules.Required, modules.Secrets, modules.Sum, modules.Type, modules.Unique,
}

var compiler = rules.NewCompiler(shipped, nil, nil, nil)

var now = time.Date(2026, 5, 31, 8, 30, 0, 0, time.UTC)

// compile compiles one rule; its Err tells whether it could.
func compile(module, params string) *rules.Rule {
	set := compiler.Compile("", []v1alpha1.Rule{{
		Name: "r", Module: &v1alpha1.ModuleRule{Name: module, Params: v1alpha1.JSON{Raw: []byte(params)}},
	}})
	return set.Rules[0]
}

func evaluate(t testing.TB, module, params, payload string, options ...rules.DecodeOption) rules.Report {
	t.Helper()
	rule := compile(module, params)
	if err := rule.Err(); err != nil {
		t.Fatalf("the rule does not compile: %v", err)
	}
	p, err := rules.Decode([]byte(payload), options...)
	if err != nil {
		t.Fatalf("the payload does not decode: %v", err)
	}
	return rule.Evaluate(rules.NewCall(context.Background(), p, now))
}

// object is a payload with one member, x.
func object(x string) string { return `{"x":` + x + `}` }

// quoted is a text as JSON.
func quoted(text string) string {
	out, _ := json.Marshal(text)
	return string(out)
}

// verdict is a module's case: want lists its findings as "PATH MESSAGE", none where it passes.
type verdict struct {
	reason  string
	params  string
	payload string
	want    []string
	// problem is a part of the text of an outcome of error.
	problem string
}

func testVerdicts(t *testing.T, module string, cases map[string]verdict) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			report := evaluate(t, module, tc.params, tc.payload)
			outcome := v1alpha1.OutcomePass
			switch {
			case tc.problem != "":
				outcome = v1alpha1.OutcomeError
			case len(tc.want) > 0:
				outcome = v1alpha1.OutcomeFail
			}
			if report.Outcome != outcome {
				t.Errorf("%s: outcome %s, want %s (%s)", tc.reason, report.Outcome, outcome, report.Problem)
			}
			if !strings.Contains(report.Problem, tc.problem) {
				t.Errorf("%s: problem %q, want it to contain %q", tc.reason, report.Problem, tc.problem)
			}
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.Path+" "+f.Message)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: findings (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// testRefused checks compile errors: each must contain all the texts.
func testRefused(t *testing.T, module string, cases map[string][]string) {
	t.Helper()
	for params, want := range cases {
		t.Run(params, func(t *testing.T) {
			err := compile(module, params).Err()
			if err == nil {
				t.Fatal("it compiles, want an error")
			}
			for _, text := range want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("error %q does not contain %q", err, text)
				}
			}
			told := map[string]bool{}
			for line := range strings.Lines(err.Error()) {
				if parameter, _, missing := strings.Cut(line, ": it is missing"); missing {
					if told[parameter] {
						t.Errorf("error %q says more than once that %s is missing", err, parameter)
					}
					told[parameter] = true
				}
			}
		})
	}
}

// TestEveryModule holds what all modules have in common.
func TestEveryModule(t *testing.T) {
	for _, m := range shipped {
		t.Run(m.Name, func(t *testing.T) {
			for _, text := range []string{m.Name, m.Summary, m.Example} {
				if text == "" {
					t.Error("its documentation is not complete")
				}
			}
			if !strings.HasSuffix(m.Summary, ".") || !strings.Contains(m.Example, "name: "+m.Name) {
				t.Errorf("summary %q, example %q: want a sentence and a rule of this module", m.Summary, m.Example)
			}
			for _, p := range m.Params {
				if p.Name == "" || p.Type == "" || p.Doc == "" {
					t.Errorf("parameter %q is not documented", p.Name)
				}
			}
			err := compile(m.Name, `{"surplus": 1}`).Err()
			if err == nil || !strings.Contains(err.Error(), "module.params.surplus: module "+m.Name+" has no such parameter; it takes field") {
				t.Errorf("an unknown parameter gave %v", err)
			}
			if m.FieldDefault == "" && !strings.Contains(err.Error(), "module.params.field: it is missing; give a JSONPath") {
				t.Errorf("a missing field gave %v", err)
			}
			for _, bad := range []string{`{"field": 1}`, `{"field": "x"}`, `{"field": null}`, `{"field": "$.a["}`} {
				if err := compile(m.Name, bad).Err(); err == nil || !strings.Contains(err.Error(), "module.params.field: ") {
					t.Errorf("params %s gave %v, want a problem of field", bad, err)
				}
			}
		})
	}
}

// TestEmptySelection: every module but required passes where there is nothing to look at.
func TestEmptySelection(t *testing.T) {
	for module, params := range usual {
		t.Run(module, func(t *testing.T) {
			for _, payload := range []string{`{}`, `[]`, `null`, `{"x": []}`, `7`} {
				params := strings.Replace(params.params, `"$.x"`, `"$.x[*].y"`, 1)
				report := evaluate(t, module, params, payload)
				want := v1alpha1.OutcomePass
				if module == "required" {
					want = v1alpha1.OutcomeFail
				}
				if report.Outcome != want {
					t.Errorf("payload %s: %s %v, want %s", payload, report.Outcome, report.Findings, want)
				}
			}
		})
	}
}

// usual is, for each module, a rule on $.x and a payload that passes it.
var usual = map[string]struct{ params, payload string }{
	"compare":   {`{"field": "$.x", "operator": "lt", "other": "$.y"}`, `{"x": 19.99, "y": 20}`},
	"const":     {`{"field": "$.x", "value": "EUR"}`, `{"x": "EUR"}`},
	"contains":  {`{"field": "$.x", "value": "b"}`, `{"x": ["a", "b"]}`},
	"dependent": {`{"field": "$.x", "requires": ["$.y", "$.z"]}`, `{"x": 1, "y": 2, "z": 3}`},
	"enum":      {`{"field": "$.x", "values": ["open", "paid", 7]}`, `{"x": "paid"}`},
	"format":    {`{"field": "$.x", "format": "email"}`, `{"x": "ana@example.org"}`},
	"length":    {`{"field": "$.x", "min": 1, "max": 80}`, `{"x": "Ana Müller"}`},
	"pattern":   {`{"field": "$.x", "pattern": "^[A-Z]{3}-[0-9]{4}$"}`, `{"x": "ABC-1234"}`},
	"range":     {`{"field": "$.x", "min": 0, "max": 10000}`, `{"x": 99.5}`},
	"required":  {`{"field": "$.x", "nonEmpty": true}`, `{"x": "a"}`},
	"secrets":   {`{"field": "$.x"}`, `{"x": {"name": "Ana", "tags": ["a", "b"]}}`},
	"sum":       {`{"field": "$.x", "equals": 12}`, `{"x": 12}`},
	"type":      {`{"field": "$.x", "type": ["string", "integer"]}`, `{"x": 1.0}`},
	"unique":    {`{"field": "$.x"}`, `{"x": ["a", "b", "c", 1, true]}`},
}

// simple are the modules that do not allocate where they pass.
var simple = []string{"compare", "const", "contains", "dependent", "enum", "format", "length", "pattern", "range", "required", "secrets", "type"}

func TestPassingDoesNotAllocate(t *testing.T) {
	for _, module := range simple {
		t.Run(module, func(t *testing.T) {
			rule := compile(module, usual[module].params)
			payload, err := rules.Decode([]byte(usual[module].payload))
			if err != nil || rule.Err() != nil {
				t.Fatal(err, rule.Err())
			}
			call := rules.NewCall(context.Background(), payload, now)
			failed := false
			allocations := testing.AllocsPerRun(100, func() {
				failed = failed || rule.Evaluate(call).Outcome != v1alpha1.OutcomePass
			})
			// The check's own time limit runs out in the middle on a slow machine: the run counts then, not its verdict.
			if allocations > 0 {
				t.Errorf("%v allocations (failed %v)", allocations, failed)
			}
		})
	}
}

func BenchmarkModule(b *testing.B) {
	for _, m := range shipped {
		b.Run(m.Name, func(b *testing.B) {
			rule := compile(m.Name, usual[m.Name].params)
			payload, err := rules.Decode([]byte(usual[m.Name].payload))
			if err != nil || rule.Err() != nil {
				b.Fatal(err, rule.Err())
			}
			b.ReportAllocs()
			for b.Loop() {
				call := rules.NewCall(context.Background(), payload, now)
				if report := rule.Evaluate(call); report.Outcome != v1alpha1.OutcomePass {
					b.Fatalf("%s %v %s", report.Outcome, report.Findings, report.Problem)
				}
			}
		})
	}
}
