package jsonschema

import (
	"cmp"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	js "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/checky-dev/checky/rules"
)

// leaf is one violated keyword at one place.
type leaf struct {
	tokens   []string // of the place
	keyword  string
	expected string  // completes "expected ..."
	found    string  // completes "found ..." in place of the value there, if it is set
	more     string  // follows the value there
	name     *string // the member's name that is wrong, in place of its value
	repeat   *[2]int // the indexes of an item and of its repetition, which is here
	cycle    bool    // it cannot be decided: the schema never ends
}

// report turns the tree into findings.
func report(c *rules.Call, tree *js.ValidationError) error {
	leaves := flatten(tree)
	for _, l := range leaves {
		if l.cycle {
			return fmt.Errorf("jsonSchema: at %s a $ref leads back to itself without going into a member or an item; let it apply to a part of the value", where(l.brief()))
		}
	}
	for _, l := range leaves {
		if c.Drops() {
			continue
		}
		pointer, found := l.pointer(), l.found
		if found == "" {
			value := lookup(c.Payload().Root(), l.tokens)
			if l.name != nil {
				value = *l.name
			}
			found = c.Show(pointer, value) + l.more
			if l.repeat != nil {
				found += " again, first at " + strings.TrimSuffix(pointer, strconv.Itoa(l.repeat[1])) + strconv.Itoa(l.repeat[0])
			}
		}
		c.About("JSON Schema " + l.keyword)
		c.FailAt(pointer, l.expected, found)
	}
	return nil
}

// pointer is the place as a JSON Pointer. It may be as long as the payload, so it is written for what is reported alone.
func (l *leaf) pointer() string {
	var b strings.Builder
	for _, token := range l.tokens {
		b.WriteString("/" + rules.EscapePointer(token))
	}
	return b.String()
}

// brief is the pointer as a message may have it, cut when it is long.
func (l *leaf) brief() string {
	size := 0
	for i, token := range l.tokens {
		if size += 1 + len(token); size > maxTextBytes {
			cut := leaf{tokens: slices.Clone(l.tokens[:i+1])}
			cut.tokens[i] = token[:min(len(token), maxTextBytes)]
			return clip(cut.pointer())
		}
	}
	return l.pointer()
}

func lookup(value any, tokens []string) any {
	for _, token := range tokens {
		switch v := value.(type) {
		case map[string]any:
			value = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		}
	}
	return value
}

// flatten lists the violated keywords by place and keyword, each once.
func flatten(tree *js.ValidationError) []leaf {
	f := &flattener{}
	f.walk(tree, tree.InstanceLocation)
	slices.SortFunc(f.leaves, func(a, b leaf) int {
		return cmp.Or(slices.CompareFunc(a.tokens, b.tokens, compareTokens), cmp.Compare(a.keyword, b.keyword), cmp.Compare(a.expected, b.expected))
	})
	return slices.CompactFunc(f.leaves, func(a, b leaf) bool {
		return slices.Equal(a.tokens, b.tokens) && a.keyword == b.keyword && a.expected == b.expected
	})
}

// compareTokens orders indexes as numbers, before names.
func compareTokens(a, b string) int {
	i, isIndexA := indexOf(a)
	j, isIndexB := indexOf(b)
	switch {
	case isIndexA && isIndexB:
		return cmp.Compare(i, j)
	case isIndexA:
		return -1
	case isIndexB:
		return 1
	}
	return cmp.Compare(a, b)
}

// indexOf reads an array's index. Unlike strconv's error, its answer to any other token costs nothing, however long that is.
func indexOf(token string) (n int, ok bool) {
	if token == "" || len(token) > len(strconv.Itoa(rules.MaxPayloadBytes)) {
		return 0, false
	}
	for i := range len(token) {
		if token[i] < '0' || token[i] > '9' {
			return 0, false
		}
		n = n*10 + int(token[i]-'0')
	}
	return n, true
}

type flattener struct{ leaves []leaf }

func (f *flattener) add(at []string, keyword, expected string) *leaf {
	f.leaves = append(f.leaves, leaf{tokens: at, keyword: keyword, expected: expected})
	return &f.leaves[len(f.leaves)-1]
}

func below(at []string, token string) []string { return append(slices.Clone(at), token) }

// nothing is what is found where something is missing.
const nothing = "nothing there"

// walk visits one error. At is its place, which the library gives wrongly for names and contents.
func (f *flattener) walk(e *js.ValidationError, at []string) {
	switch k := e.ErrorKind.(type) {
	case *kind.Schema, *kind.Group, *kind.Reference, *kind.AllOf:
		for _, cause := range e.Causes {
			switch cause.ErrorKind.(type) {
			case *kind.PropertyNames, *kind.ContentSchema:
				f.walk(cause, at)
			default:
				f.walk(cause, cause.InstanceLocation)
			}
		}
	case *kind.AnyOf:
		f.add(at, "anyOf", anyOf(e.Causes, at))
	case *kind.OneOf:
		if len(k.Subschemas) > 1 {
			f.add(at, "oneOf", "a value that matches exactly one schema of oneOf").more = fmt.Sprintf(", which matches number %d and number %d", k.Subschemas[0]+1, k.Subschemas[1]+1)
			return
		}
		f.add(at, "oneOf", anyOf(e.Causes, at))
	case *kind.Required:
		for _, name := range k.Missing {
			f.add(below(at, name), "required", "a value").found = nothing
		}
	case *kind.DependentRequired:
		f.dependent(at, k.Prop, k.Missing)
	case *kind.Dependency:
		f.dependent(at, k.Prop, k.Missing)
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			f.add(below(at, name), "additionalProperties", "no member of this name")
		}
	case *kind.PropertyNames:
		for _, l := range flatten(&js.ValidationError{ErrorKind: &kind.Group{}, Causes: e.Causes}) {
			name := k.Property
			f.add(below(at, name), "propertyNames", "the member's name to be "+l.expected).name = &name
		}
	case *kind.ContentSchema:
		for _, l := range flatten(&js.ValidationError{ErrorKind: &kind.Group{}, Causes: e.Causes}) {
			f.add(at, "contentSchema", "a text whose content has at "+where(l.brief())+" "+l.expected)
		}
	case *kind.Format:
		f.format(k, at)
	case *kind.UniqueItems:
		f.add(below(at, strconv.Itoa(k.Duplicates[1])), "uniqueItems", "values that are all different").repeat = &k.Duplicates
	case *kind.RefCycle:
		f.add(at, "$ref", "a schema that ends").cycle = true
	default:
		f.simple(e.ErrorKind, at)
	}
}

func (f *flattener) dependent(at []string, because string, missing []string) {
	for _, name := range missing {
		f.add(below(at, name), "dependentRequired", "a value, since there is one under the name "+rules.ShowLiteral(because)+" beside it").found = nothing
	}
}

func (f *flattener) format(k *kind.Format, at []string) {
	if wrong := (*wrongType)(nil); errors.As(k.Err, &wrong) {
		f.add(at, "type", types(wrong.want))
		return
	}
	if errors.Is(k.Err, errNothing) {
		f.add(at, "false", "no value here")
		return
	}
	f.add(at, "format", expectedFormat(k.Want))
}

// What is told of an anyOf: so many of its branches, and so much of what each asks for.
const (
	maxBranches = 4
	maxParts    = 2
)

// anyOf says what each branch asks for.
func anyOf(branches []*js.ValidationError, at []string) string {
	var texts []string
	for _, branch := range branches {
		leaves := flatten(&js.ValidationError{InstanceLocation: at, ErrorKind: &kind.Group{}, Causes: []*js.ValidationError{branch}})
		parts := make([]string, 0, maxParts+1)
		for i, l := range leaves {
			if i == maxParts {
				parts = append(parts, fmt.Sprintf("%d more", len(leaves)-maxParts))
				break
			}
			text := l.expected
			if len(l.tokens) > len(at) {
				text += " at " + l.brief()
			}
			parts = append(parts, text)
		}
		if text := strings.Join(parts, " and "); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if len(texts) > maxBranches {
		texts = append(texts[:maxBranches], fmt.Sprintf("one of %d other forms", len(texts)-maxBranches))
	}
	return clip(strings.Join(texts, " or "))
}

// decimalOf gives a number of a schema, which was a decimal before the library made a fraction of it.
func decimalOf(r *big.Rat) rules.Decimal {
	digits, _ := r.FloatPrec()
	d, _ := rules.ParseDecimal(r.FloatString(digits)) // digits, and at most one point between them
	return d
}

func decimal(r *big.Rat) string { return clip(decimalOf(r).String()) }

func atLeast(n int) string { return "at least " + strconv.Itoa(n) }
func atMost(n int) string  { return "at most " + strconv.Itoa(n) }
