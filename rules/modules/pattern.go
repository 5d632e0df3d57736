package modules

import (
	"github.com/checky-dev/checky/rules"
)

// Pattern checks strings against a regular expression.
var Pattern = rules.Module{
	Name:    "pattern",
	Summary: "Checks that each selected string matches a regular expression (RE2 syntax).",
	Topic:   "pattern of a regular expression does not match",
	Params: []rules.Param{
		{Name: "pattern", Type: "string", Doc: "The expression. It may match anywhere in the string; anchor it with ^ and $ to match all of it."},
	},
	Example: "{name: pattern, params: {field: '$.items[*].sku', pattern: '^[A-Z]{3}-[0-9]{4}$'}}",
	Compile: compilePattern,
}

func compilePattern(p *rules.Params) (rules.Checker, error) {
	field, expression := p.Field("field"), p.String("pattern")
	pattern, err := rules.CompilePattern(expression)
	if err != nil {
		p.Reject("pattern", "%s", err)
		return nil, nil
	}
	expected := "a string that matches " + rules.ShowLiteral(expression)
	return &rules.EachValue{Field: field, Test: func(c *rules.Call, n rules.Node) error {
		text, ok := n.Value.(string)
		if ok {
			var err error
			if ok, err = pattern.Match(c, text); err != nil {
				return err
			}
		}
		if !ok {
			c.Fail(n, expected)
		}
		return nil
	}}, nil
}
