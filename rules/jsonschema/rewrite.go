package jsonschema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/checky-dev/checky/rules"
)

const (
	// MaxSubschemas is how many schemas one schema may be made of.
	MaxSubschemas = 1000
	// MaxPatternTotal is how many instructions all regular expressions of a schema may compile to together.
	MaxPatternTotal = 20_000
	// MaxDigits is how many digits a number may have, in the schema or the payload, and how far its exponent may be
	// from 0: the library computes with exact fractions.
	MaxDigits = 500
	// maxCount is the largest value of keywords that count, such as minLength.
	maxCount = 1 << 31
)

// The formats that a rewritten schema uses.
const (
	formatOwn   = "checky:"       // what they all begin with
	formatCount = "checky:count:" // + weight + ":" + the format that the schema asks for, if any: counts one evaluation, and asserts nothing yet
)

// dataKeywords hold values, not schemas.
var dataKeywords = []string{"enum", "const", "default", "examples", "required", "type", "$vocabulary", "dependentRequired"}

// mapKeywords hold schemas by name.
var mapKeywords = []string{"properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"}

// schemaKeywords hold a schema, or a list of them.
var schemaKeywords = []string{
	"items", "additionalItems", "prefixItems", "contains", "unevaluatedItems", "additionalProperties", "propertyNames", "unevaluatedProperties",
	"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "contentSchema",
}

// countKeywords hold counts.
var countKeywords = []string{"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains"}

// rewriter copies a schema, changing it so that the library's way of evaluating it can be bounded and reported in full.
type rewriter struct {
	schemas  int
	formats  map[string]bool // that the copy uses
	patterns map[string]bool // seen so far
	steps    int             // instructions of all patterns
	anchored bool            // a $ref points into propertyNames or contentSchema, so that they stay where they are
	problem  error           // the first
	unknown  int             // how many keywords that are none the place under way is below
}

// fail keeps the first problem.
func (r *rewriter) fail(pointer, format string, args ...any) {
	if r.problem == nil {
		r.problem = fmt.Errorf("%s: %s", place(pointer), fmt.Sprintf(format, args...))
	}
}

// place names a position in the schema.
func place(pointer string) string {
	if pointer == "" {
		return "jsonSchema"
	}
	return "jsonSchema: " + pointer
}

// schema copies what stands where a schema may.
func (r *rewriter) schema(value any, pointer string) any {
	switch v := value.(type) {
	case map[string]any:
		return r.object(v, pointer)
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = r.schema(item, pointer+"/"+strconv.Itoa(i))
		}
		return items
	case json.Number:
		r.number(v, pointer)
	}
	return value
}

func (r *rewriter) object(members map[string]any, pointer string) map[string]any {
	if r.schemas++; r.schemas > MaxSubschemas {
		r.fail("", "it is made of more than %d schemas; split it into several rules", MaxSubschemas)
		return members
	}
	out := make(map[string]any, len(members)+2)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		at := pointer + "/" + rules.EscapePointer(name)
		value := members[name]
		byName, isMap := value.(map[string]any)
		switch {
		case slices.Contains(dataKeywords, name):
			r.numbers(value, at)
		case isMap && slices.Contains(mapKeywords, name):
			value = r.schemaMap(byName, at, name == "patternProperties")
		case slices.Contains(schemaKeywords, name):
			value = r.schema(value, at)
		default: // a reference may still lead there
			r.unknown++
			value = r.schema(value, at)
			r.unknown--
		}
		if count, ok := value.(json.Number); ok && slices.Contains(countKeywords, name) {
			if d, err := rules.ParseDecimal(string(count)); err == nil && d.Compare(rules.DecimalFromInt(maxCount)) > 0 {
				r.fail(at, "a count may be at most %d", int64(maxCount))
			}
		}
		if text, ok := value.(string); ok && name == "pattern" {
			r.pattern(text, at)
		}
		out[name] = value
	}
	r.inject(out)
	return out
}

func (r *rewriter) schemaMap(members map[string]any, pointer string, patterns bool) map[string]any {
	out := make(map[string]any, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		at := pointer + "/" + rules.EscapePointer(name)
		if patterns {
			r.pattern(name, at)
		}
		out[name] = r.schema(members[name], at)
	}
	return out
}

// pattern checks a regular expression and counts its instructions, once for each text.
func (r *rewriter) pattern(expression, pointer string) {
	if r.patterns[expression] || r.problem != nil {
		return
	}
	compiled, err := rules.CompilePattern(expression)
	if err != nil {
		if r.unknown == 0 { // below a keyword that is none it may be anything
			r.fail(pointer, "%s", err)
		}
		return
	}
	r.patterns[expression] = true
	if r.steps += compiled.Size(); r.steps > MaxPatternTotal {
		r.fail(pointer, "the patterns up to here compile to more than %d instructions together; make their repetitions smaller", MaxPatternTotal)
	}
}

// inject adds the format that counts. What the library would report at a wrong place (names of members, contents) moves to a branch of allOf,
// which means the same.
func (r *rewriter) inject(schema map[string]any) {
	all, ok := schema["allOf"].([]any)
	if _, given := schema["allOf"]; given && !ok {
		return
	}
	format, isText := schema["format"].(string)
	if _, given := schema["format"]; given && !isText {
		return
	}
	if !known(format) {
		format = ""
	}
	counts := func(weight int, format string) string {
		return r.use(formatCount + strconv.Itoa(weight) + ":" + format)
	}
	var moved []any
	move := func(names ...string) {
		branch := map[string]any{"format": counts(1, "")}
		for _, name := range names {
			if value, given := schema[name]; given {
				branch[name] = value
				delete(schema, name)
			}
		}
		moved = append(moved, branch)
	}
	if _, given := schema["propertyNames"]; given && !r.anchored {
		move("propertyNames")
	}
	if _, given := schema["contentSchema"]; given && !r.anchored {
		move("contentEncoding", "contentMediaType", "contentSchema")
	}
	schema["format"] = counts(weightOf(schema), format)
	if len(moved) > 0 {
		schema["allOf"] = append(slices.Clone(all), moved...)
	}
}

func (r *rewriter) use(format string) string {
	r.formats[format] = true
	return format
}

// namesPerEvaluation is how many names in one schema take about as long as evaluating another.
const namesPerEvaluation = 16

// weightOf is how many evaluations a schema counts for: one, and more if it has long lists.
func weightOf(schema map[string]any) int {
	items := 0
	if list, ok := schema["required"].([]any); ok {
		items += len(list)
	}
	for _, name := range []string{"dependentRequired", "dependencies"} {
		if lists, ok := schema[name].(map[string]any); ok {
			for _, list := range lists {
				if list, ok := list.([]any); ok {
					items += len(list)
				}
			}
		}
	}
	return 1 + items/namesPerEvaluation
}

func (r *rewriter) numbers(value any, pointer string) {
	switch v := value.(type) {
	case json.Number:
		r.number(v, pointer)
	case []any:
		for i, item := range v {
			r.numbers(item, pointer+"/"+strconv.Itoa(i))
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			r.numbers(v[name], pointer+"/"+rules.EscapePointer(name))
		}
	}
}

func (r *rewriter) number(n json.Number, pointer string) {
	if isLong(string(n)) {
		r.fail(pointer, "a number may have at most %d digits and an exponent of at most %d; use module range, which has no such limit", MaxDigits, MaxDigits)
	}
}

// isLong says whether a number would make a large fraction.
func isLong(literal string) bool {
	if len(literal) > MaxDigits {
		return true
	}
	i := strings.IndexAny(literal, "eE")
	if i < 0 {
		return false
	}
	exponent, err := strconv.Atoi(literal[i+1:])
	return err != nil || exponent > MaxDigits || exponent < -MaxDigits
}

// findLong gives the pointer of the first number in a value that is too long.
func findLong(value any) (string, bool) {
	switch v := value.(type) {
	case json.Number:
		return "", isLong(string(v))
	case []any:
		for i, item := range v {
			if !isScalar(item) || isNumber(item) {
				if at, found := findLong(item); found {
					return "/" + strconv.Itoa(i) + at, true
				}
			}
		}
	case map[string]any:
		where, found := "", false
		for name, member := range v {
			if isScalar(member) && !isNumber(member) {
				continue
			}
			// The first by name, whatever the order of the map.
			if at, long := findLong(member); long && (!found || "/"+rules.EscapePointer(name)+at < where) {
				where, found = "/"+rules.EscapePointer(name)+at, true
			}
		}
		return where, found
	}
	return "", false
}

func isNumber(value any) bool { _, ok := value.(json.Number); return ok }

func isScalar(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}
