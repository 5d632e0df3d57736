package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/theory/jsonpath"
	"github.com/theory/jsonpath/spec"
)

// Field is a compiled RFC 9535 JSONPath. Paths of names, indexes and wildcards are walked without
// allocation; all others go through the library.
type Field struct {
	text     string
	path     *jsonpath.Path
	steps    []fieldStep // of a walkable path
	walkable bool
	singular bool
	// plain paths are of names and indexes that count from the start; pointer is theirs.
	plain   bool
	pointer string
	// What the filters of a path that is not walkable look at, for each value: how many queries, whether
	// any of them starts at the root, and how many instructions their regular expressions have.
	queries     int
	absolute    bool
	patternSize int
	// compares says that a filter has a comparison, and numbers which numbers such a path holds.
	compares bool
	numbers  []Decimal
	// copies is how many times over a path that is not walkable may select each value; recursive says that it has a descendant
	// segment, and depth how many segments it has.
	copies    int
	recursive bool
	depth     int
}

// fieldStep is one segment with one selector.
type fieldStep struct {
	name     string
	index    int
	wildcard bool
	isIndex  bool
	// recursive makes it a descendant segment: it applies to a value and to all below it.
	recursive bool
}

// CompileField compiles a JSONPath. Beyond the grammar it asks for what keeps evaluation linear in the size of
// the payload: at most MaxFieldBytes, at most one descendant segment and that outside of filters, filters
// not nested, and no more than 16 selectors in all combinations of its segments.
func CompileField(text string) (*Field, error) {
	if len(text) > MaxFieldBytes {
		return nil, fmt.Errorf("the JSONPath has %d bytes, at most %d are allowed", len(text), MaxFieldBytes)
	}
	path, patternSize, err := parsePath(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not a JSONPath (RFC 9535): %s; write for instance $.items[*].price", clip(text), strings.TrimPrefix(err.Error(), "jsonpath: "))
	}
	if err := boundSegments(path.Query().Segments()); err != nil {
		return nil, fmt.Errorf("%q %w", clip(text), err)
	}
	f := newField(text, path)
	f.patternSize = patternSize
	if f.compares {
		if f.numbers, err = numbersIn(text); err != nil {
			return nil, fmt.Errorf("%q %w", clip(text), err)
		}
	}
	return f, nil
}

func newField(text string, path *jsonpath.Path) *Field {
	f := &Field{text: text, path: path}
	segments := path.Query().Segments()
	f.steps, f.walkable = walkableSteps(segments)
	f.singular = f.walkable && !slices.ContainsFunc(f.steps, func(s fieldStep) bool { return s.wildcard || s.recursive })
	if f.plain = f.singular && !slices.ContainsFunc(f.steps, func(s fieldStep) bool { return s.index < 0 }); f.plain {
		f.pointer = pointerTo(f.steps)
	}
	f.copies, f.depth = 1, len(segments)
	for _, segment := range segments {
		f.copies *= len(segment.Selectors())
		f.recursive = f.recursive || segment.IsDescendant()
		for _, selector := range segment.Selectors() {
			if filter, ok := selector.(*spec.FilterSelector); ok {
				text := unquoted(filter.String())
				queries, _ := queriesIn(text)
				f.queries += queries
				f.absolute = f.absolute || strings.Contains(text, "$")
				f.compares = f.compares || compares(text)
			}
		}
	}
	return f
}

func walkableSteps(segments []*spec.Segment) ([]fieldStep, bool) {
	steps := make([]fieldStep, 0, len(segments))
	for _, segment := range segments {
		if len(segment.Selectors()) != 1 {
			return nil, false
		}
		step := fieldStep{recursive: segment.IsDescendant()}
		switch s := segment.Selectors()[0].(type) {
		case spec.Name:
			step.name = string(s)
		case spec.Index:
			step.index, step.isIndex = int(s), true
		case spec.WildcardSelector:
			step.wildcard = true
		default:
			return nil, false
		}
		steps = append(steps, step)
	}
	return steps, true
}

// String is the path as it was written.
func (f *Field) String() string { return f.text }

// Singular says whether the path selects one value at most.
func (f *Field) Singular() bool { return f.singular }

// Parent splits a path that ends in one name, such as $.items[*].sku, into the path before it and the
// name.
func (f *Field) Parent() (parent *Field, name string, ok bool) {
	segments := f.path.Query().Segments()
	if len(segments) == 0 {
		return nil, "", false
	}
	last := segments[len(segments)-1]
	if last.IsDescendant() || len(last.Selectors()) != 1 {
		return nil, "", false
	}
	member, ok := last.Selectors()[0].(spec.Name)
	if !ok {
		return nil, "", false
	}
	path := jsonpath.New(spec.Query(true, segments[:len(segments)-1]...))
	parent = newField(path.String(), path)
	parent.patternSize, parent.numbers = f.patternSize, f.numbers
	return parent, string(member), true
}

// Node is a value that a path selected. It is good only while the visit that it was handed to lasts.
type Node struct {
	// Value is the selected value.
	Value any

	pointer string
	located *spec.LocatedNode
	onPath  bool // the pointer is the call's current walk
}

// Each visits every value that the path selects, arrays in order and objects by their members'
// names, until a visit returns an error.
func (f *Field) Each(c *Call, visit func(*Call, Node) error) error {
	if f.plain {
		value, found, err := f.Get(c)
		if err != nil || !found {
			return err
		}
		return visit(c, Node{Value: value, pointer: f.pointer})
	}
	if f.walkable {
		c.walked = c.walked[:0]
		return f.walk(c, 0, c.payload.root, visit)
	}
	if err := c.Step(f.selectionSteps(c.payload)); err != nil {
		return err
	}
	root, err := f.forFilters(c)
	if err != nil {
		return err
	}
	nodes := f.path.SelectLocated(root)
	nodes.Sort()
	for _, node := range nodes {
		if err := c.Step(1); err != nil {
			return err
		}
		if err := visit(c, Node{Value: valueAt(c.payload.root, node.Path), located: node}); err != nil {
			return err
		}
	}
	return nil
}

func (f *Field) walk(c *Call, i int, value any, visit func(*Call, Node) error) error {
	if err := c.Step(1); err != nil {
		return err
	}
	if i == len(f.steps) {
		return visit(c, Node{Value: value, onPath: i > 0})
	}
	if err := f.apply(c, i, value, visit); err != nil || !f.steps[i].recursive {
		return err
	}
	return f.children(c, i, value, visit)
}

// apply applies the i-th segment's selector to one value.
func (f *Field) apply(c *Call, i int, value any, visit func(*Call, Node) error) error {
	step := &f.steps[i]
	if step.wildcard {
		return f.children(c, i+1, value, visit)
	}
	child, there := step.child(value)
	if !there {
		return nil
	}
	at := *step
	if list, ok := value.([]any); ok && at.index < 0 {
		at.index += len(list)
	}
	return f.descend(c, i+1, at, child, visit)
}

// child is what a step of a name or an index leads to.
func (s *fieldStep) child(value any) (child any, there bool) {
	if !s.isIndex {
		members, _ := value.(map[string]any)
		child, there = members[s.name]
		return child, there
	}
	list, _ := value.([]any)
	index := s.index
	if index < 0 {
		index += len(list)
	}
	if index < 0 || index >= len(list) {
		return nil, false
	}
	return list[index], true
}

// children walks on with the i-th segment from the items of an array in order, and from the members of an object by their names.
func (f *Field) children(c *Call, i int, value any, visit func(*Call, Node) error) error {
	switch v := value.(type) {
	case map[string]any:
		var room [16]string
		names := room[:0]
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if err := f.descend(c, i, fieldStep{name: name}, v[name], visit); err != nil {
				return err
			}
		}
	case []any:
		for index, item := range v {
			if err := f.descend(c, i, fieldStep{index: index, isIndex: true}, item, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// descend walks on from a value with the i-th segment.
func (f *Field) descend(c *Call, i int, at fieldStep, value any, visit func(*Call, Node) error) error {
	c.walked = append(c.walked, at)
	err := f.walk(c, i, value, visit)
	c.walked = c.walked[:len(c.walked)-1]
	return err
}

// pointerTo writes RFC 6901.
func pointerTo(steps []fieldStep) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteByte('/')
		if s.isIndex {
			b.WriteString(strconv.Itoa(s.index))
		} else {
			b.WriteString(EscapePointer(s.name))
		}
	}
	return b.String()
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// EscapePointer writes a member's name as a token of a JSON Pointer.
func EscapePointer(name string) string { return pointerEscapes.Replace(name) }

// TypeOf is the JSON type of a decoded value: null, boolean, number, string, array or object.
func TypeOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "unknown"
}
