package rules

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Module is a drop-in way of checking the values that a field selects.
type Module struct {
	// Name is what rules call it.
	Name string
	// Summary is one sentence for the documentation.
	Summary string
	// Topic are the words in which a knowledge file speaks of its failures; they begin the search for a passage.
	Topic string
	// Params are the parameters that it takes, besides field.
	Params []Param
	// FieldDefault is the field where none is given; it is empty where one must be.
	FieldDefault string
	// Example is a rule's module section, as YAML in flow style.
	Example string
	// Compile makes a Checker of the parameters. It reads them through Params, which collects what is
	// wrong with each, and returns an error only for what concerns several of them.
	Compile func(p *Params) (Checker, error)
}

// Param documents one parameter.
type Param struct {
	// Name of the parameter.
	Name string
	// Type in words: a number, a string, a JSONPath...
	Type string
	// Doc is a sentence or two, the default included.
	Doc string
}

// FieldParam is the parameter that every module has.
var FieldParam = Param{Name: "field", Type: "JSONPath", Doc: "Selects the values to check. An empty selection passes, except with required."}

// Params are a rule's parameters while they are compiled. Each getter checks the type and keeps the
// problem, so that one compilation reports all of them.
type Params struct {
	module   *Module
	topic    string
	values   map[string]any
	fields   []*Field
	problems []error
}

func newParams(m *Module, raw []byte) (*Params, error) {
	p := &Params{module: m, topic: m.Topic, values: map[string]any{}}
	if len(raw) > 0 {
		decoded, err := Decode(raw)
		if err != nil {
			return nil, fmt.Errorf("module.params: %s", strings.TrimPrefix(err.Error(), "payload: "))
		}
		values, ok := decoded.Root().(map[string]any)
		if !ok {
			return nil, fmt.Errorf("module.params: expected an object, found %s", TypeOf(decoded.Root()))
		}
		p.values = values
	}
	known := []string{FieldParam.Name}
	for _, param := range m.Params {
		known = append(known, param.Name)
	}
	for name := range p.values {
		if !slices.Contains(known, name) {
			p.problem(clip(name), "module %s has no such parameter; it takes %s", m.Name, strings.Join(known, ", "))
		}
	}
	return p, nil
}

func (p *Params) problem(name, format string, args ...any) {
	p.problems = append(p.problems, fmt.Errorf("module.params.%s: %s", name, fmt.Sprintf(format, args...)))
}

// err joins the problems, in one order whatever the map's.
func (p *Params) err() error {
	slices.SortFunc(p.problems, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return errors.Join(p.problems...)
}

// Has says whether a parameter is given; null counts as not given.
func (p *Params) Has(name string) bool { return p.values[name] != nil }

// Given says whether a parameter is given, be it as null.
func (p *Params) Given(name string) bool { _, ok := p.values[name]; return ok }

// Field compiles a parameter that is a JSONPath and must be there; "field" may have the module's default.
func (p *Params) Field(name string) *Field {
	value, ok := p.values[name]
	if !ok && name == FieldParam.Name && p.module.FieldDefault != "" {
		value, ok = p.module.FieldDefault, true
	}
	if !ok {
		p.problem(name, "it is missing; give a JSONPath such as $.items[*].price")
		return nil
	}
	text, isText := value.(string)
	if !isText {
		p.problem(name, "expected a JSONPath as a string, found %s", TypeOf(value))
		return nil
	}
	return p.compileField(name, text)
}

func (p *Params) compileField(name, text string) *Field {
	f, err := CompileField(text)
	if err != nil {
		p.problem(name, "%s", err)
		return nil
	}
	p.fields = append(p.fields, f)
	return f
}

// FieldList compiles a parameter that is one JSONPath or a list of them, and must be there.
func (p *Params) FieldList(name string) []*Field {
	var fields []*Field
	for _, text := range p.Strings(name) {
		if f := p.compileField(name, text); f != nil {
			fields = append(fields, f)
		}
	}
	return fields
}

// Number reads a number, which may also be written as a string so that the API server keeps all its digits.
// It is nil if it is not given.
func (p *Params) Number(name string) *Decimal {
	var literal string
	switch v := p.values[name].(type) {
	case nil:
		return nil
	case json.Number:
		literal = string(v)
	case string:
		literal = v
	default:
		p.problem(name, "expected a number, found %s", TypeOf(v))
		return nil
	}
	d, err := ParseDecimal(literal)
	if err != nil {
		p.problem(name, "expected a number, found %q", clip(literal))
		return nil
	}
	return &d
}

// Count reads an integer of 0 or more; it is nil if it is not given.
func (p *Params) Count(name string) *int {
	d := p.Number(name)
	if d == nil {
		return nil
	}
	n, ok := d.Int64()
	if !ok || n < 0 || n > 1<<31 {
		p.problem(name, "expected a whole number of 0 or more, found %s", clip(d.String()))
		return nil
	}
	count := int(n)
	return &count
}

// Bool reads true or false; it is false if it is not given.
func (p *Params) Bool(name string) bool {
	switch v := p.values[name].(type) {
	case nil:
	case bool:
		return v
	default:
		p.problem(name, "expected true or false, found %s", TypeOf(v))
	}
	return false
}

// String reads a string; it must be there.
func (p *Params) String(name string) string {
	switch v := p.values[name].(type) {
	case string:
		return v
	case nil:
		p.problem(name, "it is missing; give a string")
	default:
		p.problem(name, "expected a string, found %s", TypeOf(v))
	}
	return ""
}

// Strings reads a string or a list of strings; it must be there and not be empty.
func (p *Params) Strings(name string) []string {
	var texts []string
	switch v := p.values[name].(type) {
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			text, ok := item.(string)
			if !ok {
				p.problem(name, "expected a list of strings, found %s in it", TypeOf(item))
				return nil
			}
			texts = append(texts, text)
		}
	case nil:
	default:
		p.problem(name, "expected a string or a list of strings, found %s", TypeOf(v))
		return nil
	}
	if len(texts) == 0 {
		p.problem(name, "it is missing; give a string or a list of strings")
	}
	return texts
}

// Value reads any JSON value; it must be given, be it as null.
func (p *Params) Value(name string) any {
	value, ok := p.values[name]
	if !ok {
		p.problem(name, "it is missing; give the value to compare with")
	}
	return value
}

// List reads an array; it must be there and not be empty.
func (p *Params) List(name string) []any {
	list, ok := p.values[name].([]any)
	if !ok || len(list) == 0 {
		p.problem(name, "expected a list of at least one value, found %s", TypeOf(p.values[name]))
		return nil
	}
	return list
}

// Topic replaces the module's topic for this rule, where its parameters tell a better one.
func (p *Params) Topic(words string) { p.topic = words }

// Reject keeps a problem that a module finds in a parameter's value.
func (p *Params) Reject(name, format string, args ...any) { p.problem(name, format, args...) }

// EachValue is the Checker of modules that test every selected value by itself.
type EachValue struct {
	// Field selects the values.
	Field *Field
	// Test looks at one and reports with Call.Fail what is wrong with it.
	Test func(*Call, Node) error
}

// Check tests every selected value.
func (e *EachValue) Check(c *Call) error { return e.Field.Each(c, e.Test) }
