package rules

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Kind is one way of writing a rule other than by a module.
type Kind interface {
	// Compile makes a Checker of a rule's own section. Its error names the section and the position in
	// it.
	Compile(rule *v1alpha1.Rule) (Checker, error)
}

// GuardKind compiles the expressions of rules' when.
type GuardKind interface {
	CompileGuard(expression string) (Guard, error)
}

// Compiler turns the rules of the API into Sets. It is a value that somebody constructs
// (rules/builtin does); it is immutable and safe for concurrent use.
type Compiler struct {
	modules    map[string]*Module
	names      []string
	cel        Kind
	guards     GuardKind
	jsonSchema Kind
}

// NewCompiler puts the ways of writing rules together.
func NewCompiler(modules []Module, cel Kind, guards GuardKind, jsonSchema Kind) *Compiler {
	c := &Compiler{modules: map[string]*Module{}, cel: cel, guards: guards, jsonSchema: jsonSchema}
	for i := range modules {
		c.modules[modules[i].Name] = &modules[i]
		c.names = append(c.names, modules[i].Name)
	}
	slices.Sort(c.names)
	return c
}

// Modules lists the modules by name.
func (c *Compiler) Modules() []*Module {
	list := make([]*Module, len(c.names))
	for i, name := range c.names {
		list[i] = c.modules[name]
	}
	return list
}

// Rule is a compiled rule. One that does not compile is kept, so that whoever uses it is told.
type Rule struct {
	// ID is SET/NAME, or NAME alone for a Check's own rule.
	ID string
	// Name is the rule's own name.
	Name string
	// Severity of its failures.
	Severity v1alpha1.Severity
	// Kind is the module's name, or cel or jsonSchema.
	Kind string
	// Fields are the JSONPaths that the rule looks at, where its kind can tell.
	Fields []string
	// Message replaces the findings' own, if it is set.
	Message string
	// Query steers retrieval, if it is set.
	Query string
	// Topic are the words in which a knowledge file speaks of the rule's failures.
	Topic string

	guard   Guard
	checker Checker
	// counted says that the rule's steps are all that it does: a module's, and no expression's or schema's.
	counted bool
	err     error
}

// Err says why the rule does not compile; it is nil if it does.
func (r *Rule) Err() error { return r.err }

// Set is a compiled rule set: immutable, its rules in the order of their names.
type Set struct {
	// Name of the set; it is empty for a Check's own rules.
	Name string
	// Rules by name.
	Rules []*Rule
	// Digest is the SHA-256 of the set's name and rules, as sha256:HEX.
	Digest string
	// Bytes is how long the rules are as JSON: what it costs to keep the set is a multiple of it.
	Bytes int
	// Errors are the rules that don't compile.
	Errors []v1alpha1.RuleError
}

// Compile compiles a list of rules. It always gives a set: rules that do not compile are in it with
// their error.
func (c *Compiler) Compile(set string, list []v1alpha1.Rule) *Set {
	s := &Set{Name: set, Rules: make([]*Rule, 0, len(list))}
	seen := map[string]bool{}
	digests := make([]string, 0, len(list))
	for i := range list {
		rule := c.compileRule(set, &list[i])
		switch {
		case i >= MaxRulesPerSet:
			rule.err = fmt.Errorf("a set may have at most %d rules; move this one to another set", MaxRulesPerSet)
		case seen[rule.Name]:
			rule.err = fmt.Errorf("name: another rule of this set has the same name; rename one")
		}
		seen[rule.Name] = true
		if rule.err != nil {
			s.Errors = append(s.Errors, v1alpha1.RuleError{Rule: rule.Name, Message: ClipBytes(rule.err.Error(), MaxMessageBytes)})
		}
		s.Rules = append(s.Rules, rule)
		digest, length := digestRule(&list[i])
		digests = append(digests, digest)
		s.Bytes += length
	}
	slices.SortStableFunc(s.Rules, func(a, b *Rule) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(s.Errors, func(a, b v1alpha1.RuleError) int { return cmp.Compare(a.Rule, b.Rule) })
	slices.Sort(digests)
	s.Digest = Digest([]byte(set + "\n" + strings.Join(digests, "\n")))
	return s
}

// digestRule covers all of a rule, with its defaults filled in and its JSON in canonical form; length is that of the JSON.
func digestRule(rule *v1alpha1.Rule) (digest string, length int) {
	r := *rule
	r.Severity = cmp.Or(r.Severity, v1alpha1.SeverityError)
	text, err := json.Marshal(&r)
	if err != nil {
		return Digest([]byte(r.Name + err.Error())), len(r.Name)
	}
	if decoded, err := Decode(text); err == nil {
		return decoded.Digest(), len(text)
	}
	return Digest(text), len(text)
}

var ruleName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`)

func (c *Compiler) compileRule(set string, spec *v1alpha1.Rule) *Rule {
	r := &Rule{
		ID: spec.Name, Name: spec.Name, Message: spec.Message,
		Severity: cmp.Or(spec.Severity, v1alpha1.SeverityError),
	}
	if set != "" {
		r.ID = set + "/" + spec.Name
	}
	if spec.Explain != nil {
		r.Query = spec.Explain.Query
	}
	r.counted = spec.Module != nil && spec.When == ""
	r.err = errors.Join(validateHead(spec), c.compileBody(r, spec), c.compileGuard(r, spec))
	return r
}

// validateHead checks what the API server checks too, for callers who have none.
func validateHead(spec *v1alpha1.Rule) error {
	var problems []error
	if !ruleName.MatchString(spec.Name) || len(spec.Name) > 63 {
		problems = append(problems, fmt.Errorf("name: %q is not a rule's name; use up to 63 lower-case letters, digits, dots and hyphens", clip(spec.Name)))
	}
	switch spec.Severity {
	case "", v1alpha1.SeverityInfo, v1alpha1.SeverityWarning, v1alpha1.SeverityError, v1alpha1.SeverityCritical:
	default:
		problems = append(problems, fmt.Errorf("severity: %q is not one of info, warning, error, critical", clip(string(spec.Severity))))
	}
	if len(spec.Message) > MaxMessageBytes {
		problems = append(problems, fmt.Errorf("message: it has %d bytes, at most %d are allowed", len(spec.Message), MaxMessageBytes))
	}
	return errors.Join(problems...)
}

func (c *Compiler) compileBody(r *Rule, spec *v1alpha1.Rule) error {
	ways := 0
	for _, given := range []bool{spec.Module != nil, spec.CEL != nil, !spec.JSONSchema.IsZero()} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return fmt.Errorf("set exactly one of module, cel and jsonSchema; this rule has %d of them", ways)
	}
	var err error
	switch {
	case spec.Module != nil:
		r.Kind = spec.Module.Name
		err = c.compileModule(r, spec.Module)
	case spec.CEL != nil:
		r.Kind, r.Topic = "cel", "CEL expression"
		r.checker, err = c.cel.Compile(spec)
	default:
		r.Kind, r.Topic = "jsonSchema", "JSON Schema"
		r.checker, err = c.jsonSchema.Compile(spec)
	}
	if reader, ok := r.checker.(interface{ Fields() []string }); ok {
		r.Fields = reader.Fields()
	}
	return err
}

func (c *Compiler) compileModule(r *Rule, spec *v1alpha1.ModuleRule) error {
	module, ok := c.modules[spec.Name]
	if !ok {
		return fmt.Errorf("module.name: there is no module %q; there are %s", clip(spec.Name), strings.Join(c.names, ", "))
	}
	params, err := newParams(module, spec.Params.Raw)
	if err != nil {
		return err
	}
	r.checker, err = module.Compile(params)
	r.Topic = params.topic
	if len(params.problems) > 0 {
		return params.err()
	}
	for _, f := range params.fields {
		r.Fields = append(r.Fields, f.String())
	}
	return err
}

func (c *Compiler) compileGuard(r *Rule, spec *v1alpha1.Rule) error {
	if spec.When == "" {
		return nil
	}
	guard, err := c.guards.CompileGuard(spec.When)
	if err != nil {
		return fmt.Errorf("when: %w", err)
	}
	r.guard = guard
	return nil
}
