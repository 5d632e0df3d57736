package cel_test

import (
	"context"
	"encoding/json"
	"testing"

	celgo "github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// TestTextFunctions compares Checky's own functions on texts with cel-go's.
func TestTextFunctions(t *testing.T) {
	env, err := celgo.NewEnv(ext.Strings(ext.StringsVersion(4)), celgo.Variable("input", celgo.DynType))
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []string{
		`input.a.indexOf(input.b)`, `input.a.lastIndexOf(input.b)`, `input.a.indexOf(input.b, input.n)`, `input.a.lastIndexOf(input.b, input.n)`,
		`input.a.replace(input.b, input.c)`, `input.a.replace(input.b, input.c, input.n)`, `[input.a, input.b].join(input.c)`, `input.a.split(input.b).join(input.c)`,
	} {
		checked, issues := env.Compile(call)
		if issues.Err() != nil {
			t.Fatal(issues.Err())
		}
		program, err := env.Program(checked)
		if err != nil {
			t.Fatal(err)
		}
		rule := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: call + " == input.want"}})
		if rule.Err() != nil {
			t.Fatal(rule.Err())
		}
		rapid.Check(t, func(t *rapid.T) {
			text := rapid.StringMatching(`[abñ€]{0,6}`)
			input := map[string]any{"a": text.Draw(t, "a"), "b": rapid.StringMatching(`[abñ]{0,2}`).Draw(t, "b"), "c": text.Draw(t, "c"), "n": rapid.Int64Range(0, 9).Draw(t, "n")}
			want, _, err := program.Eval(map[string]any{"input": input})
			if err != nil {
				t.Skip(err)
			}
			input["want"] = want.Value()
			encoded, err := json.Marshal(input)
			if err != nil {
				t.Fatal(err)
			}
			payload, err := rules.Decode(encoded)
			if err != nil {
				t.Fatal(err)
			}
			if got := rule.Evaluate(rules.NewCall(context.Background(), payload, now)); got.Outcome != v1alpha1.OutcomePass && !got.TimedOut {
				t.Fatalf("%s of %s: got %s %s", call, encoded, got.Outcome, got.Problem)
			}
		})
	}
}
