package jsonschema

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	js "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/checky-dev/checky/rules"
)

// The library looks at a value's type, and at schemas that are just true or false, before it asks a schema's format. Where they
// decide, nothing would be counted, and nothing is in a draft's own meta-schema. So a worker's schemas leave both to the format.

// wrongType is the error of a value of another type than a schema wants.
type wrongType struct{ want []string }

func (*wrongType) Error() string { return "the type does not hold" }

// errNothing is the error of a schema that is false.
var errNothing = errors.New("no value holds")

// countAll makes each schema that can be reached count before anything else.
func (w *worker) countAll(first *js.Schema) {
	seen := map[*js.Schema]bool{first: true}
	for queue := []*js.Schema{first}; len(queue) > 0; {
		s := queue[0]
		queue = queue[1:]
		for _, next := range append(sameValue(s), parts(s)...) {
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
		w.countFirst(s)
	}
}

func (w *worker) countFirst(s *js.Schema) {
	if s.DraftVersion < 2019 && s.Ref != nil { // what it refers to counts
		return
	}
	w.assertLast(s)
	own, decided, want := s.Format, s.Bool, []string(nil)
	if s.Types != nil && !s.Types.IsEmpty() {
		want = s.Types.ToStrings()
	}
	name, counts := formatCount, false
	if own != nil {
		name, counts = own.Name, strings.HasPrefix(own.Name, formatOwn)
	}
	s.Types, s.Bool = nil, nil
	s.Format = &js.Format{Name: name, Validate: func(value any) error {
		wrong := want != nil && !isOfType(value, want)
		if wrong || !counts {
			w.evaluation(value, 1)
		}
		switch {
		case wrong:
			return &wrongType{want}
		case decided != nil && !*decided:
			return errNothing
		case own != nil:
			return own.Validate(value)
		}
		return nil
	}}
}

// isOfType says whether a value has one of the types of JSON Schema.
func isOfType(value any, want []string) bool {
	found := rules.TypeOf(value)
	if slices.Contains(want, found) {
		return true
	}
	n, isNumber := value.(json.Number)
	if !isNumber || !slices.Contains(want, "integer") {
		return false
	}
	d, err := rules.ParseDecimal(string(n))
	return err == nil && d.IsInteger()
}
