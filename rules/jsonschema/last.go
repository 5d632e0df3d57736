package jsonschema

import (
	"encoding/json"
	"math/big"
	"strings"

	js "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/checky-dev/checky/rules"
)

// The library asks a format, an enum and a const first, and stops at one that does not hold; it makes fractions of numbers, from their text, to compare
// them; its search for items that repeat can be made to take time in the square of their number. A worker's schemas leave these to an extension, which
// the library asks last: everything that is wrong with a value is told, and a number is compared as the decimal that it is, exactly as well.

// assertions are the keywords of one schema that are asked last.
type assertions struct {
	worker *worker
	format string // empty: none
	unique bool
	sets   []set
	bounds []bound
}

// set is an enum, or a const: the values that hold, by type.
type set struct {
	texts   map[string]bool
	numbers map[rules.Decimal]bool
	others  map[string]bool // by their canonical texts
	err     js.ErrorKind
}

// bound is a minimum or a maximum: what comparing a number with the limit may give, from -1 to 1.
type bound struct {
	limit           rules.Decimal
	lowest, highest int
	err             js.ErrorKind
}

// assertLast moves keywords of a schema to an extension.
func (w *worker) assertLast(s *js.Schema) {
	a := &assertions{worker: w, unique: s.UniqueItems}
	if s.Format != nil && strings.HasPrefix(s.Format.Name, formatCount) {
		_, a.format, _ = strings.Cut(strings.TrimPrefix(s.Format.Name, formatCount), ":")
	}
	if s.Enum != nil {
		a.sets = append(a.sets, setOf(s.Enum.Values, &kind.Enum{Want: s.Enum.Values}))
	}
	if s.Const != nil {
		a.sets = append(a.sets, setOf([]any{*s.Const}, &kind.Const{Want: *s.Const}))
	}
	a.within(s.Minimum, 0, 1, &kind.Minimum{Want: s.Minimum})
	a.within(s.Maximum, -1, 0, &kind.Maximum{Want: s.Maximum})
	a.within(s.ExclusiveMinimum, 1, 1, &kind.ExclusiveMinimum{Want: s.ExclusiveMinimum})
	a.within(s.ExclusiveMaximum, -1, -1, &kind.ExclusiveMaximum{Want: s.ExclusiveMaximum})
	if a.format == "" && !a.unique && len(a.sets)+len(a.bounds) == 0 {
		return
	}
	s.UniqueItems, s.Enum, s.Const = false, nil, nil
	s.Minimum, s.Maximum, s.ExclusiveMinimum, s.ExclusiveMaximum = nil, nil, nil, nil
	s.Extensions = append(s.Extensions, a)
}

func (a *assertions) within(limit *big.Rat, lowest, highest int, err js.ErrorKind) {
	if limit != nil {
		a.bounds = append(a.bounds, bound{limit: decimalOf(limit), lowest: lowest, highest: highest, err: err})
	}
}

func setOf(values []any, err js.ErrorKind) set {
	s := set{texts: map[string]bool{}, numbers: map[rules.Decimal]bool{}, others: map[string]bool{}, err: err}
	for _, value := range values {
		switch v := value.(type) {
		case string:
			s.texts[v] = true
		case json.Number:
			if d, err := rules.ParseDecimal(string(v)); err == nil {
				s.numbers[d] = true
			}
		default:
			s.others[string(rules.Canonical(v))] = true
		}
	}
	return s
}

// Validate implements the library's SchemaExt.
func (a *assertions) Validate(context *js.ValidatorContext, value any) {
	if a.format != "" {
		a.worker.stepText(a.format, value)
		if err := validFormat(a.format, value); err != nil {
			context.AddError(&kind.Format{Got: value, Want: a.format, Err: err})
		}
	}
	if list, ok := value.([]any); ok && a.unique {
		if first, again, repeats := a.worker.unique(list); repeats {
			context.AddError(&kind.UniqueItems{Duplicates: [2]int{first, again}})
		}
	}
	for i := range a.sets {
		if !a.sets[i].has(a.worker, value) {
			context.AddError(a.sets[i].err)
		}
	}
	n, isNumber := value.(json.Number)
	if !isNumber || len(a.bounds) == 0 {
		return
	}
	d, err := rules.ParseDecimal(string(n))
	for i := range a.bounds {
		b := &a.bounds[i]
		if c := d.Compare(b.limit); err != nil || c < b.lowest || c > b.highest {
			context.AddError(b.err)
		}
	}
}

// has tells whether a value is one of the set, as JSON Schema has values equal: numbers by what they are worth.
func (s *set) has(w *worker, value any) bool {
	switch v := value.(type) {
	case string:
		return s.texts[v]
	case json.Number:
		if len(s.numbers) == 0 {
			return false
		}
		d, err := rules.ParseDecimal(string(v))
		return err == nil && s.numbers[d]
	}
	if len(s.others) == 0 {
		return false
	}
	text := rules.Canonical(value)
	w.step(1 + len(text)/canonicalPerStep)
	return s.others[string(text)]
}
