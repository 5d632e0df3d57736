package rules

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestFindingsAreBounded(t *testing.T) {
	c := callOn(decode(t, `{"a": [1, 2]}`))
	long := strings.Repeat("ä", MaxMessageBytes)
	c.FailAt("/"+long, long, long)
	c.Report("/"+long, long)
	f, err := CompileField("$.a[*]")
	if err != nil {
		t.Fatal(err)
	}
	for range MaxFindingsPerRule {
		if err := f.Each(c, func(c *Call, n Node) error { c.Fail(n, "another"); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if !c.Drops() || !c.Failed() {
		t.Error("the call takes more findings")
	}
	const reported = 2 + 2*MaxFindingsPerRule + 1 // Drops counts one, too
	if len(c.findings) != MaxFindingsPerRule || c.dropped != reported-MaxFindingsPerRule {
		t.Errorf("%d findings, %d dropped", len(c.findings), c.dropped)
	}
	for _, f := range c.findings {
		if len(f.Path) > MaxMessageBytes || len(f.Message) > MaxMessageBytes {
			t.Errorf("a path of %d bytes, a message of %d", len(f.Path), len(f.Message))
		}
	}
	if diff := cmp.Diff(Finding{Path: "/a/1", Message: "expected another, found 2", Found: "2"}, c.findings[3]); diff != "" {
		t.Error(diff)
	}
}

// stub is a Checker that does what a test wants.
type stub func(*Call) error

func (s stub) Check(c *Call) error { return s(c) }

type stubGuard struct {
	allowed bool
	err     error
}

func (g stubGuard) Allows(*Call) (bool, error) { return g.allowed, g.err }

func TestEvaluate(t *testing.T) {
	fail := stub(func(c *Call) error { c.FailAt("/a", "more", "less"); return nil })
	for name, tc := range map[string]struct {
		reason string
		rule   Rule
		want   Report
	}{
		"Pass":   {"no finding", Rule{checker: stub(func(*Call) error { return nil })}, Report{Outcome: v1alpha1.OutcomePass}},
		"Fail":   {"a finding", Rule{checker: fail}, Report{Outcome: v1alpha1.OutcomeFail, Findings: []Finding{{Path: "/a", Message: "expected more, found less", Found: "less"}}}},
		"Skip":   {"the guard says no", Rule{guard: stubGuard{}, checker: fail}, Report{Outcome: v1alpha1.OutcomeSkip}},
		"Guard":  {"the guard can't tell", Rule{guard: stubGuard{err: errors.New("no such field")}, checker: fail}, Report{Outcome: v1alpha1.OutcomeError, Problem: "when: no such field"}},
		"Error":  {"an error outweighs findings", Rule{checker: stub(func(c *Call) error { _ = fail(c); return errors.New("it broke") })}, Report{Outcome: v1alpha1.OutcomeError, Problem: "it broke"}},
		"Time":   {"time is told apart", Rule{checker: stub(func(*Call) error { return fmt.Errorf("%w: too slow", ErrTime) })}, Report{Outcome: v1alpha1.OutcomeError, Problem: "time limit: too slow", TimedOut: true}},
		"Panic":  {"a panic is contained, and its text is not shown", Rule{Kind: "x", checker: stub(func(*Call) error { panic("payload") })}, Report{Outcome: v1alpha1.OutcomeError, Problem: "the rule could not be evaluated: an internal error of x"}},
		"NoRule": {"what doesn't compile never passes", Rule{err: errors.New("bad"), checker: fail}, Report{Outcome: v1alpha1.OutcomeError, Problem: "the rule does not compile: bad"}},
		"Cost":   {"cost is reported", Rule{checker: stub(func(c *Call) error { c.Spend(7); return nil })}, Report{Outcome: v1alpha1.OutcomePass, Cost: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.rule.Evaluate(NewCall(context.Background(), decode(t, "{}"), time.Time{}))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestCallIsReused: what one rule found and spent is not the next one's.
func TestCallIsReused(t *testing.T) {
	c := NewCall(context.Background(), decode(t, "{}"), time.Time{})
	first := Rule{checker: stub(func(c *Call) error {
		for range MaxFindingsPerRule + 1 {
			c.FailAt("", "a", "b")
		}
		c.Spend(5)
		return c.Step(MaxSteps / 2)
	})}
	second := Rule{checker: stub(func(c *Call) error { return c.Step(3 * MaxSteps / 4) })}
	if got := first.Evaluate(c); got.Outcome != v1alpha1.OutcomeFail || got.Dropped != 1 || got.Cost != 5 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff(Report{Outcome: v1alpha1.OutcomePass}, second.Evaluate(c)); diff != "" {
		t.Error(diff)
	}
}

func rule(name string, change func(*v1alpha1.Rule)) v1alpha1.Rule {
	r := v1alpha1.Rule{Name: name, Module: &v1alpha1.ModuleRule{Name: "any"}}
	if change != nil {
		change(&r)
	}
	return r
}

// anyModule takes a field and passes.
var anyModule = Module{Name: "any", FieldDefault: "$", Compile: func(p *Params) (Checker, error) {
	p.Field("field")
	return stub(func(*Call) error { return nil }), nil
}}

func TestCompileRefuses(t *testing.T) {
	compiler := NewCompiler([]Module{anyModule}, nil, nil, nil)
	for name, tc := range map[string]struct {
		rule v1alpha1.Rule
		want string
	}{
		"NoName":    {rule("", nil), `name: "" is not a rule's name`},
		"BadName":   {rule("A_b", nil), `name: "A_b" is not a rule's name; use up to 63 lower-case letters`},
		"LongName":  {rule(strings.Repeat("a", 64), nil), "is not a rule's name"},
		"Severity":  {rule("a", func(r *v1alpha1.Rule) { r.Severity = "fatal" }), `severity: "fatal" is not one of info, warning, error, critical`},
		"Message":   {rule("a", func(r *v1alpha1.Rule) { r.Message = strings.Repeat("a", 1025) }), "message: it has 1025 bytes, at most 1024 are allowed"},
		"NoWay":     {rule("a", func(r *v1alpha1.Rule) { r.Module = nil }), "set exactly one of module, cel and jsonSchema; this rule has 0 of them"},
		"TwoWays":   {rule("a", func(r *v1alpha1.Rule) { r.CEL = &v1alpha1.CELRule{Expression: "true"} }), "this rule has 2 of them"},
		"NoModule":  {rule("a", func(r *v1alpha1.Rule) { r.Module.Name = "other" }), `module.name: there is no module "other"; there are any`},
		"Params":    {rule("a", func(r *v1alpha1.Rule) { r.Module.Params.Raw = []byte("[]") }), "module.params: expected an object, found array"},
		"Duplicate": {rule("a", func(r *v1alpha1.Rule) { r.Module.Params.Raw = []byte(`{"field": "$", "field": "$"}`) }), "module.params: line 1, column 16 (at /field): the same name stands twice"},
		"Unknown":   {rule("a", func(r *v1alpha1.Rule) { r.Module.Params.Raw = []byte(`{"feld": "$"}`) }), "module.params.feld: module any has no such parameter; it takes field"},
	} {
		t.Run(name, func(t *testing.T) {
			set := compiler.Compile("s", []v1alpha1.Rule{tc.rule})
			err := set.Rules[0].Err()
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%v, want %q", err, tc.want)
			}
			if len(set.Errors) != 1 || set.Errors[0].Rule != tc.rule.Name {
				t.Errorf("errors %v", set.Errors)
			}
		})
	}
}

func TestCompileSet(t *testing.T) {
	compiler := NewCompiler([]Module{anyModule}, nil, nil, nil)
	list := []v1alpha1.Rule{rule("b", nil), rule("a", func(r *v1alpha1.Rule) { r.Explain = &v1alpha1.Explain{Query: "q"} }), rule("b", nil)}
	set := compiler.Compile("s", list)
	var ids []string
	for _, r := range set.Rules {
		ids = append(ids, r.ID)
	}
	if diff := cmp.Diff([]string{"s/a", "s/b", "s/b"}, ids); diff != "" {
		t.Error(diff)
	}
	if set.Rules[0].Query != "q" || set.Rules[0].Severity != v1alpha1.SeverityError || cmp.Diff([]string{"$"}, set.Rules[0].Fields) != "" {
		t.Errorf("%+v", set.Rules[0])
	}
	if len(set.Errors) != 1 || !strings.Contains(set.Errors[0].Message, "another rule of this set has the same name") {
		t.Errorf("errors %v", set.Errors)
	}
	var many []v1alpha1.Rule
	for i := range MaxRulesPerSet + 1 {
		many = append(many, rule(fmt.Sprintf("r%03d", i), nil))
	}
	if errs := compiler.Compile("", many).Errors; len(errs) != 1 || !strings.Contains(errs[0].Message, "at most 100 rules") {
		t.Errorf("errors of 101 rules: %v", errs)
	}
}

// TestSetDigest: the digest is the rules', not their order's or spelling's.
func TestSetDigest(t *testing.T) {
	compiler := NewCompiler([]Module{anyModule}, nil, nil, nil)
	with := func(params string) v1alpha1.Rule {
		return rule("a", func(r *v1alpha1.Rule) { r.Module.Params.Raw = json.RawMessage(params) })
	}
	digest := func(set string, list ...v1alpha1.Rule) string { return compiler.Compile(set, list).Digest }
	base := digest("s", with(`{"field": "$.a", "x": 1}`), rule("b", nil))
	for reason, same := range map[string]string{
		"order of rules":      digest("s", rule("b", nil), with(`{"field": "$.a", "x": 1}`)),
		"order of parameters": digest("s", with(`{"x":1.0,"field":"$.a"}`), rule("b", nil)),
		"the default":         digest("s", with(`{"field": "$.a", "x": 1}`), rule("b", func(r *v1alpha1.Rule) { r.Severity = v1alpha1.SeverityError })),
	} {
		if same != base {
			t.Errorf("%s changes the digest", reason)
		}
	}
	for reason, other := range map[string]string{
		"another set":      digest("t", with(`{"field": "$.a", "x": 1}`), rule("b", nil)),
		"another value":    digest("s", with(`{"field": "$.a", "x": 2}`), rule("b", nil)),
		"another severity": digest("s", with(`{"field": "$.a", "x": 1}`), rule("b", func(r *v1alpha1.Rule) { r.Severity = v1alpha1.SeverityInfo })),
		"a rule less":      digest("s", with(`{"field": "$.a", "x": 1}`)),
	} {
		if other == base {
			t.Errorf("%s does not change the digest", reason)
		}
	}
}
