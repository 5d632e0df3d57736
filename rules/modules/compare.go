package modules

import (
	"encoding/json"
	"strings"

	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/format"
)

// Compare checks two fields of the payload against each other.
var Compare = rules.Module{
	Name: "compare",
	Summary: "Compares each selected value with another value of the payload: numbers exactly, two RFC 3339 dates or date-times in time, other " +
		"strings by code point.",
	Topic: "compare two fields contradict",
	Params: []rules.Param{
		{Name: "other", Type: "JSONPath", Doc: "What to compare with: a path of names and indexes only. It must be there if field selects anything."},
		{Name: "operator", Type: "string", Doc: "eq, ne, lt, le, gt or ge, or ==, !=, <, <=, >, >=: how field must stand to other. eq and ne take values of any " +
			"type, the others two numbers or two strings."},
	},
	Example: "{name: compare, params: {field: $.end, operator: gt, other: $.start}}",
	Compile: compileCompare,
}

// operator is a way for one value to stand to another.
type operator struct {
	name, symbol, phrase string
	// holds is asked with -1, 0 or 1 for less, equal and greater.
	holds func(order int) bool
	// anyType operators only ask for equality.
	anyType bool
}

var operators = []operator{
	{"eq", "==", "equal to", func(o int) bool { return o == 0 }, true},
	{"ne", "!=", "different from", func(o int) bool { return o != 0 }, true},
	{"lt", "<", "below", func(o int) bool { return o < 0 }, false},
	{"le", "<=", "at most", func(o int) bool { return o <= 0 }, false},
	{"gt", ">", "above", func(o int) bool { return o > 0 }, false},
	{"ge", ">=", "at least", func(o int) bool { return o >= 0 }, false},
}

type compare struct {
	field, other *rules.Field
	operator     operator
	test         func(*rules.Call, rules.Node) error
}

func compileCompare(p *rules.Params) (rules.Checker, error) {
	m := &compare{field: p.Field("field"), other: p.Field("other")}
	if m.other != nil && !m.other.Singular() {
		p.Reject("other", "%s may select several values; give a path of names and indexes only, such as $.limits.max", rules.ShowLiteral(m.other.String()))
	}
	name := p.String("operator")
	found := false
	for _, o := range operators {
		if name == o.name || name == o.symbol {
			m.operator, found = o, true
		}
	}
	if !found && name != "" {
		p.Reject("operator", "there is no operator %s; give eq, ne, lt, le, gt or ge", rules.ShowLiteral(name))
	}
	if m.field == nil || m.other == nil || !found {
		return nil, nil
	}
	m.test = m.testNode
	return m, nil
}

func (m *compare) Check(c *rules.Call) error {
	_, there, err := m.other.Get(c)
	if err != nil {
		return err
	}
	if there {
		return m.field.Each(c, m.test)
	}
	some, err := m.field.Selects(c)
	if err == nil && some {
		c.FailAt(m.other.Pointer(), "a value at "+m.other.String()+" to compare "+m.field.String()+" with", nothingThere)
	}
	return err
}

func (m *compare) testNode(c *rules.Call, n rules.Node) error {
	other, _, err := m.other.Get(c)
	if err != nil {
		return err
	}
	order, ordered, err := compareValues(c, n.Value, other)
	if err != nil {
		return err
	}
	if !ordered && m.operator.anyType {
		order, ordered = 1, true
		if rules.Equal(n.Value, other) {
			order = 0
		}
	}
	if ordered && m.operator.holds(order) {
		return nil
	}
	expected := "a value " + m.operator.phrase + " " + m.other.String() + " (" + c.Show(m.other.Pointer(), other) + ")"
	if !ordered {
		expected += ", both numbers or both strings"
	}
	c.Fail(n, expected)
	return nil
}

// compareValues orders two numbers or two strings; other values have no order.
func compareValues(c *rules.Call, a, b any) (order int, ok bool, err error) {
	switch x := a.(type) {
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return 0, false, nil
		}
		order, err := compareNumbers(x, y)
		return order, err == nil, err
	case string:
		y, ok := b.(string)
		if !ok {
			return 0, false, nil
		}
		if err := c.Step(min(len(x), len(y)) / bytesPerStep); err != nil {
			return 0, false, err
		}
		if order, ok := format.CompareTimes(x, y); ok {
			return order, true, nil
		}
		return strings.Compare(x, y), true, nil
	}
	return 0, false, nil
}

func compareNumbers(a, b json.Number) (int, error) {
	x, err := rules.ParseDecimal(string(a))
	if err != nil {
		return 0, err
	}
	y, err := rules.ParseDecimal(string(b))
	if err != nil {
		return 0, err
	}
	return x.Compare(y), nil
}
