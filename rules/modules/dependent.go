package modules

import (
	"github.com/checky-dev/checky/rules"
)

// Dependent checks that one field comes with others.
var Dependent = rules.Module{
	Name:    "dependent",
	Summary: "Checks that, if the field selects anything, each of some other paths selects something too.",
	Topic:   "dependent field if one is given another is needed",
	Params: []rules.Param{
		{Name: "requires", Type: "JSONPath or list of JSONPaths", Doc: "What must be there if field is."},
	},
	Example: "{name: dependent, params: {field: $.card.number, requires: [$.card.expiry, $.card.holder]}}",
	Compile: compileDependent,
}

type dependent struct {
	field    *rules.Field
	requires []requirement
}

// requirement is a path that must select something, with where and how it is reported if it doesn't.
type requirement struct {
	field             *rules.Field
	pointer, expected string
}

func compileDependent(p *rules.Params) (rules.Checker, error) {
	d := &dependent{field: p.Field("field")}
	requires := p.FieldList("requires")
	if d.field == nil {
		return nil, nil
	}
	for _, f := range requires {
		d.requires = append(d.requires, requirement{
			field: f, pointer: f.Pointer(), expected: "a value at " + f.String() + ", since there is one at " + d.field.String(),
		})
	}
	return d, nil
}

func (d *dependent) Check(c *rules.Call) error {
	some, err := d.field.Selects(c)
	if err != nil || !some {
		return err
	}
	for i := range d.requires {
		r := &d.requires[i]
		there, err := r.field.Selects(c)
		if err != nil {
			return err
		}
		if !there {
			c.FailAt(r.pointer, r.expected, nothingThere)
		}
	}
	return nil
}
