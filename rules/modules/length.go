package modules

import (
	"errors"
	"strconv"
	"unicode/utf8"

	"github.com/checky-dev/checky/rules"
)

// Length checks how long strings and arrays are.
var Length = rules.Module{
	Name:    "length",
	Summary: "Checks that each selected string has a length in code points, or each selected array a number of items, within bounds.",
	Topic:   "length too short or too long",
	Params: []rules.Param{
		{Name: "min", Type: "whole number", Doc: "The least length allowed. At least one of min and max is given."},
		{Name: "max", Type: "whole number", Doc: "The greatest length allowed."},
	},
	Example: "{name: length, params: {field: $.name, min: 1, max: 80}}",
	Compile: compileLength,
}

func compileLength(p *rules.Params) (rules.Checker, error) {
	field, low, high := p.Field("field"), p.Count("min"), p.Count("max")
	switch {
	case !p.Has("min") && !p.Has("max"):
		return nil, errors.New("module.params: give min, max or both")
	case low != nil && high != nil && *low > *high:
		p.Reject("min", "it is above max (%d > %d), so nothing could pass", *low, *high)
	}
	bounds := describeCount(low, high)
	text, list := "a string of "+bounds+" characters", "an array of "+bounds+" items"
	either := "a string of " + bounds + " characters or an array of as many items"
	return &rules.EachValue{Field: field, Test: func(c *rules.Call, n rules.Node) error {
		switch v := n.Value.(type) {
		case string:
			if err := c.Step(len(v) / bytesPerStep); err != nil {
				return err
			}
			if length := utf8.RuneCountInString(v); !within(length, low, high) && !c.Drops() {
				path := c.Pointer(n)
				c.FailAt(path, text, c.Show(path, v)+", which has "+strconv.Itoa(length))
			}
		case []any:
			if !within(len(v), low, high) {
				c.Fail(n, list)
			}
		default:
			c.Fail(n, either)
		}
		return nil
	}}, nil
}

// bytesPerStep is how many bytes of text take about as long to look at as one step of a Call.
const bytesPerStep = 16

func within(n int, low, high *int) bool {
	return (low == nil || n >= *low) && (high == nil || n <= *high)
}

func describeCount(low, high *int) string {
	switch {
	case low != nil && high != nil && *low == *high:
		return "exactly " + strconv.Itoa(*low)
	case low != nil && high != nil:
		return strconv.Itoa(*low) + " to " + strconv.Itoa(*high)
	case low != nil:
		return "at least " + strconv.Itoa(*low)
	case high != nil:
		return "at most " + strconv.Itoa(*high)
	}
	return ""
}
