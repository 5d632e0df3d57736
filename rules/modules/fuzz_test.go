package modules_test

import (
	"context"
	"strings"
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// FuzzParams: whatever the parameters are, compiling gives a rule or an error, and the rule gives an outcome
// without an internal error.
func FuzzParams(f *testing.F) {
	for module, u := range usual {
		f.Add(module, u.params, u.payload)
		f.Add(module, `{"field": "$..x[?@.y]"}`, `{"x": [{"y": null}]}`)
	}
	f.Fuzz(func(t *testing.T, module, params, payload string) {
		rule := compile(module, params)
		p, err := rules.Decode([]byte(payload))
		if err != nil || rule.Err() != nil {
			return
		}
		report := rule.Evaluate(rules.NewCall(context.Background(), p, now))
		if strings.Contains(report.Problem, "internal error") {
			t.Errorf("module %s, params %s, payload %s: %s", module, params, payload, report.Problem)
		}
		if (report.Outcome == v1alpha1.OutcomeFail) != (len(report.Findings) > 0) {
			t.Errorf("outcome %s with %d findings", report.Outcome, len(report.Findings))
		}
	})
}

// FuzzPattern: an expression that compiles matches or is an error, within its limits.
func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{{"^a$", "a"}, {"(a?){400}b", as(50)}, {`\pL+`, "ä"}, {"(?i:x)|[^y]", "\xff"}, {"a{1000}", ""}} {
		f.Add(seed[0], seed[1])
	}
	p, err := rules.Decode([]byte("null"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, expression, text string) {
		pattern, err := rules.CompilePattern(expression)
		if err != nil {
			return
		}
		if len(expression) > rules.MaxPatternBytes {
			t.Errorf("an expression of %d bytes compiles", len(expression))
		}
		// A call that has not begun a rule has no deadline left, so only a long text's Step looks at it.
		_, _ = pattern.Match(rules.NewCall(context.Background(), p, now), text)
	})
}
