package modules

import (
	"strings"

	"github.com/checky-dev/checky/rules"
)

// Contains checks that arrays and strings contain a value.
var Contains = rules.Module{
	Name:    "contains",
	Summary: "Checks that each selected array has an item equal to a value, or each selected string contains it.",
	Topic:   "contains value must be present",
	Params: []rules.Param{
		{Name: "value", Type: "any JSON value", Doc: "The item that is wanted; in a string, the text that is wanted, which must then be a string."},
	},
	Example: "{name: contains, params: {field: $.tags, value: reviewed}}",
	Compile: compileContains,
}

func compileContains(p *rules.Params) (rules.Checker, error) {
	field, want := p.Field("field"), p.Value("value")
	text, isString := want.(string)
	list := "an array that contains " + rules.ShowLiteral(want)
	expected := list
	if isString {
		expected = "an array or a string that contains " + rules.ShowLiteral(want)
	}
	return &rules.EachValue{Field: field, Test: func(c *rules.Call, n rules.Node) error {
		switch v := n.Value.(type) {
		case []any:
			for _, item := range v {
				if err := c.Step(1); err != nil {
					return err
				}
				if rules.Equal(item, want) {
					return nil
				}
			}
			c.Fail(n, list)
			return nil
		case string:
			if err := c.Step((len(v) + len(text)) / bytesPerStep); err != nil {
				return err
			}
			if isString && strings.Contains(v, text) {
				return nil
			}
		}
		c.Fail(n, expected)
		return nil
	}}, nil
}
