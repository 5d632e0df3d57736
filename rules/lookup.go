package rules

import (
	"errors"
	"strings"

	"github.com/theory/jsonpath/spec"
)

// Get is the value that a singular path selects; any other path finds nothing. Unlike Each it may be called during a
// visit, and it does not allocate. Its error is Step's.
func (f *Field) Get(c *Call) (value any, found bool, err error) {
	if !f.singular {
		return nil, false, nil
	}
	if err := c.Step(1 + len(f.steps)); err != nil {
		return nil, false, err
	}
	value = c.payload.root
	for i := range f.steps {
		if value, found = f.steps[i].child(value); !found {
			return nil, false, nil
		}
	}
	return value, true, nil
}

// errSelected ends a walk at the first value.
var errSelected = errors.New("selected")

func stopAtFirst(*Call, Node) error { return errSelected }

// Selects says whether the path selects anything. It must not be called during a visit.
func (f *Field) Selects(c *Call) (bool, error) {
	if f.singular {
		_, found, err := f.Get(c)
		return found, err
	}
	err := f.Each(c, stopAtFirst)
	if errors.Is(err, errSelected) {
		return true, nil
	}
	return false, err
}

// Pointer is the JSON Pointer of what the path selects as far as it can be told without a payload: all of a
// path of names and indexes, else what stands before the first selector that is neither. A finding
// about a value that is not there is reported at it.
func (f *Field) Pointer() string {
	var steps []fieldStep
	for _, segment := range f.path.Query().Segments() {
		if segment.IsDescendant() || len(segment.Selectors()) != 1 {
			break
		}
		step, ok := pointerStep(segment.Selectors()[0])
		if !ok {
			break
		}
		steps = append(steps, step)
	}
	return pointerTo(steps)
}

func pointerStep(selector spec.Selector) (fieldStep, bool) {
	switch s := selector.(type) {
	case spec.Name:
		return fieldStep{name: string(s)}, true
	case spec.Index:
		return fieldStep{index: int(s), isIndex: true}, s >= 0
	}
	return fieldStep{}, false
}

// MemberName is the name that a JSON Pointer's value stands under: its last token that is not an array's
// index, or none.
func MemberName(pointer string) string {
	for {
		i := strings.LastIndexByte(pointer, '/')
		if i < 0 {
			return ""
		}
		token := pointer[i+1:]
		switch {
		case strings.Contains(token, "~"):
			return pointerUnescapes.Replace(token)
		case !isDigits(token):
			return token
		}
		pointer = pointer[:i]
	}
}

var pointerUnescapes = strings.NewReplacer("~1", "/", "~0", "~")
