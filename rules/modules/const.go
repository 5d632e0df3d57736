package modules

import (
	"github.com/checky-dev/checky/rules"
)

// Const checks that values equal one value.
var Const = rules.Module{
	Name:    "const",
	Summary: "Checks that each selected value equals one JSON value.",
	Topic:   "const value must be exactly one",
	Params: []rules.Param{
		{Name: "value", Type: "any JSON value", Doc: "The value that is wanted, null included. Numbers are equal by value (1 and 1.0), objects whatever the order of their members."},
	},
	Example: "{name: const, params: {field: $.version, value: 2}}",
	Compile: compileConst,
}

func compileConst(p *rules.Params) (rules.Checker, error) {
	field, want := p.Field("field"), p.Value("value")
	expected := "the value " + rules.ShowLiteral(want)
	size := len(rules.Canonical(want)) / bytesPerStep
	return &rules.EachValue{Field: field, Test: func(c *rules.Call, n rules.Node) error {
		if err := c.Step(size); err != nil {
			return err
		}
		if !rules.Equal(n.Value, want) {
			c.Fail(n, expected)
		}
		return nil
	}}, nil
}
