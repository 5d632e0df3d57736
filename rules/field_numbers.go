package rules

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/theory/jsonpath/spec"
)

// The library compares numbers as 64-bit floating point, and values with numbers in them by the numbers' texts. So the filters of
// a path that compares see another payload than the rule: one in which each number is written in one way, and
// those that floating point could take for each other stand for themselves by numbers in the same order.

// compares says whether a filter's text without its string literals has a comparison.
func compares(filter string) bool { return strings.ContainsAny(filter, "<>=") }

// numberOrName finds the numbers of a path without its string literals, and what only looks like one: a name.
var numberOrName = regexp.MustCompile(`[A-Za-z_\x{80}-\x{10FFFF}][0-9A-Za-z_\x{80}-\x{10FFFF}]*|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?`)

// numbersIn lists the numbers of a path that compares. It refuses those that floating point would round.
func numbersIn(path string) ([]Decimal, error) {
	var numbers []Decimal
	for _, text := range numberOrName.FindAllString(unquoted(path), -1) {
		if text[0] != '-' && !isDigits(text[:1]) {
			continue
		}
		n, err := ParseDecimal(text)
		if err != nil {
			return nil, fmt.Errorf("has the number %s, which is none of JSON", clip(text))
		}
		if !n.survives() {
			return nil, fmt.Errorf("compares with the number %s, which filters would round; compare with module range, const or compare instead", clip(text))
		}
		numbers = append(numbers, n)
	}
	return numbers, nil
}

// survives says whether the number is the shortest text of the floating-point number nearest to it. No two such numbers
// have the same one.
func (d Decimal) survives() bool {
	back, err := ParseDecimal(strconv.FormatFloat(d.nearest(), 'g', -1, 64))
	return err == nil && back.Compare(d) == 0
}

// nearest is the finite floating-point number nearest to the value.
func (d Decimal) nearest() float64 {
	f, _ := strconv.ParseFloat(d.String(), 64)
	return max(-math.MaxFloat64, min(f, math.MaxFloat64))
}

// What a number may have at most to be kept: digits, and the power of ten of its first. Floating point tells all such numbers
// from each other, and among them are all that functions count. Others have the room beside them that round ones would take.
const (
	keptDigits = 15
	keptPower  = 16
)

func (d Decimal) isKept() bool {
	power := d.exponent + d.length()
	return d.isZero() || d.length() <= keptDigits && power <= keptPower && power >= -keptPower
}

// isPlain says whether a literal surely is in canonical form already, and of a number that is kept.
func isPlain(literal string) bool {
	digits := strings.TrimPrefix(literal, "-")
	return len(digits) <= keptDigits && literal != "-0" && isCanonical(digits)
}

// stepsPerNumber is how many steps of a Call it takes to read a number and look it up.
const stepsPerNumber = 8

// forFilters gives the payload that the path's filters see. Its numbers stand in the same order to each other, to those
// of the path, and to what its functions count.
func (f *Field) forFilters(c *Call) (any, error) {
	root := c.payload.root
	if !f.compares || !someNumber(root, func(n json.Number) bool { return !isPlain(string(n)) }) {
		return root, nil
	}
	o := &ordering{places: map[string]*ordered{}}
	if err := o.collect(c, root); err != nil {
		return nil, err
	}
	if o.rounded {
		if err := c.Step(2 * len(o.places) * bits.Len(uint(len(o.places)))); err != nil {
			return nil, err
		}
		if lost := o.assign(f.numbers); lost != nil {
			return nil, fmt.Errorf("the filter of %s would round a number of the payload, of %d digits, to another that it is compared with; compare with module range, const or compare instead",
				clip(f.text), lost.value.length())
		}
	}
	return o.copy(root), nil
}

func someNumber(value any, is func(json.Number) bool) bool {
	switch v := value.(type) {
	case json.Number:
		return is(v)
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return someNumber(item, is) })
	case map[string]any:
		for _, member := range v {
			if someNumber(member, is) {
				return true
			}
		}
	}
	return false
}

// ordering is the numbers of a payload, and what filters see in their place.
type ordering struct {
	places  map[string]*ordered // by their canonical texts
	rounded bool                // some are not kept
}

type ordered struct {
	value Decimal
	float float64
	kept  bool
	shown json.Number
}

func (o *ordering) collect(c *Call, value any) error {
	switch v := value.(type) {
	case json.Number:
		if err := c.Step(stepsPerNumber + len(v)/8); err != nil {
			return err
		}
		d, err := ParseDecimal(string(v))
		if err != nil {
			return err
		}
		text := d.String()
		if o.places[text] == nil {
			o.places[text] = &ordered{value: d, kept: d.isKept(), shown: json.Number(text)}
		}
		o.rounded = o.rounded || !d.isKept()
	case []any:
		for _, item := range v {
			if err := o.collect(c, item); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, member := range v {
			if err := o.collect(c, member); err != nil {
				return err
			}
		}
	}
	return nil
}

// assign gives each number that is not kept a floating-point number near it, between those of its neighbours. It gives the
// first for which there is no room.
func (o *ordering) assign(literals []Decimal) (lost *ordered) {
	list := make([]*ordered, 0, len(o.places)+len(literals))
	for _, n := range literals {
		list = append(list, &ordered{value: n, kept: true})
	}
	for _, p := range o.places {
		list = append(list, p)
		if f := p.value.nearest(); !p.kept && f > -1 && f < MaxPayloadBytes {
			// The counts that functions give next to it.
			for _, n := range [2]int64{int64(math.Floor(f)), int64(math.Floor(f)) + 1} {
				list = append(list, &ordered{value: DecimalFromInt(n), kept: true})
			}
		}
	}
	slices.SortFunc(list, func(a, b *ordered) int { return a.value.Compare(b.value) })
	sorted := list[:0:0]
	for _, p := range list {
		if n := len(sorted); n > 0 && sorted[n-1].value.Compare(p.value) == 0 {
			sorted[n-1].kept = sorted[n-1].kept || p.kept
			continue
		}
		sorted = append(sorted, &ordered{value: p.value, kept: p.kept})
	}
	return o.spread(sorted)
}

func (o *ordering) spread(sorted []*ordered) (lost *ordered) {
	before := math.Inf(-1)
	for _, p := range sorted {
		if p.float = p.value.nearest(); !p.kept {
			p.float = max(p.float, math.Nextafter(before, math.Inf(1)))
		}
		before = p.float
	}
	after := math.Inf(1)
	for _, p := range slices.Backward(sorted) {
		if p.float >= after {
			p.float = math.Nextafter(after, math.Inf(-1))
			if p.kept || math.IsInf(p.float, 0) {
				return p
			}
		}
		after = p.float
	}
	for _, p := range sorted {
		if place := o.places[p.value.String()]; place != nil && !place.kept {
			place.shown = json.Number(strconv.FormatFloat(p.float, 'g', -1, 64))
		}
	}
	return nil
}

func (o *ordering) copy(value any) any {
	switch v := value.(type) {
	case json.Number:
		if isPlain(string(v)) {
			return v
		}
		return o.places[string(appendNumber(nil, v))].shown
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = o.copy(item)
		}
		return list
	case map[string]any:
		members := make(map[string]any, len(v))
		for name, member := range v {
			members[name] = o.copy(member)
		}
		return members
	}
	return value
}

// valueAt is the value at a place that the library selected.
func valueAt(value any, path spec.NormalizedPath) any {
	for _, selector := range path {
		switch s := selector.(type) {
		case spec.Name:
			members, _ := value.(map[string]any)
			value = members[string(s)]
		case spec.Index:
			if list, ok := value.([]any); ok && int(s) < len(list) {
				value = list[s]
			}
		}
	}
	return value
}
