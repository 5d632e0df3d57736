package modules

import (
	"strconv"

	"github.com/checky-dev/checky/rules"
)

// Unique checks that values do not repeat.
var Unique = rules.Module{
	Name: "unique",
	Summary: "Checks that values are pairwise different: the items of the array that a field such as $.tags selects, or all the " +
		"values that a field such as $.items[*].id selects.",
	Topic:   "unique duplicate values in a list",
	Params:  nil,
	Example: "{name: unique, params: {field: '$.items[*].id'}}",
	Compile: compileUnique,
}

// expectedUnique is the same for every repeated value; what was found says which and where it stood first.
const expectedUnique = "values that are all different"

func compileUnique(p *rules.Params) (rules.Checker, error) {
	field := p.Field("field")
	if field == nil {
		return nil, nil
	}
	if field.Singular() {
		return &rules.EachValue{Field: field, Test: uniqueItems}, nil
	}
	return uniqueSelection{field: field}, nil
}

// uniqueItems looks at one array.
func uniqueItems(c *rules.Call, n rules.Node) error {
	items, ok := n.Value.([]any)
	if !ok {
		c.Fail(n, "an array of "+expectedUnique)
		return nil
	}
	if len(items) < 2 {
		return nil
	}
	first := make(map[string]int, len(items))
	var room [128]byte
	for i, item := range items {
		key := rules.AppendCanonical(room[:0], item)
		if err := c.Step(1 + len(key)/bytesPerStep); err != nil {
			return err
		}
		if at, seen := first[string(key)]; seen {
			if !c.Drops() {
				array := c.Pointer(n) + "/"
				reportRepeated(c, array+strconv.Itoa(i), array+strconv.Itoa(at), item)
			}
			continue
		}
		first[string(key)] = i
	}
	return nil
}

// uniqueSelection looks at all the values that a field selects.
type uniqueSelection struct{ field *rules.Field }

// repeat is a value that stands at two places, which are counted in the order of the selection.
type repeat struct {
	at, first         int
	path, pathOfFirst string
	value             any
}

func (u uniqueSelection) Check(c *rules.Call) error {
	repeats, more, err := u.repeats(c)
	if err != nil || len(repeats) == 0 {
		return err
	}
	if err := u.locate(c, repeats); err != nil {
		return err
	}
	for _, r := range repeats {
		reportRepeated(c, r.path, r.pathOfFirst, r.value)
	}
	for range more {
		c.Drops()
	}
	return nil
}

// repeats finds the values that repeat, as many as a rule can report, and counts the others.
func (u uniqueSelection) repeats(c *rules.Call) (repeats []repeat, more int, err error) {
	first, at := map[string]int{}, 0
	var room [128]byte
	err = u.field.Each(c, func(c *rules.Call, n rules.Node) error {
		key := rules.AppendCanonical(room[:0], n.Value)
		if seenAt, seen := first[string(key)]; !seen {
			first[string(key)] = at
		} else if len(repeats) < rules.MaxFindingsPerRule {
			repeats = append(repeats, repeat{at: at, first: seenAt, value: n.Value})
		} else {
			more++
		}
		at++
		return c.Step(1 + len(key)/bytesPerStep)
	})
	return repeats, more, err
}

// locate selects again to tell where the repeats are, so that no other value's path is ever written.
func (u uniqueSelection) locate(c *rules.Call, repeats []repeat) error {
	at := 0
	return u.field.Each(c, func(c *rules.Call, n rules.Node) error {
		for i := range repeats {
			if repeats[i].at == at {
				repeats[i].path = c.Pointer(n)
			}
			if repeats[i].first == at {
				repeats[i].pathOfFirst = c.Pointer(n)
			}
		}
		at++
		return nil
	})
}

func reportRepeated(c *rules.Call, path, first string, value any) {
	c.FailAt(path, expectedUnique, c.Show(path, value)+" again, first at "+first)
}
