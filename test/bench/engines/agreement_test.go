package engines

import (
	"testing"

	"github.com/checky-dev/checky/rules"
)

// TestEnginesAgree holds the comparison to be one: every engine finds as many rules broken as there are, from the text and from the
// decoded payload, for five rules and for more.
func TestEnginesAgree(t *testing.T) {
	for _, number := range []int{5, 20} {
		all, err := contenders(someRules(number))
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != len(makers) {
			t.Fatalf("%d engines, want %d", len(all), len(makers))
		}
		for _, c := range all {
			for _, p := range payloads() {
				if err := c.verify(p, p.broken*number/len(fiveRules)); err != nil {
					t.Errorf("%d rules: %v", number, err)
				}
			}
		}
	}
}

// TestGuardsGuard: the libraries with limits end what would take too long, or the limits would be no comparison.
func TestGuardsGuard(t *testing.T) {
	huge := sized(rules.MaxPayloadBytes, 0)
	list := []rule{{
		name:   "costly",
		cel:    `input.items.all(i, input.items.all(j, i.sku != "" && j.sku != ""))`,
		schema: `{"properties": {"items": {"items": {"allOf": [{}, {}, {}, {}, {}]}}}}`,
	}}
	for _, id := range []string{"cel-limited", "schema-limited"} {
		all, err := contenders(list, id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := all[0].text(huge.text); err == nil {
			t.Errorf("%s: no limit was reached", id)
		}
	}
}

func TestSizedPayloads(t *testing.T) {
	for _, size := range []int{2 << 10, 20 << 10, rules.MaxPayloadBytes} {
		if got := len(sized(size, 0).text); got > size || got < size-64 {
			t.Errorf("%d bytes, want just below %d", got, size)
		}
	}
	if got := len(validOrder.text); got < 180 || got > 240 {
		t.Errorf("the order has %d bytes, want about 200", got)
	}
}

// TestEachKindPasses: a module that fails, or selects nothing, would be measured at something else than its work.
func TestEachKindPasses(t *testing.T) {
	cases, err := kindCases()
	if err != nil {
		t.Fatal(err)
	}
	if want := len(compiler.Modules()) + 2; len(cases) != want {
		t.Errorf("%d kinds, want %d", len(cases), want)
	}
	for _, c := range cases {
		if err := c.Run(); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}
