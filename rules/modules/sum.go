package modules

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/checky-dev/checky/rules"
)

// Sum checks what numbers add up to.
var Sum = rules.Module{
	Name:    "sum",
	Summary: "Checks that the exact sum of the selected numbers equals another number of the payload, or a fixed one.",
	Topic:   "sum does not add up to the total",
	Params: []rules.Param{
		{Name: "equals", Type: "JSONPath or number", Doc: "What the sum must equal: a path of names and indexes only, or a number."},
		{Name: "tolerance", Type: "number", Doc: "How far from it the sum may be, in either direction. Default 0."},
	},
	Example: "{name: sum, params: {field: '$.items[*].price', equals: $.total, tolerance: 0.01}}",
	Compile: compileSum,
}

type sum struct {
	field     *rules.Field
	total     *rules.Field   // what the sum must equal, or
	fixed     *rules.Decimal // a number of the rule's
	tolerance rules.Decimal
	// within says how large the tolerance is, or is empty.
	within string
}

func compileSum(p *rules.Params) (rules.Checker, error) {
	s := &sum{field: p.Field("field")}
	if !p.Has("equals") {
		p.Reject("equals", "it is missing; give a JSONPath such as $.total, or a number")
	} else if text, ok := p.Value("equals").(string); ok && strings.HasPrefix(text, "$") {
		if s.total = p.Field("equals"); s.total != nil && !s.total.Singular() {
			p.Reject("equals", "%s may select several values; give a path of names and indexes only, such as $.total", rules.ShowLiteral(text))
		}
	} else {
		s.fixed = p.Number("equals")
	}
	if tolerance := p.Number("tolerance"); tolerance != nil {
		s.tolerance, s.within = *tolerance, " within "+tolerance.String()
		if tolerance.Sign() < 0 {
			p.Reject("tolerance", "expected a number of 0 or more, found %s", tolerance)
		}
	}
	return s, nil
}

func (s *sum) Check(c *rules.Call) error {
	terms, first, ok, err := s.terms(c)
	if err != nil || !ok || len(terms) == 0 {
		return err
	}
	want, ok, err := s.wanted(c)
	if err != nil || !ok {
		return err
	}
	total, err := rules.Sum(terms...)
	if err != nil {
		return err
	}
	equal, err := isWithin(total, want, s.tolerance)
	if err == nil && !equal {
		s.fail(c, first, total, want)
	}
	return err
}

// terms collects the selected numbers, and the place of the first one. It reports each value that is no number,
// and is then not ok.
func (s *sum) terms(c *rules.Call) (terms []rules.Decimal, first string, ok bool, err error) {
	ok = true
	err = s.field.Each(c, func(c *rules.Call, n rules.Node) error {
		literal, isNumber := n.Value.(json.Number)
		if !isNumber {
			ok = false
			c.Fail(n, "a number to add up")
			return nil
		}
		d, err := rules.ParseDecimal(string(literal))
		if err != nil {
			return err
		}
		if len(terms) == 0 {
			first = c.Pointer(n)
		}
		terms = append(terms, d)
		return c.Step(1 + len(literal)/bytesPerStep)
	})
	return terms, first, ok, err
}

// wanted is what the sum must equal. It reports what is no number, and is then not ok.
func (s *sum) wanted(c *rules.Call) (want rules.Decimal, ok bool, err error) {
	if s.fixed != nil {
		return *s.fixed, true, nil
	}
	value, there, err := s.total.Get(c)
	if err != nil {
		return rules.Decimal{}, false, err
	}
	literal, isNumber := value.(json.Number)
	if !isNumber {
		path, found := s.total.Pointer(), nothingThere
		if there {
			found = c.Show(path, value)
		}
		c.FailAt(path, "a number that the sum of "+s.field.String()+" equals", found)
		return rules.Decimal{}, false, nil
	}
	want, err = rules.ParseDecimal(string(literal))
	return want, err == nil, err
}

func isWithin(total, want, tolerance rules.Decimal) (bool, error) {
	if total.Compare(want) == 0 || tolerance.Sign() == 0 {
		return total.Compare(want) == 0, nil
	}
	difference, err := rules.Sum(total, want.Negate())
	if err != nil {
		return false, errors.New("the sum and what it must equal are too far apart to subtract exactly; leave out the tolerance, or bound the numbers by a rule of their own")
	}
	if difference.Sign() < 0 {
		difference = difference.Negate()
	}
	return difference.Compare(tolerance) <= 0, nil
}

// fail reports at the wanted total where the payload has one, else at the numbers. The sum is
// shown only where its first number could be.
func (s *sum) fail(c *rules.Call, first string, total, want rules.Decimal) {
	path, expected := s.field.Pointer(), "the sum of "+s.field.String()+" to equal "
	if s.total != nil {
		path = s.total.Pointer()
		expected += s.total.String() + " (" + c.Show(path, json.Number(want.String())) + ")"
	} else {
		expected += want.String()
	}
	c.FailAt(path, expected+s.within, c.Show(first, json.Number(total.String())))
}
