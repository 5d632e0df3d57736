package jsonschema

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	js "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/checky-dev/checky/rules"
)

// pattern is one regular expression of a worker's schema.
type pattern struct {
	*rules.Pattern
	worker *worker
}

// MatchString implements the library's Regexp. Too long a text ends the rule once the others are known: the library looks at members
// in any order, and the first by place is what is told.
func (p *pattern) MatchString(text string) bool {
	if len(text)*p.Size() > rules.MaxPatternSteps {
		p.worker.tooLong = append(p.worker.tooLong, unmatched{text: text, pattern: p})
		p.worker.step(stepsPerPattern)
		return true
	}
	matched, err := p.Match(p.worker.call, text)
	if err != nil {
		panic(&abort{err})
	}
	return matched
}

// pattern is the library's RegexpEngine.
func (w *worker) pattern(expression string) (js.Regexp, error) {
	if known, ok := w.patterns[expression]; ok {
		return known, nil
	}
	compiled, err := rules.CompilePattern(expression)
	if err != nil {
		return nil, err
	}
	if w.patterns == nil {
		w.patterns = map[string]*pattern{}
	}
	p := &pattern{Pattern: compiled, worker: w}
	w.patterns[expression] = p
	return p, nil
}

// unmatched is a text that is too long for a pattern.
type unmatched struct {
	text    string
	pattern *pattern
}

// unmatchedError tells the first place at which a text was too long for its pattern.
func (w *worker) unmatchedError() error {
	root := w.call.Payload().Root()
	places := map[string]string{}
	for _, u := range w.tooLong {
		if _, known := places[u.text]; !known {
			places[u.text] = "a text within another"
			if pointer, isName, found := findText(root, u.text, ""); isName {
				places[u.text] = "the name at " + pointer
			} else if found {
				places[u.text] = where(pointer)
			}
		}
	}
	first := slices.MinFunc(w.tooLong, func(a, b unmatched) int {
		return cmp.Or(cmp.Compare(places[a.text], places[b.text]), cmp.Compare(a.pattern.String(), b.pattern.String()))
	})
	_, err := first.pattern.Match(w.call, first.text)
	return fmt.Errorf("jsonSchema: %s: pattern %s: %w", clip(places[first.text]), rules.ShowLiteral(first.pattern.String()), err)
}

// findText gives the first place, members by name, at which a text stands as a value or as a member's name.
func findText(value any, text, pointer string) (at string, isName, found bool) {
	switch v := value.(type) {
	case string:
		return pointer, false, v == text
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if name == text {
				return pointer + "/" + rules.EscapePointer(name), true, true
			}
			if !holdsText(v[name]) {
				continue
			}
			if at, isName, found := findText(v[name], text, pointer+"/"+rules.EscapePointer(name)); found {
				return at, isName, true
			}
		}
	case []any:
		for i, item := range v {
			if !holdsText(item) {
				continue
			}
			if at, isName, found := findText(item, text, pointer+"/"+strconv.Itoa(i)); found {
				return at, isName, true
			}
		}
	}
	return "", false, false
}

func holdsText(value any) bool {
	_, isText := value.(string)
	return isText || !isScalar(value)
}
