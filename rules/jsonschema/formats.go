package jsonschema

import (
	"encoding/base64"
	"errors"
	"regexp/syntax"
	"strconv"
	"strings"
	"sync"

	js "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/format"
)

// libraryFormats are those of JSON Schema that Checky has no module for.
var libraryFormats = sync.OnceValue(func() map[string]*js.Format {
	found := map[string]*js.Format{}
	for _, name := range []string{"json-pointer", "relative-json-pointer", "iri", "uri-reference", "iri-reference", "uri-template", "period"} {
		c := js.NewCompiler()
		c.AssertFormat()
		if c.AddResource(root, map[string]any{"format": name}) != nil {
			continue
		}
		if schema, err := c.Compile(root); err == nil && schema.Format != nil {
			found[name] = schema.Format
		}
	}
	return found
})

// international are the formats whose texts may have characters beyond ASCII, which the library does not know.
var international = map[string]struct {
	valid    func(string) bool
	expected string
}{
	"idn-email":    {format.IsIDNEmail, "an e-mail address such as jörg@example.org"},
	"idn-hostname": {format.IsIDNHostname, "a host name such as münchen.example.org"},
}

// known says whether a format is asserted; others only describe.
func known(name string) bool {
	if _, ok := format.Find(name); ok || name == "regex" {
		return true
	}
	if _, ok := international[name]; ok {
		return true
	}
	return libraryFormats()[name] != nil
}

var errFormat = errors.New("the format does not hold")

// validFormat says whether a value, if it is a string, has a format. The module's formats come first, so that
// a schema and the module format agree.
func validFormat(name string, value any) error {
	text, ok := value.(string)
	if !ok {
		return nil
	}
	if own, ok := format.Find(name); ok {
		if own.Valid(text) {
			return nil
		}
		return errFormat
	}
	if names, ok := international[name]; ok {
		if names.valid(text) {
			return nil
		}
		return errFormat
	}
	if name == "regex" {
		_, err := syntax.Parse(text, syntax.Perl)
		return err
	}
	if f := libraryFormats()[name]; f != nil {
		return f.Validate(value)
	}
	return nil
}

// expectedFormat completes "expected ...".
func expectedFormat(name string) string {
	if own, ok := format.Find(name); ok {
		return own.Expected
	}
	if names, ok := international[name]; ok {
		return names.expected
	}
	if name == "regex" {
		return "a regular expression (RE2)"
	}
	return "a string in the format " + name
}

// unique finds the first item that repeats an earlier one. The library's own search can be made to take time in the
// square of the array's length.
func (w *worker) unique(list []any) (first, again int, repeats bool) {
	seen := make(map[string]int, len(list))
	for i, item := range list {
		text := string(rules.Canonical(item))
		w.step(1 + len(text)/canonicalPerStep)
		if first, there := seen[text]; there {
			return first, i, true
		}
		seen[text] = i
	}
	return 0, 0, false
}

// register gives the compiler the formats that a rewritten schema uses.
func (w *worker) register(c *js.Compiler, formats map[string]bool) {
	for name := range formats {
		weight, _, _ := strings.Cut(strings.TrimPrefix(name, formatCount), ":")
		n, err := strconv.Atoi(weight)
		if err != nil {
			n = 1
		}
		c.RegisterFormat(&js.Format{Name: name, Validate: func(value any) error { w.evaluation(value, n); return nil }})
	}
}

// How many bytes of a text take about as long as one step of a Call: to write them in canonical form, to look at them, and, the other way round, how many
// steps a byte takes that is parsed as a regular expression or as JSON.
const (
	canonicalPerStep = 64
	bytesPerStep     = 8
	stepsPerPattern  = 16
	stepsPerJSON     = 4
)

// stepText counts what it takes to look at a text for its format.
func (w *worker) stepText(format string, value any) {
	text, ok := value.(string)
	switch {
	case ok && format == "regex":
		w.step(len(text) * stepsPerPattern)
	case ok:
		w.step(len(text) / bytesPerStep)
	}
}

// registerContents has contents decoded as payloads are, with their limits.
func (w *worker) registerContents(c *js.Compiler) {
	c.RegisterContentEncoding(&js.Decoder{Name: "base64", Decode: func(text string) ([]byte, error) {
		w.step(len(text) / bytesPerStep)
		return base64.StdEncoding.DecodeString(text)
	}})
	c.RegisterContentMediaType(&js.MediaType{
		Name:          "application/json",
		Validate:      func(text []byte) error { _, err := w.decodeContent(text); return err },
		UnmarshalJSON: w.decodeContent,
	})
}

func (w *worker) decodeContent(text []byte) (any, error) {
	w.step(len(text) * stepsPerJSON)
	payload, err := rules.Decode(text)
	if err != nil {
		return nil, err
	}
	if _, found := findLong(payload.Root()); found {
		panic(&abort{errLongContent})
	}
	return payload.Root(), nil
}

var errLongContent = errors.New("a number in a text of media type application/json is too long; use module range")
