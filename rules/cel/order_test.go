package cel_test

import (
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// TestMapsInOrder: loops over maps go over their keys in order, whoever made the map.
func TestMapsInOrder(t *testing.T) {
	const literal = `{'b': 1, 'a': 2, 'd': 3, 'c': 4, 'f': 5, 'e': 6}`
	for name, expression := range map[string]string{
		"a literal":                  literal + `.map(k, k) == ['a', 'b', 'c', 'd', 'e', 'f']`,
		"a literal with a member":    `{'b': input.x, 'a': 2, 'c': 3}.map(k, k) == ['a', 'b', 'c']`,
		"with values":                literal + `.transformList(k, v, v) == [2, 1, 4, 3, 6, 5]`,
		"a map made by a loop":       literal + `.transformMap(k, v, v + 1).map(k, k) == ['a', 'b', 'c', 'd', 'e', 'f']`,
		"the payload's, transformed": `input.o.transformMap(k, v, v).map(k, k) == ['a', 'b', 'c', 'd', 'e', 'f']`,
		"a variable":                 `cel.bind(m, ` + literal + `, m.map(k, k)) == ['a', 'b', 'c', 'd', 'e', 'f']`,
		"in a list":                  `[` + literal + `].map(m, m.map(k, k)) == [['a', 'b', 'c', 'd', 'e', 'f']]`,
		"by an optional":             `optional.of(` + literal + `).value().map(k, k) == ['a', 'b', 'c', 'd', 'e', 'f']`,
		"a choice":                   `(input.x == 1 ? ` + literal + ` : {}).map(k, k) == ['a', 'b', 'c', 'd', 'e', 'f']`,
		"keys of several types":      `{'b': 1, 2: 1, 'a': 1, 1u: 1, true: 1, false: 1, -3: 1}.map(k, dyn(k)) == [false, true, -3, 1u, 2, 'a', 'b']`,
		"nested loops":               literal + `.transformMap(k, v, {'z': v, 'y': v}).transformList(k, m, m.map(n, n)).all(l, l == ['y', 'z'])`,
	} {
		t.Run(name, func(t *testing.T) {
			rule := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: expression}})
			if rule.Err() != nil {
				t.Fatal(rule.Err())
			}
			payload := decode(t, `{"x": 1, "o": {"b": 1, "a": 2, "d": 3, "c": 4, "f": 5, "e": 6}}`)
			for range 30 {
				if got := rule.Evaluate(rules.NewCall(t.Context(), payload, now)); got.Outcome != v1alpha1.OutcomePass {
					t.Fatalf("%s %s %v", got.Outcome, got.Problem, got.Findings)
				}
			}
		})
	}
}
