package modules

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/checky-dev/checky/rules"
)

// Range checks that numbers lie between bounds, compared exactly.
var Range = rules.Module{
	Name:    "range",
	Summary: "Checks that each selected number lies between two bounds, compared exactly at any number of digits.",
	Topic:   "out of range",
	Params: []rules.Param{
		{Name: "min", Type: "number", Doc: "The least value allowed. At least one of min and max is given. Quote a number of more than 15 digits."},
		{Name: "max", Type: "number", Doc: "The greatest value allowed."},
		{Name: "exclusiveMin", Type: "boolean", Doc: "True: min itself is not allowed. Default false."},
		{Name: "exclusiveMax", Type: "boolean", Doc: "True: max itself is not allowed. Default false."},
	},
	Example: "{name: range, params: {field: $.amount, min: 0, exclusiveMin: true, max: 10000}}",
	Compile: compileRange,
}

func compileRange(p *rules.Params) (rules.Checker, error) {
	field, low, high := p.Field("field"), p.Number("min"), p.Number("max")
	aboveLow, belowHigh := p.Bool("exclusiveMin"), p.Bool("exclusiveMax")
	switch {
	case low == nil && high == nil:
		return nil, errors.New("module.params: give min, max or both")
	case aboveLow && low == nil:
		p.Reject("exclusiveMin", "it needs a min")
	case belowHigh && high == nil:
		p.Reject("exclusiveMax", "it needs a max")
	case low != nil && high != nil && low.Compare(*high) > 0:
		p.Reject("min", "it is above max (%s > %s), so no number could pass", low, high)
	}
	expected := describeRange(low, high, aboveLow, belowHigh)
	return &rules.EachValue{Field: field, Test: func(c *rules.Call, n rules.Node) error {
		literal, ok := n.Value.(json.Number)
		if !ok {
			c.Fail(n, expected)
			return nil
		}
		d, err := rules.ParseDecimal(string(literal))
		if err != nil {
			return err
		}
		if !inRange(d, low, high, aboveLow, belowHigh) {
			c.Fail(n, expected)
		}
		return nil
	}}, nil
}

func inRange(d rules.Decimal, low, high *rules.Decimal, aboveLow, belowHigh bool) bool {
	if low != nil {
		if c := d.Compare(*low); c < 0 || c == 0 && aboveLow {
			return false
		}
	}
	if high != nil {
		if c := d.Compare(*high); c > 0 || c == 0 && belowHigh {
			return false
		}
	}
	return true
}

func describeRange(low, high *rules.Decimal, aboveLow, belowHigh bool) string {
	var bounds []string
	if low != nil {
		word := "at least "
		if aboveLow {
			word = "above "
		}
		bounds = append(bounds, word+low.String())
	}
	if high != nil {
		word := "at most "
		if belowHigh {
			word = "below "
		}
		bounds = append(bounds, word+high.String())
	}
	return "a number " + strings.Join(bounds, " and ")
}
