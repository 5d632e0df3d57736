package check_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/engine"
)

const orders = `
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: orders}
spec:
  rules:
  - {name: amount, module: {name: range, params: {field: $.amount, min: 0, max: 100}}}
  - {name: note, severity: info, module: {name: length, params: {field: $.note, max: 5}}}
  - {name: customer, severity: critical, when: has(input.customer), cel: {expression: "input.customer.startsWith('c-')"}}
`

const broken = `
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: broken}
spec:
  rules:
  - {name: amount, module: {name: range, params: {field: $.amount, maximum: 100}}}
  - {name: there, module: {name: required, params: {field: $.amount}}}
`

// everywhere is deleted when its test ends, since it is in no test's namespace.
const everywhere = `
apiVersion: checky.dev/v1alpha1
kind: ClusterRuleSet
metadata: {name: everywhere}
spec:
  rules:
  - {name: id, jsonSchema: {type: object, required: [id]}}
`

// TestVerdicts holds a dry run and a recorded check to each other: same request, same verdict.
func TestVerdicts(t *testing.T) {
	own := order(`{}`).Rules
	set := func(names ...string) (refs []v1alpha1.RuleSetReference) {
		for _, name := range names {
			refs = append(refs, v1alpha1.RuleSetReference{Name: name})
		}
		return refs
	}
	batch := func(texts ...string) (items []engine.Item) {
		for i, text := range texts {
			items = append(items, engine.Item{Name: fmt.Sprint("order-", i), Input: []byte(text)})
		}
		return items
	}
	many := func() (refs []v1alpha1.RuleSetReference) {
		for i := range 6 {
			refs = append(refs, v1alpha1.RuleSetReference{Name: fmt.Sprintf("many-%d", i)})
		}
		return refs
	}()
	cases := map[string]struct {
		reason  string
		request check.Request
		phase   v1alpha1.Phase
	}{
		"pass":      {"within the limits", check.Request{Input: []byte(`{"amount": 5}`), RuleSets: set("orders")}, v1alpha1.PhaseSuccess},
		"fail":      {"above the limit", check.Request{Input: []byte(`{"amount": 500}`), RuleSets: set("orders")}, v1alpha1.PhaseFailure},
		"exact":     {"numbers keep every digit", check.Request{Input: []byte(`{"amount": 100.00000000000000000001}`), RuleSets: set("orders")}, v1alpha1.PhaseFailure},
		"warn":      {"info is below error, the default of failOn", check.Request{Input: []byte(`{"note": "longer"}`), RuleSets: set("orders")}, v1alpha1.PhaseSuccess},
		"fail on":   {"info fails where failOn says so", check.Request{Input: []byte(`{"note": "longer"}`), RuleSets: set("orders"), FailOn: v1alpha1.SeverityInfo}, v1alpha1.PhaseFailure},
		"own rules": {"rules of the request's own, and no default", check.Request{Input: []byte(`{"amount": 500}`), Rules: own}, v1alpha1.PhaseFailure},
		"both":      {"a set's and the request's own", check.Request{Input: []byte(`{"amount": 50}`), RuleSets: set("orders"), Rules: own}, v1alpha1.PhaseSuccess},
		"cluster":   {"a ClusterRuleSet beside a RuleSet", check.Request{Input: []byte(`{"amount": 50}`), RuleSets: append(set("orders"), v1alpha1.RuleSetReference{Kind: v1alpha1.KindClusterRuleSet, Name: "everywhere"})}, v1alpha1.PhaseFailure},
		"broken":    {"a rule of the set does not compile", check.Request{Input: []byte(`{"amount": 50}`), RuleSets: set("broken")}, v1alpha1.PhaseError},
		"scalar":    {"any JSON value is a payload", check.Request{Input: []byte(` 5 `), RuleSets: set("orders")}, v1alpha1.PhaseSuccess},
		"too many":  {"more rules than a check may run", check.Request{Input: []byte(`{}`), RuleSets: many}, v1alpha1.PhaseError},
		"no rules":  {"none named, and no default", check.Request{Input: []byte(`{"amount": 50}`)}, v1alpha1.PhaseError},

		"batch":           {"one of three fails, one warns", check.Request{Inputs: batch(`{"amount": 5}`, `{"amount": 500}`, `{"note": "longer"}`), RuleSets: set("orders")}, v1alpha1.PhaseFailure},
		"batch of good":   {"all pass", check.Request{Inputs: batch(`{"amount": 5}`, `7`), RuleSets: set("orders")}, v1alpha1.PhaseSuccess},
		"batch of one":    {"with rules of its own", check.Request{Inputs: batch(`{"amount": 500}`), Rules: own}, v1alpha1.PhaseFailure},
		"batch, exact":    {"numbers keep every digit", check.Request{Inputs: batch(`{"amount": 100}`, `{"amount": 100.00000000000000000001}`), RuleSets: set("orders")}, v1alpha1.PhaseFailure},
		"batch, error":    {"one cannot be evaluated", check.Request{Inputs: batch(`{"amount": 5}`, `{"customer": 5}`), RuleSets: set("orders")}, v1alpha1.PhaseError},
		"batch, broken":   {"a rule of the set does not compile", check.Request{Inputs: batch(`{"amount": 50}`, `{}`), RuleSets: set("broken")}, v1alpha1.PhaseFailure},
		"batch, no rules": {"none named, and no default", check.Request{Inputs: batch(`1`, `2`)}, v1alpha1.PhaseError},
	}
	e := newEnv(t)
	e.operate()
	r := e.start(interceptor.Funcs{})
	e.apply(orders)
	e.apply(broken)
	e.apply(everywhere)
	for i := range 6 {
		text := fmt.Sprintf("apiVersion: checky.dev/v1alpha1\nkind: RuleSet\nmetadata: {name: many-%d}\nspec:\n  rules:\n", i)
		for j := range 100 {
			text += fmt.Sprintf("  - {name: r%d, module: {name: required, params: {field: $.a}}}\n", j)
		}
		e.apply(text)
	}
	e.until("the rule sets are known", func() bool {
		sets, err := r.RuleSets(t.Context())
		return err == nil && len(sets) == 9
	})
	compare := func(t *testing.T, request check.Request, phase v1alpha1.Phase) {
		t.Helper()
		recorded, err := r.Submit(t.Context(), "ada", request, "", check.Patience{For: patience})
		if err != nil {
			t.Fatal(err)
		}
		dry, err := r.DryRun(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if recorded.Status.Phase != phase {
			t.Errorf("phase %s, want %s", recorded.Status.Phase, phase)
		}
		// The operator of this test has a knowledge file, and the dry run has none.
		noProse := cmp.Options{
			cmpopts.IgnoreFields(v1alpha1.Verdict{}, "Explanation", "Passages"), cmpopts.IgnoreFields(v1alpha1.Result{}, "Passages"),
			cmpopts.EquateEmpty(),
		}
		if diff := cmp.Diff(recorded.Status.Verdict, dry.Verdict, noProse); diff != "" {
			t.Errorf("a dry run differs (-recorded +dry):\n%s", diff)
		}
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(c.reason)
			compare(t, c.request, c.phase)
		})
	}

	// A set becomes a default, and is one no more.
	defaults := &v1alpha1.RuleSet{}
	defaults.Namespace, defaults.Name = e.namespace, "orders"
	for _, step := range []struct {
		value string
		phase v1alpha1.Phase
	}{{"true", v1alpha1.PhaseFailure}, {"false", v1alpha1.PhaseError}} {
		e.annotate(defaults, v1alpha1.DefaultRuleSetAnnotation, step.value)
		e.until("the default is known", func() bool {
			outcome, err := r.DryRun(t.Context(), check.Request{Input: []byte(`{"amount": 500}`)})
			return err == nil && outcome.Verdict.Phase == step.phase
		})
		compare(t, check.Request{Input: []byte(`{"amount": 500}`)}, step.phase)
	}
}

func TestRuleSets(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{})
	e.apply(orders)
	e.apply(broken)
	e.apply(everywhere)
	set := &v1alpha1.RuleSet{}
	set.Namespace, set.Name = e.namespace, "orders"
	e.annotate(set, v1alpha1.DefaultRuleSetAnnotation, "true")
	want := []check.RuleSet{
		{Kind: "RuleSet", Name: "broken", Rules: []check.RuleInfo{
			{Name: "amount", Severity: "error"},
			{Name: "there", Severity: "error", Fields: []string{"$.amount"}},
		}, Errors: []v1alpha1.RuleError{{Rule: "amount"}}},
		{Kind: "RuleSet", Name: "orders", Default: true, Ready: true, Rules: []check.RuleInfo{
			{Name: "amount", Severity: "error", Fields: []string{"$.amount"}},
			{Name: "customer", Severity: "critical", Fields: []string{"$.customer"}},
			{Name: "note", Severity: "info", Fields: []string{"$.note"}},
		}},
		{Kind: "ClusterRuleSet", Name: "everywhere", Ready: true, Rules: []check.RuleInfo{{Name: "id", Severity: "error"}}},
	}
	var got []check.RuleSet
	e.until("the rule sets are known", func() (known bool) {
		var err error
		if got, err = r.RuleSets(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(got) == len(want) && got[1].Default
	})
	ignoreText := cmpopts.IgnoreFields(v1alpha1.RuleError{}, "Message") // it is the compiler's
	if diff := cmp.Diff(want, got, ignoreText); diff != "" {
		t.Errorf("rule sets (-want +got):\n%s", diff)
	}

	if err := e.Delete(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	e.until("the deletion is known", func() bool {
		got, err := r.RuleSets(t.Context())
		return err == nil && len(got) == 2
	})
	request := check.Request{Input: []byte(`{}`), RuleSets: []v1alpha1.RuleSetReference{{Kind: "ClusterRuleSet", Name: "everywhere"}, {Name: "orders"}}}
	_, err := r.DryRun(t.Context(), request)
	wantField(t, err, "body.rule_sets[1].name")
}
