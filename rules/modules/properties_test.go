package modules_test

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// literals are JSON numbers of a few spellings, small enough for math/big.
var literals = rapid.StringMatching(`-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?`)

// values are JSON values in which equal ones are likely, nested twice at most.
var values = nest(nest(scalars))

var scalars = rapid.OneOf(
	rapid.SampledFrom([]string{"null", "true", "false", "1", "1.0", "10e-1", "0", "-0", `""`, `"a"`, `"\u0061"`, `"1"`, "[]", "{}"}),
	literals,
)

func nest(inner *rapid.Generator[string]) *rapid.Generator[string] {
	return rapid.OneOf(
		inner,
		rapid.Custom(func(t *rapid.T) string {
			return "[" + strings.Join(rapid.SliceOfN(inner, 0, 2).Draw(t, "items"), ",") + "]"
		}),
		rapid.Custom(func(t *rapid.T) string {
			return fmt.Sprintf(`{"a":%s,"b":%s}`, inner.Draw(t, "a"), inner.Draw(t, "b"))
		}),
	)
}

func rat(t *rapid.T, literal string) *big.Rat {
	r, ok := new(big.Rat).SetString(literal)
	if !ok {
		t.Fatalf("math/big does not read %s", literal)
	}
	return r
}

// outcome evaluates a rule that must compile.
func outcome(t *rapid.T, module, params, payload string) v1alpha1.Outcome {
	t.Helper()
	rule := compile(module, params)
	p, err := rules.Decode([]byte(payload))
	if err != nil || rule.Err() != nil {
		t.Fatalf("params %s, payload %s: %v, %v", params, payload, rule.Err(), err)
	}
	return rule.Evaluate(rules.NewCall(context.Background(), p, now)).Outcome
}

func passes(t *rapid.T, module, params, payload string) bool {
	return outcome(t, module, params, payload) == v1alpha1.OutcomePass
}

func TestRangeAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x, bound, exclusive := literals.Draw(t, "x"), literals.Draw(t, "bound"), rapid.Bool().Draw(t, "exclusive")
		order := rat(t, x).Cmp(rat(t, bound))
		for side, want := range map[string]bool{"min": order > 0 || order == 0 && !exclusive, "max": order < 0 || order == 0 && !exclusive} {
			params := fmt.Sprintf(`{"field": "$", "%s": %s, "exclusiveM%s": %t}`, side, bound, side[1:], exclusive)
			if got := passes(t, "range", params, x); got != want {
				t.Fatalf("%s of %s: %t, want %t", params, x, got, want)
			}
		}
	})
}

func TestCompareAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := literals.Draw(t, "a"), literals.Draw(t, "b")
		order := rat(t, a).Cmp(rat(t, b))
		for operator, want := range map[string]bool{"eq": order == 0, "ne": order != 0, "lt": order < 0, "le": order <= 0, "gt": order > 0, "ge": order >= 0} {
			params := `{"field": "$[0]", "operator": "` + operator + `", "other": "$[-1]"}`
			if got := passes(t, "compare", params, "["+a+","+b+"]"); got != want {
				t.Fatalf("%s %s %s: %t, want %t", a, operator, b, got, want)
			}
		}
	})
}

func TestUniqueAgreesWithPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfN(values, 0, 6).Draw(t, "items")
		payload := "[" + strings.Join(items, ",") + "]"
		p, err := rules.Decode([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		list, _ := p.Root().([]any)
		want := true
		for i := range list {
			for j := range i {
				want = want && !rules.Equal(list[i], list[j])
			}
		}
		for _, field := range []string{"$", "$[*]"} {
			if got := passes(t, "unique", `{"field": "`+field+`"}`, payload); got != want {
				t.Fatalf("%s of %s: %t, want %t", field, payload, got, want)
			}
		}
	})
}

func TestEqualityIsReflexive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, other := values.Draw(t, "v"), values.Draw(t, "other")
		for module, params := range map[string]string{
			"const": `{"field": "$", "value": ` + v + `}`, "enum": `{"field": "$", "values": [` + other + `,` + v + `]}`,
			"contains": `{"field": "$", "value": ` + v + `}`,
		} {
			payload := v
			if module == "contains" {
				payload = "[" + other + "," + v + "]"
			}
			if !passes(t, module, params, payload) {
				t.Fatalf("%s %s refuses %s", module, params, payload)
			}
		}
		same := passes(t, "const", `{"field": "$", "value": `+v+`}`, other)
		if among := passes(t, "enum", `{"field": "$", "values": [`+v+`]}`, other); among != same {
			t.Fatalf("%s and %s: const says %t, enum %t", v, other, same, among)
		}
	})
}

func TestSumAgreesWithRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		terms := rapid.SliceOfN(literals, 1, 8).Draw(t, "terms")
		total := new(big.Rat)
		for _, term := range terms {
			total.Add(total, rat(t, term))
		}
		// Literals have at most 12 + 99 digits after the point.
		exact := total.FloatString(111)
		shuffled := slices.Clone(terms)
		for i := range shuffled {
			j := rapid.IntRange(0, i).Draw(t, "j")
			shuffled[i], shuffled[j] = shuffled[j], shuffled[i]
		}
		payload := "[" + strings.Join(shuffled, ",") + "]"
		if !passes(t, "sum", `{"field": "$[*]", "equals": "`+exact+`"}`, payload) {
			t.Fatalf("the sum of %s is not %s", payload, exact)
		}
		off := strings.TrimPrefix(exact, "-") + "1"
		if passes(t, "sum", `{"field": "$[*]", "equals": "`+exact+`1"}`, payload) {
			t.Fatalf("the sum of %s is %s1, too", payload, off)
		}
		if !passes(t, "sum", `{"field": "$[*]", "equals": "`+exact+`1", "tolerance": 1e-112}`, payload) {
			t.Fatalf("the sum of %s is not within 1e-112 of %s1", payload, exact)
		}
	})
}

func TestLengthCountsCodePoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		n := len([]rune(text))
		if !passes(t, "length", fmt.Sprintf(`{"field": "$", "min": %d, "max": %d}`, n, n), quoted(text)) {
			t.Fatalf("%q has not %d code points", text, n)
		}
	})
}
