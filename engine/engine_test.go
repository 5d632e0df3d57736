package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

const orderRules = `
- {name: amount-range, module: {name: range, params: {field: $.amount, min: 0, exclusiveMin: true, max: 10000}}}
- {name: customer, module: {name: required, params: {field: $.customer}}}
- {name: currency, severity: warning, module: {name: enum, params: {field: $.currency, values: [EUR, USD]}}}
- {name: gift, when: "has(input.gift) && input.gift", module: {name: required, params: {field: $.giftCard}}}
- {name: note, cel: {expression: "input.note.size() < 10"}}
`

func parseRules(t testing.TB, text string) []v1alpha1.Rule {
	t.Helper()
	var list []v1alpha1.Rule
	if err := yaml.UnmarshalStrict([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func program(t testing.TB, failOn v1alpha1.Severity, text string) *engine.Program {
	t.Helper()
	set := builtin.New().Compile("orders", parseRules(t, text))
	for _, e := range set.Errors {
		t.Fatalf("%s: %s", e.Rule, e.Message)
	}
	p, err := engine.NewProgram(failOn, set)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// fakeKnowledge stands for a knowledge file: it cites one line for queries with a word, or fails.
type fakeKnowledge struct {
	word    string
	err     error
	queries []rag.Query
}

func (f *fakeKnowledge) Retrieve(_ context.Context, q rag.Query, _ int) ([]rag.Hit, error) {
	f.queries = append(f.queries, q)
	if f.err != nil {
		return nil, f.err
	}
	if !strings.Contains(q.Text+q.Names, f.word) {
		return nil, nil
	}
	return []rag.Hit{{Passage: rag.Passage{File: "facts.txt", Line: 42, Title: "Amounts", Text: "Large amounts need an approval."}, Confidence: 1}}, nil
}

func TestEvaluate(t *testing.T) {
	type want struct {
		Phase   v1alpha1.Phase
		Summary v1alpha1.Summary
		Results []string
		Reason  string
	}
	cases := map[string]struct {
		reason string
		input  string
		failOn v1alpha1.Severity
		want   want
	}{
		"Success": {
			reason: "a guard that is false skips, and a skip does not stand in the way of success",
			input:  `{"amount": 10, "customer": "x", "currency": "EUR", "note": "hi"}`,
			want: want{v1alpha1.PhaseSuccess, v1alpha1.Summary{Pass: 4, Skip: 1}, []string{
				"orders/gift skip", "orders/amount-range pass", "orders/customer pass", "orders/note pass", "orders/currency pass",
			}, v1alpha1.ReasonRulesPassed},
		},
		"Warn": {
			reason: "a rule below failOn that fails is a warning, and the check still succeeds",
			input:  `{"amount": 10, "customer": "x", "currency": "XXX", "note": "hi"}`,
			want: want{v1alpha1.PhaseSuccess, v1alpha1.Summary{Pass: 3, Warn: 1, Skip: 1}, []string{
				"orders/currency warn /currency", "orders/gift skip", "orders/amount-range pass", "orders/customer pass", "orders/note pass",
			}, v1alpha1.ReasonRulesPassed},
		},
		"FailOnWarning": {
			reason: "failOn lowers the bar",
			input:  `{"amount": 10, "customer": "x", "currency": "XXX", "note": "hi"}`,
			failOn: v1alpha1.SeverityWarning,
			want: want{v1alpha1.PhaseFailure, v1alpha1.Summary{Pass: 3, Fail: 1, Skip: 1}, []string{
				"orders/currency fail /currency", "orders/gift skip", "orders/amount-range pass", "orders/customer pass", "orders/note pass",
			}, v1alpha1.ReasonRulesFailed},
		},
		"FailureBeatsError": {
			reason: "a failed rule decides, whatever else could not be evaluated",
			input:  `{"amount": 99999, "customer": "x", "currency": "EUR"}`,
			want: want{v1alpha1.PhaseFailure, v1alpha1.Summary{Pass: 2, Fail: 1, Skip: 1, Error: 1}, []string{
				"orders/amount-range fail /amount", "orders/note error", "orders/gift skip", "orders/customer pass", "orders/currency pass",
			}, v1alpha1.ReasonRulesFailed},
		},
		"Error": {
			reason: "a rule that cannot be evaluated is never a pass",
			input:  `{"amount": 1, "customer": "x", "currency": "EUR"}`,
			want: want{v1alpha1.PhaseError, v1alpha1.Summary{Pass: 3, Skip: 1, Error: 1}, []string{
				"orders/note error", "orders/gift skip", "orders/amount-range pass", "orders/customer pass", "orders/currency pass",
			}, v1alpha1.ReasonRulesErrored},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			e := &engine.Engine{Retriever: &fakeKnowledge{word: "amount"}}
			o := e.Evaluate(t.Context(), engine.Request{Input: []byte(tc.input), Program: program(t, tc.failOn, orderRules), Now: noon})
			got := want{Phase: o.Verdict.Phase, Summary: *o.Verdict.Summary, Reason: o.Reason}
			for _, r := range o.Verdict.Results {
				got.Results = append(got.Results, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Rule, r.Outcome, r.Path)))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.reason, diff)
			}
			if hasAlert := o.Verdict.Alert != nil; hasAlert != (o.Verdict.Phase != v1alpha1.PhaseSuccess) {
				t.Errorf("alert: %v in phase %s", o.Verdict.Alert, o.Verdict.Phase)
			}
		})
	}
}

func TestExplanation(t *testing.T) {
	e := &engine.Engine{Retriever: &fakeKnowledge{word: "amount"}}
	o := e.Evaluate(t.Context(), engine.Request{
		Input: []byte(`{"amount": 99999, "customer": "x", "currency": "XXX"}`), Program: program(t, "", orderRules), Now: noon,
	})
	lines := strings.Split(o.Verdict.Explanation, "\n")
	want := []string{
		"Failure: of 5 rules, 1 failed, 1 could not be evaluated, 1 warned, 1 skipped, 1 passed.",
		"- orders/amount-range (error) failed at /amount: expected a number above 0 and at most 10000, found 99999",
		"  Large amounts need an approval. [facts.txt:42]",
	}
	if diff := cmp.Diff(want, lines[:3]); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if !strings.HasPrefix(lines[3], "- orders/note (error) could not be evaluated: ") {
		t.Errorf("line 4: %s", lines[3])
	}
	if last := lines[len(lines)-1]; last != "Skipped by their when: orders/gift." {
		t.Errorf("last line: %s", last)
	}
	if diff := cmp.Diff([]v1alpha1.Passage{{ID: "facts.txt:42", Title: "Amounts", Text: "Large amounts need an approval."}}, o.Verdict.Passages); diff != "" {
		t.Errorf("passages: -want +got\n%s", diff)
	}
	if diff := cmp.Diff([]string{"facts.txt:42"}, o.Verdict.Results[0].Passages); diff != "" {
		t.Errorf("passages of the result: -want +got\n%s", diff)
	}
}

func TestRetrievalNeverChangesTheVerdict(t *testing.T) {
	p := program(t, "", orderRules)
	request := engine.Request{Input: []byte(`{"amount": 99999}`), Program: p, Now: noon}
	with := (&engine.Engine{Retriever: &fakeKnowledge{word: "amount"}}).Evaluate(t.Context(), request)
	broken := errors.New("the index is gone")
	for name, e := range map[string]*engine.Engine{
		"Failing": {Retriever: &fakeKnowledge{err: broken}},
		"None":    {},
		"Slow":    {Retriever: slow{}, RetrievalTimeout: time.Nanosecond},
	} {
		t.Run(name, func(t *testing.T) {
			o := e.Evaluate(t.Context(), request)
			if o.Retrieval == nil {
				t.Error("the failed retrieval is not told")
			}
			if diff := cmp.Diff(with.Verdict.Alert, o.Verdict.Alert); diff != "" {
				t.Errorf("the alert changed with the prose: -want +got\n%s", diff)
			}
			if o.Verdict.Phase != with.Verdict.Phase || *o.Verdict.Summary != *with.Verdict.Summary {
				t.Errorf("verdict %s %+v, want %s %+v", o.Verdict.Phase, o.Verdict.Summary, with.Verdict.Phase, with.Verdict.Summary)
			}
		})
	}
}

// slow answers when its caller has given up.
type slow struct{}

func (slow) Retrieve(ctx context.Context, _ rag.Query, _ int) ([]rag.Hit, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestRefusedInput(t *testing.T) {
	e := &engine.Engine{Retriever: &fakeKnowledge{word: "nothing"}}
	for name, tc := range map[string]struct{ input, want string }{
		"TooLarge":  {`"` + strings.Repeat("x", rules.MaxPayloadBytes-1) + `"`, "Error: payload: it has 262145 bytes, and at most 262144 (256 KiB) can be checked"},
		"Duplicate": {`{"a":1,"a":2}`, "the same name stands twice in one object"},
		"Deep":      {strings.Repeat("[", 10000), "nested more than 64 levels"},
		"Invalid":   {"\"\xff\"", "not valid UTF-8"},
		"Empty":     {"", "it is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			o := e.Evaluate(t.Context(), engine.Request{Input: []byte(tc.input), Program: program(t, "", orderRules), Now: noon})
			if o.Verdict.Phase != v1alpha1.PhaseError || o.Reason != v1alpha1.ReasonInvalidInput || !strings.Contains(o.Verdict.Explanation, tc.want) {
				t.Errorf("%s, %s: %s", o.Verdict.Phase, o.Reason, o.Verdict.Explanation)
			}
		})
	}
}

func TestQueriesHoldNoValues(t *testing.T) {
	knowledge := &fakeKnowledge{word: "x"}
	e := &engine.Engine{Retriever: knowledge}
	p := program(t, "", `
- {name: plan, module: {name: enum, params: {field: $.planName, values: [basic, pro]}}}
- {name: mail, explain: {query: how to write an address}, module: {name: format, params: {field: $.mail, format: email}}}
`)
	e.Evaluate(t.Context(), engine.Request{Input: []byte(`{"planName": "hunter2", "mail": "hunter2"}`), Program: p, Now: noon})
	if len(knowledge.queries) != 2 {
		t.Fatalf("%d queries, want 2", len(knowledge.queries))
	}
	for _, q := range knowledge.queries {
		if strings.Contains(q.Text+q.Names+q.Hints, "hunter2") {
			t.Errorf("the query %+v holds a value of the payload", q)
		}
	}
	if got := knowledge.queries[0].Text; got != "how to write an address" {
		t.Errorf("the rule's own query became %q", got)
	}
	if got := knowledge.queries[1]; !strings.Contains(got.Text, "enum") || got.Names != "plan name" {
		t.Errorf("query %+v lacks the words of module, rule and field", got)
	}
}

func TestTruncation(t *testing.T) {
	var list []v1alpha1.Rule
	for i := range 30 {
		list = append(list, parseRules(t, fmt.Sprintf(`[{name: r%02d, module: {name: type, params: {field: "$[*]", type: string}}}]`, i))...)
	}
	set := builtin.New().Compile("many", list)
	p, err := engine.NewProgram("", set)
	if err != nil {
		t.Fatal(err)
	}
	input := "[" + strings.TrimSuffix(strings.Repeat("1,", 25), ",") + "]"
	o := (&engine.Engine{}).Evaluate(t.Context(), engine.Request{Input: []byte(input), Program: p, Now: noon})
	v := o.Verdict
	if len(v.Results) != rules.MaxResults || v.Truncated != 30*25-rules.MaxResults || v.Summary.Fail != 30 {
		t.Errorf("%d results, %d truncated, %d failed; want %d, %d, 30", len(v.Results), v.Truncated, v.Summary.Fail, rules.MaxResults, 30*25-rules.MaxResults)
	}
	if !strings.Contains(v.Explanation, "and 22 more") {
		t.Errorf("the explanation does not tell how many more failed:\n%s", v.Explanation)
	}
}

func TestProgramErrors(t *testing.T) {
	if _, err := engine.NewProgram(""); !errors.Is(err, engine.ErrNoRules) {
		t.Errorf("no sets: %v", err)
	}
	compiler := builtin.New()
	var sets []*rules.Set
	for i := range 6 {
		var list []v1alpha1.Rule
		for j := range 100 {
			list = append(list, parseRules(t, fmt.Sprintf("[{name: r%d, module: {name: required, params: {field: $.a}}}]", j))...)
		}
		sets = append(sets, compiler.Compile(fmt.Sprint("s", i), list))
	}
	if _, err := engine.NewProgram("", sets[:5]...); err != nil {
		t.Errorf("500 rules: %v", err)
	}
	if _, err := engine.NewProgram("", sets...); !errors.Is(err, engine.ErrTooManyRules) {
		t.Errorf("600 rules: %v", err)
	}
	if _, err := engine.NewProgram("fatal", sets[0]); err == nil || !strings.Contains(err.Error(), "failOn") {
		t.Errorf("failOn fatal: %v", err)
	}
}

// TestVerdictIsAFunction permutes everything that has no meaning: rules, sets, members and the spelling of numbers.
func TestVerdictIsAFunction(t *testing.T) {
	list := parseRules(t, orderRules)
	reference := verdict(t, list, `{"amount":99999,"customer":null,"currency":"XXX","items":[1,2]}`)
	rapid.Check(t, func(r *rapid.T) {
		members := rapid.Permutation([]string{
			`"amount":` + rapid.SampledFrom([]string{"99999", "99999.0", "9.9999e4", "999990e-1"}).Draw(r, "amount"),
			`"customer":null`, `"currency":"XXX"`, `"items":[1,2.0]`,
		}).Draw(r, "members")
		got := verdict(t, rapid.Permutation(list).Draw(r, "rules"), "{ "+strings.Join(members, " ,\n")+"}")
		if diff := cmp.Diff(reference, got); diff != "" {
			r.Fatalf("-want +got\n%s", diff)
		}
	})
}

func verdict(t testing.TB, list []v1alpha1.Rule, input string) string {
	p, err := engine.NewProgram("", builtin.New().Compile("orders", list))
	if err != nil {
		t.Fatal(err)
	}
	o := (&engine.Engine{Retriever: &fakeKnowledge{word: "amount"}}).Evaluate(t.Context(), engine.Request{Input: []byte(input), Program: p, Now: noon})
	text, err := json.Marshal(o.Verdict)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestParallelIsTheSame compares a payload that is evaluated by one goroutine with the same one, made long enough
// by white space to be evaluated by several.
func TestParallelIsTheSame(t *testing.T) {
	var list []v1alpha1.Rule
	for i := range 40 {
		list = append(list, parseRules(t, fmt.Sprintf(`[{name: r%d, module: {name: range, params: {field: $.a, min: %d}}}]`, i, i))...)
	}
	short := verdict(t, list, `{"a":20}`)
	long := verdict(t, list, `{"a":20}`+strings.Repeat(" ", 20_000))
	if diff := cmp.Diff(short, long); diff != "" {
		t.Errorf("-short +long\n%s", diff)
	}
}

func TestAlertKeyIsOfFacts(t *testing.T) {
	list := parseRules(t, orderRules)
	key := func(input string, change func([]v1alpha1.Rule)) string {
		own := append([]v1alpha1.Rule(nil), list...)
		change(own)
		var v v1alpha1.Verdict
		if err := json.Unmarshal([]byte(verdict(t, own, input)), &v); err != nil {
			t.Fatal(err)
		}
		return v.Alert.Key
	}
	same := func([]v1alpha1.Rule) {}
	base := key(`{"amount":99999,"note":"x"}`, same)
	if got := key(`{"amount":99999,"note":"x"}`, func(l []v1alpha1.Rule) { l[0].Message = "too much" }); got != base {
		t.Error("another message made another alert")
	}
	if got := key(`{"amount":99999,"note":"x"}`, func(l []v1alpha1.Rule) { l[0].Severity = v1alpha1.SeverityCritical }); got == base {
		t.Error("another severity made the same alert")
	}
	if got := key(`{"amount":99999,"customer":"x","note":"x"}`, same); got == base {
		t.Error("other failures made the same alert")
	}
}
