package modules

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/checky-dev/checky/rules"
)

// Type checks the JSON types of values.
var Type = rules.Module{
	Name:    "type",
	Summary: "Checks that each selected value is of one of the named JSON types.",
	Topic:   "wrong type string instead of number",
	Params: []rules.Param{
		{Name: "type", Type: "string or list of strings", Doc: "string, number, integer, boolean, object, array or null. " +
			"An integer is a number without a fraction, so 1.0 is one; true is no number."},
	},
	Example: "{name: type, params: {field: $.customer.id, type: [string, integer]}}",
	Compile: compileType,
}

// typeNames are the names that the parameter takes.
var typeNames = []string{"string", "number", "integer", "boolean", "object", "array", "null"}

func compileType(p *rules.Params) (rules.Checker, error) {
	field, names := p.Field("field"), p.Strings("type")
	phrases := make([]string, 0, len(names))
	for _, name := range names {
		if !slices.Contains(typeNames, name) {
			p.Reject("type", "there is no type %s; give %s", rules.ShowLiteral(name), strings.Join(typeNames, ", "))
			continue
		}
		phrases = append(phrases, typePhrase(name))
	}
	expected := strings.Join(phrases, " or ")
	integers := slices.Contains(names, "integer") && !slices.Contains(names, "number")
	return &rules.EachValue{Field: field, Test: func(c *rules.Call, n rules.Node) error {
		ok := slices.Contains(names, rules.TypeOf(n.Value))
		if number, isNumber := n.Value.(json.Number); isNumber && integers {
			d, err := rules.ParseDecimal(string(number))
			if err != nil {
				return err
			}
			ok = d.IsInteger()
		}
		if !ok {
			c.Fail(n, expected)
		}
		return nil
	}}, nil
}

// typePhrase gives a type's name its article.
func typePhrase(name string) string {
	switch name {
	case "null":
		return name
	case "integer", "object", "array":
		return "an " + name
	}
	return "a " + name
}
