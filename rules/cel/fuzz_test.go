package cel_test

import (
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

func FuzzCompileCEL(f *testing.F) {
	for _, seed := range []string{`input.a > 0`, `input.all(i, i.x == "y")`, `"%s".format([input])`, `cel.bind(a, [1], a == a)`, `input.?a.orValue(1) in [1, 2u, 3.0]`, `(((`, "\x00", `"\u0000".matches("(a*)*")`} {
		f.Add(seed, `{"a": [1, "x", null, {"b": 1e400}]}`)
	}
	f.Fuzz(func(t *testing.T, expression, text string) {
		rule := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: expression, MessageExpression: expression}})
		if payload, err := rules.Decode([]byte(text)); err == nil {
			rule.Evaluate(rules.NewCall(t.Context(), payload, now))
		}
	})
}

func BenchmarkEvaluate(b *testing.B) {
	const payload = `{"id": "order-1", "amount": 99, "currency": "EUR", "items": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}]}`
	for name, expression := range map[string]string{
		"simple": `input.amount > 0`,
		"three":  `input.amount > 0 && input.currency in ["EUR", "USD"] && input.id.startsWith("order-")`,
		"loop":   `input.items.all(i, i.qty > 0)`,
	} {
		b.Run(name, func(b *testing.B) {
			rule := compile(b, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: expression}})
			input := decode(b, payload)
			var call *rules.Call
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%1000 == 0 { // a call's time is that of one check
					call = rules.NewCall(b.Context(), input, now)
				}
				if got := rule.Evaluate(call); got.Outcome != v1alpha1.OutcomePass && !got.TimedOut {
					b.Fatal(got)
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		compile(b, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: `input.amount > 0`}})
	}
}
