package modules

import (
	"strings"

	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/format"
)

// Format checks that strings have a named format.
var Format = rules.Module{
	Name:    "format",
	Summary: "Checks that each selected string has a named format, such as an e-mail address, a date or an IBAN.",
	Params: []rules.Param{
		{Name: "format", Type: "string", Doc: "One of " + strings.Join(format.Names(), ", ") + "."},
	},
	Example: "{name: format, params: {field: $.customer.email, format: email}}",
	Compile: compileFormat,
}

func compileFormat(p *rules.Params) (rules.Checker, error) {
	field, name := p.Field("field"), p.String("format")
	kind, ok := format.Find(name)
	if !ok {
		if name != "" {
			p.Reject("format", "there is no format %s; there are %s", rules.ShowLiteral(name), strings.Join(format.Names(), ", "))
		} else if p.Has("format") && isText(p.Value("format")) {
			p.Reject("format", "it is empty; give one of %s", strings.Join(format.Names(), ", "))
		}
		return nil, nil
	}
	p.Topic("format " + name)
	return &rules.EachValue{Field: field, Test: func(c *rules.Call, n rules.Node) error {
		text, ok := n.Value.(string)
		if err := c.Step(len(text) / bytesPerStep); err != nil {
			return err
		}
		if !ok || !kind.Valid(text) {
			c.Fail(n, kind.Expected)
		}
		return nil
	}}, nil
}
