package engine_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
	"github.com/checky-dev/checky/rules/cel"
	"github.com/checky-dev/checky/rules/jsonschema"
)

// TestLimitsOneByOne goes up to each limit of rules and payloads, and one past it: within, the rule is evaluated; past, its
// outcome is error and the message names the limit.
func TestLimitsOneByOne(t *testing.T) {
	pattern := func(n int) v1alpha1.Rule {
		return moduleRule("pattern", `{"field":"$","pattern":"`+strings.Repeat("a", n)+`"}`)
	}
	field := func(n int) v1alpha1.Rule {
		return moduleRule("required", `{"field":"$.`+strings.Repeat("a", n-2)+`"}`)
	}
	expression := func(n int) v1alpha1.Rule { return celRule("true" + strings.Repeat(" ", n-4)) }
	matches := func(n int) v1alpha1.Rule { return celRule(`"a".matches("` + strings.Repeat("a", n) + `")`) }
	loops := func(n int) v1alpha1.Rule {
		return celRule(strings.Repeat("input.all(x, ", n) + "true" + strings.Repeat(")", n))
	}
	schema := func(n int) v1alpha1.Rule {
		return schemaRule(`{"const":"` + strings.Repeat("a", n-len(`{"const":""}`)) + `"}`)
	}
	exponent := func(n int) string { return "1e" + strings.Repeat("9", n) }
	range1 := moduleRule("range", `{"field":"$","min":1}`)
	evaluated := v1alpha1.OutcomePass + " " + v1alpha1.OutcomeFail

	cases := map[string]struct {
		limit         int
		within, past  v1alpha1.Rule
		input, beyond string // beyond: the payload past the limit, where it is not the rule
	}{
		"MaxFieldBytes":        {limit: rules.MaxFieldBytes, within: field(rules.MaxFieldBytes), past: field(rules.MaxFieldBytes + 1), input: "{}"},
		"MaxPatternBytes":      {limit: rules.MaxPatternBytes, within: pattern(rules.MaxPatternBytes), past: pattern(rules.MaxPatternBytes + 1), input: `"b"`},
		"MaxExpressionBytes":   {limit: rules.MaxExpressionBytes, within: expression(rules.MaxExpressionBytes), past: expression(rules.MaxExpressionBytes + 1), input: "1"},
		"MaxSchemaBytes":       {limit: rules.MaxSchemaBytes, within: schema(rules.MaxSchemaBytes), past: schema(rules.MaxSchemaBytes + 1), input: `"b"`},
		"cel.MaxRegexBytes":    {limit: cel.MaxRegexBytes, within: matches(cel.MaxRegexBytes - 10), past: matches(cel.MaxRegexBytes + 1), input: "1"},
		"cel.MaxLoops":         {limit: cel.MaxLoops, within: loops(cel.MaxLoops), past: loops(cel.MaxLoops + 1), input: "[1]"},
		"cel.MaxText":          {limit: cel.MaxText, within: celRule("input.size() > 0"), past: celRule("input.size() > 0"), input: `"` + strings.Repeat("a", cel.MaxText) + `"`, beyond: `"` + strings.Repeat("a", cel.MaxText+1) + `"`},
		"MaxExponentDigits":    {limit: rules.MaxExponentDigits, within: range1, past: range1, input: exponent(rules.MaxExponentDigits), beyond: exponent(rules.MaxExponentDigits + 1)},
		"jsonschema.MaxDigits": {limit: jsonschema.MaxDigits, within: schemaRule(`{"minimum":1}`), past: schemaRule(`{"minimum":1}`), input: strings.Repeat("7", jsonschema.MaxDigits), beyond: strings.Repeat("7", jsonschema.MaxDigits+1)},
		"MaxCELCost":           {limit: rules.MaxCELCost, within: celRule(costly), past: celRule(costly), input: costlyInput(50), beyond: costlyInput(1000)},
		"MaxPatternSteps":      {limit: rules.MaxPatternSteps / 1002, within: pattern(1000), past: pattern(1000), input: `"` + strings.Repeat("b", 1000) + `"`, beyond: `"` + strings.Repeat("b", 10_000) + `"`},
		"MaxSteps":             {limit: rules.MaxSteps, within: moduleRule("type", `{"field":"$[*,*,*,*,*,*,*,*]","type":"number"}`), past: moduleRule("type", `{"field":"$[*,*,*,*,*,*,*,*][?@==@]","type":"number"}`), input: numbers(10), beyond: nestedNumbers(60_000)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := outcomeOf(t, tc.within, tc.input); !strings.Contains(string(evaluated), string(got.Outcome)) {
				t.Errorf("at the limit: %s: %s", got.Outcome, got.Message)
			}
			beyond := tc.beyond
			if beyond == "" {
				beyond = tc.input
			}
			got := outcomeOf(t, tc.past, beyond)
			if got.Outcome != v1alpha1.OutcomeError || !strings.Contains(strings.ReplaceAll(got.Message, ",", ""), fmt.Sprint(tc.limit)) {
				t.Errorf("past the limit: %s: %s", got.Outcome, got.Message)
			}
		})
	}
}

// costly looks for a text in a long one: quickly done, but each time as costly in CEL's units as a tenth of its length.
const costly = "input.n.all(i, !input.text.contains('zz'))"

func costlyInput(n int) string {
	return `{"n":` + numbers(n) + `,"text":"` + strings.Repeat("a", cel.MaxText) + `"}`
}

func numbers(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]" }

func nestedNumbers(n int) string {
	return "[" + strings.TrimSuffix(strings.Repeat("[1],", n), ",") + "]"
}

// outcomeOf evaluates one rule. A payload that is refused counts as the rule's error.
func outcomeOf(t *testing.T, rule v1alpha1.Rule, input string) v1alpha1.Result {
	t.Helper()
	p, err := engine.NewProgram("", builtin.New().Compile("", []v1alpha1.Rule{rule}))
	if err != nil {
		t.Fatal(err)
	}
	v := (&engine.Engine{}).Evaluate(t.Context(), engine.Request{Input: []byte(input), Program: p, Now: noon}).Verdict
	if len(v.Results) == 0 {
		return v1alpha1.Result{Outcome: v1alpha1.OutcomeError, Message: v.Explanation}
	}
	return v.Results[0]
}

// TestCELCostOfACheck lets many rules cost more together than one check may, each within its own limit.
func TestCELCostOfACheck(t *testing.T) {
	var list []v1alpha1.Rule
	for i := range 12 {
		rule := celRule(costly)
		rule.Name = fmt.Sprintf("r%02d", i)
		list = append(list, rule)
	}
	p, err := engine.NewProgram("", builtin.New().Compile("", list))
	if err != nil {
		t.Fatal(err)
	}
	v := (&engine.Engine{}).Evaluate(t.Context(), engine.Request{Input: []byte(costlyInput(100)), Program: p, Now: noon}).Verdict
	if v.Summary.Pass == 0 || v.Summary.Error == 0 || v.Summary.Pass+v.Summary.Error != 12 {
		t.Fatalf("summary %+v: %s", v.Summary, v.Explanation)
	}
	for _, r := range v.Results {
		late := r.Rule >= fmt.Sprintf("r%02d", v.Summary.Pass)
		if late != (r.Outcome == v1alpha1.OutcomeError) {
			t.Errorf("%s: %s, though the rules before it in order are the ones that fit", r.Rule, r.Outcome)
		}
	}
}

// TestTimeLimits runs a rule that never ends by itself: the rule's limit ends it, and the check's limit ends the rules
// behind it.
func TestTimeLimits(t *testing.T) {
	compiler := rules.NewCompiler([]rules.Module{{
		Name:    "endless",
		Compile: func(*rules.Params) (rules.Checker, error) { return endless{}, nil },
	}}, nil, nil, nil)
	var list []v1alpha1.Rule
	for _, name := range []string{"a", "b", "c"} {
		list = append(list, v1alpha1.Rule{Name: name, Module: &v1alpha1.ModuleRule{Name: "endless"}})
	}
	p, err := engine.NewProgram("", compiler.Compile("", list))
	if err != nil {
		t.Fatal(err)
	}
	o := (&engine.Engine{}).Evaluate(t.Context(), engine.Request{Input: []byte("1"), Program: p, Now: noon})
	if !o.TimedOut || o.Verdict.Phase != v1alpha1.PhaseError || o.Verdict.Summary.Error != 3 {
		t.Errorf("timed out: %v, %+v", o.TimedOut, o.Verdict.Summary)
	}
	if last := o.Verdict.Results[2].Message; !strings.Contains(last, rules.MaxCheckTime.String()) {
		t.Errorf("the last rule does not name the check's limit: %s", last)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if o := (&engine.Engine{}).Evaluate(cancelled, engine.Request{Input: []byte("1"), Program: p, Now: noon}); o.Verdict.Phase != v1alpha1.PhaseError {
		t.Errorf("a cancelled evaluation ended in %s", o.Verdict.Phase)
	}
}

// endless looks at the clock for ever, as a rule does that has no other bound.
type endless struct{}

func (endless) Check(c *rules.Call) error {
	for {
		if err := c.Overdue(); err != nil {
			return err
		}
	}
}
