package jsonschema

import (
	"fmt"
	"strconv"
	"strings"

	js "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/checky-dev/checky/rules"
)

// simple words the keywords that speak of the value itself.
func (f *flattener) simple(e js.ErrorKind, at []string) {
	switch k := e.(type) {
	case *kind.Type:
		f.add(at, "type", types(k.Want))
	case *kind.Const:
		f.add(at, "const", "the value "+rules.ShowLiteral(k.Want))
	case *kind.Enum:
		f.add(at, "enum", values(k.Want))
	case *kind.FalseSchema:
		f.add(at, "false", "no value here")
	case *kind.Not:
		f.add(at, "not", "a value that does not match the schema of not")
	case *kind.Minimum:
		f.add(at, "minimum", "a number at least "+decimal(k.Want))
	case *kind.Maximum:
		f.add(at, "maximum", "a number at most "+decimal(k.Want))
	case *kind.ExclusiveMinimum:
		f.add(at, "exclusiveMinimum", "a number above "+decimal(k.Want))
	case *kind.ExclusiveMaximum:
		f.add(at, "exclusiveMaximum", "a number below "+decimal(k.Want))
	case *kind.MultipleOf:
		f.add(at, "multipleOf", "a multiple of "+decimal(k.Want))
	case *kind.Pattern:
		f.add(at, "pattern", "a string that matches "+rules.ShowLiteral(k.Want))
	case *kind.ContentEncoding:
		f.add(at, "contentEncoding", "a string in the encoding "+clip(k.Want))
	case *kind.ContentMediaType:
		f.add(at, "contentMediaType", "a text of the media type "+clip(k.Want))
	default:
		f.counts(e, at)
	}
}

// counts words the keywords that count.
func (f *flattener) counts(e js.ErrorKind, at []string) {
	switch k := e.(type) {
	case *kind.MinLength:
		f.add(at, "minLength", "a string of "+atLeast(k.Want)+" characters").more = ", which has " + strconv.Itoa(k.Got)
	case *kind.MaxLength:
		f.add(at, "maxLength", "a string of "+atMost(k.Want)+" characters").more = ", which has " + strconv.Itoa(k.Got)
	case *kind.MinItems:
		f.add(at, "minItems", "an array of "+atLeast(k.Want)+" items")
	case *kind.MaxItems:
		f.add(at, "maxItems", "an array of "+atMost(k.Want)+" items")
	case *kind.AdditionalItems:
		f.add(at, "additionalItems", fmt.Sprintf("an array without its last %d items", k.Count))
	case *kind.MinProperties:
		f.add(at, "minProperties", "an object with "+atLeast(k.Want)+" members")
	case *kind.MaxProperties:
		f.add(at, "maxProperties", "an object with "+atMost(k.Want)+" members")
	case *kind.Contains:
		f.add(at, "contains", "an array with an item that matches the schema of contains")
	case *kind.MinContains:
		f.add(at, "minContains", "an array with "+atLeast(k.Want)+" items that match the schema of contains").more = fmt.Sprintf(", of which %d match", len(k.Got))
	case *kind.MaxContains:
		f.add(at, "maxContains", "an array with "+atMost(k.Want)+" items that match the schema of contains").more = fmt.Sprintf(", of which %d match", len(k.Got))
	default:
		f.add(at, "schema", "a value that matches the schema")
	}
}

// phrases are the types as they are said.
var phrases = map[string]string{
	"null": "null", "boolean": "a boolean", "number": "a number", "integer": "an integer",
	"string": "a string", "array": "an array", "object": "an object",
}

func types(names []string) string {
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = phrases[name]
	}
	return strings.Join(texts, " or ")
}

// maxValues is how many values of an enum are told.
const maxValues = 8

func values(list []any) string {
	if len(list) == 1 {
		return "the value " + rules.ShowLiteral(list[0])
	}
	texts := make([]string, 0, maxValues+1)
	for i, value := range list {
		if i == maxValues {
			texts = append(texts, fmt.Sprintf("or %d more", len(list)-i))
			break
		}
		texts = append(texts, rules.ShowLiteral(value))
	}
	return "one of " + strings.Join(texts, ", ")
}
