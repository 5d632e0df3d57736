package engines

import (
	"context"
	"fmt"
	"strings"

	"github.com/kyverno/kyverno-json/pkg/apis/policy/v1alpha1"
	jsonengine "github.com/kyverno/kyverno-json/pkg/json-engine"
	"sigs.k8s.io/yaml"
)

// kyvernoPolicy is the rules as a ValidatingPolicy of kyverno-json, in YAML.
func kyvernoPolicy(list []rule) string {
	var b strings.Builder
	b.WriteString("apiVersion: json.kyverno.io/v1alpha1\nkind: ValidatingPolicy\nmetadata:\n  name: orders\nspec:\n  rules:\n")
	for _, r := range list {
		fmt.Fprintf(&b, "  - name: %s\n    assert:\n      all:\n      - check:\n          %s\n", r.name, r.assertion)
	}
	return b.String()
}

// kyverno is kyverno-json's engine. It has no step in which policies are compiled ahead.
func kyverno(list []rule) (contender, error) {
	policy := &v1alpha1.ValidatingPolicy{}
	if err := yaml.UnmarshalStrict([]byte(kyvernoPolicy(list)), policy); err != nil {
		return contender{}, err
	}
	engine := jsonengine.New()
	return contender{
		name:   "kyverno-json",
		setup:  "one engine and one ValidatingPolicy with an assertion a rule, on json.Unmarshal's values",
		decode: decodeAny,
		check: func(decoded any) (int, error) {
			response := engine.Run(context.Background(), jsonengine.Request{Resource: decoded, Policies: []*v1alpha1.ValidatingPolicy{policy}})
			return violated(response)
		},
	}.viaDecode(), nil
}

func violated(response jsonengine.Response) (broken int, err error) {
	for _, policy := range response.Policies {
		for _, rule := range policy.Rules {
			if rule.Error != nil {
				return 0, fmt.Errorf("rule %s: %w", rule.Rule.Name, rule.Error)
			}
			if len(rule.Violations) > 0 {
				broken++
			}
		}
	}
	return broken, nil
}
