package builtin_test

import (
	"testing"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

func TestEveryExampleCompiles(t *testing.T) {
	compiler := builtin.New()
	for _, module := range compiler.Modules() {
		var spec v1alpha1.ModuleRule
		if err := yaml.Unmarshal([]byte(module.Example), &spec); err != nil {
			t.Errorf("%s: %v", module.Name, err)
			continue
		}
		if spec.Name != module.Name {
			t.Errorf("%s: its example is of %s", module.Name, spec.Name)
		}
		rule := compiler.Compile("set", []v1alpha1.Rule{{Name: "r", Module: &spec}}).Rules[0]
		if rule.Err() != nil {
			t.Errorf("%s: %v", module.Name, rule.Err())
		}
	}
}

func TestEachKind(t *testing.T) {
	list := []v1alpha1.Rule{
		{Name: "a-module", Module: &v1alpha1.ModuleRule{Name: "range", Params: v1alpha1.JSON{Raw: []byte(`{"field":"$.amount","max":10}`)}}},
		{Name: "b-cel", When: "has(input.amount)", CEL: &v1alpha1.CELRule{Expression: "input.amount <= 10"}},
		{Name: "c-schema", JSONSchema: v1alpha1.JSON{Raw: []byte(`{"properties":{"amount":{"maximum":10}}}`)}},
	}
	set := builtin.New().Compile("set", list)
	for payload, want := range map[string]v1alpha1.Outcome{`{"amount":10}`: "pass", `{"amount":10.01}`: "fail"} {
		decoded, err := rules.Decode([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		call := rules.NewCall(t.Context(), decoded, time.Now())
		for _, rule := range set.Rules {
			if got := rule.Evaluate(call); got.Outcome != want {
				t.Errorf("%s: %s: got %s %s, want %s", payload, rule.Name, got.Outcome, got.Problem, want)
			}
		}
	}
}
