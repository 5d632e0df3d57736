package rules

import (
	"fmt"
	"strings"

	"github.com/theory/jsonpath/spec"
)

// maxSelectors bounds how many times over a path may select each value: the product of the numbers of selectors in
// its segments.
const maxSelectors = 16

// selectionSteps estimates, in steps of a Call, what it takes the library to select from a payload: each query of a
// filter may look at all of a value, and one that starts at the root looks at all of the payload for each value. The
// library writes the whole path of each value it selects, as often as it selects it.
func (f *Field) selectionSteps(p *Payload) int {
	steps := 1 + p.size/2*(1+f.queries)
	if f.absolute {
		steps *= 1 + p.size/64
	}
	steps += p.size * f.patternSize / patternStepsPerStep
	values, tokens := extent(p.root, 0)
	if !f.recursive {
		tokens = values * f.depth
	}
	return steps + f.copies*(stepsPerSelected*values+tokens)
}

// stepsPerSelected is how many steps selecting one value takes, its path left out.
const stepsPerSelected = 2

// extent counts the values below and including one, and the tokens of all their paths.
func extent(value any, depth int) (values, tokens int) {
	values, tokens = 1, depth
	add := func(v, t int) { values, tokens = values+v, tokens+t }
	switch v := value.(type) {
	case map[string]any:
		for _, member := range v {
			add(extent(member, depth+1))
		}
	case []any:
		for _, item := range v {
			add(extent(item, depth+1))
		}
	}
	return values, tokens
}

func boundSegments(segments []*spec.Segment) error {
	descendants, product := 0, 1
	for _, segment := range segments {
		if segment.IsDescendant() {
			descendants++
		}
		product *= len(segment.Selectors())
		if product > maxSelectors {
			return fmt.Errorf("selects each value more than %d times over; use fewer selectors", maxSelectors)
		}
		for _, selector := range segment.Selectors() {
			filter, ok := selector.(*spec.FilterSelector)
			if !ok {
				continue
			}
			text := unquoted(filter.String())
			if strings.Contains(text, "..") {
				return fmt.Errorf("has a descendant segment (..) inside a filter; its cost could not be bounded")
			}
			if _, most := queriesIn(text); most > maxSelectors {
				return fmt.Errorf("selects each value more than %d times over inside a filter; use fewer selectors", maxSelectors)
			}
			if strings.Count(text, "?") > 1 {
				return fmt.Errorf("has a filter inside a filter; its cost could not be bounded")
			}
		}
	}
	if descendants > 1 {
		return fmt.Errorf("has more than one descendant segment (..); its cost could not be bounded")
	}
	return nil
}

// queriesIn counts the queries in a filter's text without its string literals, each as often as it may select a value: the
// numbers of selectors of its segments multiply. Most is that of the query with most.
func queriesIn(filter string) (total, most int) {
	copies, open, selectors := 0, 0, 0
	for i := range len(filter) {
		switch filter[i] {
		case '@', '$':
			total, copies = total+copies, 1
		case '[':
			open, selectors = open+1, 1
		case ']':
			open, copies = open-1, min(copies*selectors, maxSelectors+1)
			most = max(most, copies)
		case ',':
			if open > 0 {
				selectors++
			}
		}
	}
	return total + copies, most
}

// unquoted blanks the string literals of a filter.
func unquoted(filter string) string {
	var b strings.Builder
	var quote byte
	for i := 0; i < len(filter); i++ {
		c := filter[i]
		switch {
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0:
			b.WriteByte(c)
		case c == '\\':
			i++
		case c == quote:
			quote = 0
		}
	}
	return b.String()
}
