package modules

import (
	"github.com/checky-dev/checky/rules"
)

// Required checks that values are there.
var Required = rules.Module{
	Name:    "required",
	Summary: "Checks that the field selects something; where it ends in a name, every object before that name must have the member.",
	Topic:   "required field is missing",
	Params: []rules.Param{
		{Name: "nonEmpty", Type: "boolean", Doc: `True: null, "", [] and {} are refused too. Default false, where null counts as a value.`},
	},
	Example: "{name: required, params: {field: '$.items[*].sku', nonEmpty: true}}",
	Compile: compileRequired,
}

const (
	expectedPresent  = "a value"
	expectedNonEmpty = "a value that is not empty"
	nothingThere     = "nothing there"
)

type required struct {
	field  *rules.Field
	parent *rules.Field // nil where the field does not end in a name
	test   func(*rules.Call, rules.Node) error
	// missing is where a selection that is empty as a whole is reported.
	missing  string
	expected string
}

func compileRequired(p *rules.Params) (rules.Checker, error) {
	field, nonEmpty := p.Field("field"), p.Bool("nonEmpty")
	if field == nil {
		return nil, nil
	}
	r := &required{field: field, missing: field.Pointer(), expected: expectedPresent}
	if nonEmpty {
		r.expected = expectedNonEmpty
	}
	if !field.Singular() {
		r.expected += " at " + field.String()
	}
	if parent, name, ok := field.Parent(); ok {
		r.parent, r.test = parent, memberTest(name, nonEmpty)
	} else if nonEmpty {
		r.test = func(c *rules.Call, n rules.Node) error {
			if isEmpty(n.Value) {
				c.Fail(n, expectedNonEmpty)
			}
			return nil
		}
	}
	return r, nil
}

func (r *required) Check(c *rules.Call) error {
	each := r.field
	if r.parent != nil {
		each = r.parent
	}
	some, err := each.Selects(c)
	if err != nil {
		return err
	}
	if !some {
		c.FailAt(r.missing, r.expected, nothingThere)
		return nil
	}
	if r.test == nil {
		return nil
	}
	return each.Each(c, r.test)
}

// memberTest looks for a member in each value that the path before its name selects.
func memberTest(name string, nonEmpty bool) func(*rules.Call, rules.Node) error {
	token := "/" + rules.EscapePointer(name)
	expected, parent := expectedPresent, "an object with the member "+rules.ShowLiteral(name)
	if nonEmpty {
		expected = expectedNonEmpty
	}
	return func(c *rules.Call, n rules.Node) error {
		object, ok := n.Value.(map[string]any)
		if !ok {
			c.Fail(n, parent)
			return nil
		}
		member, there := object[name]
		if there && !(nonEmpty && isEmpty(member)) || c.Drops() {
			return nil
		}
		path, found := c.Pointer(n)+token, nothingThere
		if there {
			found = c.Show(path, member)
		}
		c.FailAt(path, expected, found)
		return nil
	}
}

// isEmpty is true of null, "", [] and {}.
func isEmpty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
