package modules

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/checky-dev/checky/rules"
)

// Enum checks that values are among those listed.
var Enum = rules.Module{
	Name:    "enum",
	Summary: "Checks that each selected value equals one of a list of JSON values.",
	Topic:   "enum value is not allowed",
	Params: []rules.Param{
		{Name: "values", Type: "list of any JSON values", Doc: "The values allowed. Numbers are equal by value (1 and 1.0), objects whatever the order of their members."},
	},
	Example: "{name: enum, params: {field: $.status, values: [open, paid, shipped]}}",
	Compile: compileEnum,
}

func compileEnum(p *rules.Params) (rules.Checker, error) {
	field, values := p.Field("field"), p.List("values")
	texts, others := map[string]struct{}{}, map[string]struct{}{}
	for _, value := range values {
		if text, ok := value.(string); ok {
			texts[text] = struct{}{}
		} else {
			others[string(rules.Canonical(value))] = struct{}{}
		}
	}
	expected := describeValues(values)
	return &rules.EachValue{Field: field, Test: func(c *rules.Call, n rules.Node) error {
		ok, err := isAmong(c, n.Value, texts, others)
		if err == nil && !ok {
			c.Fail(n, expected)
		}
		return err
	}}, nil
}

// isAmong looks a value up: strings by themselves, all others by their canonical text.
func isAmong(c *rules.Call, value any, texts, others map[string]struct{}) (ok bool, err error) {
	if len(others) == 0 || isText(value) {
		text, _ := value.(string)
		_, ok = texts[text]
		return ok && isText(value), nil
	}
	if number, isNumber := value.(json.Number); isNumber {
		if _, ok = others[string(number)]; ok {
			return true, nil
		}
	}
	var room [128]byte
	key := rules.AppendCanonical(room[:0], value)
	_, ok = others[string(key)]
	return ok, c.Step(len(key) / bytesPerStep)
}

func isText(value any) bool {
	_, ok := value.(string)
	return ok
}

// maxValuesShown is how many of a list's values a message names.
const maxValuesShown = 8

func describeValues(values []any) string {
	if len(values) == 1 {
		return "the value " + rules.ShowLiteral(values[0])
	}
	shown := make([]string, 0, maxValuesShown+1)
	for i, value := range values {
		if i == maxValuesShown {
			shown = append(shown, "or "+strconv.Itoa(len(values)-i)+" more")
			break
		}
		shown = append(shown, rules.ShowLiteral(value))
	}
	return "one of " + strings.Join(shown, ", ")
}
