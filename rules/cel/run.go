package cel

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
	"k8s.io/apiserver/pkg/cel/library"

	"github.com/checky-dev/checky/rules"
)

// expression is a rule that an expression decides.
type expression struct {
	decide   *program
	message  *program // or nil
	expected string
	subject  *rules.Field // what the message shows; nil where the expression reads several fields
}

func newExpression(decide, message *program) *expression {
	e := &expression{decide: decide, message: message, expected: short(decide.source) + " to be true"}
	if len(decide.fields) == 1 {
		if field, err := rules.CompileField(decide.fields[0]); err == nil && field.Singular() {
			e.subject = field
		}
	}
	return e
}

// Fields lists the JSONPaths that the expression reads.
func (e *expression) Fields() []string { return e.decide.fields }

// Check implements rules.Checker.
func (e *expression) Check(c *rules.Call) error {
	passed, err := e.decide.bool(c)
	if err != nil {
		return fmt.Errorf("cel.expression: %w", err)
	}
	if passed {
		return nil
	}
	if message := e.ownMessage(c); message != "" {
		c.Report(e.path(c), message)
		return nil
	}
	return e.report(c)
}

// report says that the expression was not true, and what it looked at if that is one value.
func (e *expression) report(c *rules.Call) error {
	if e.subject != nil {
		err := e.subject.Each(c, func(c *rules.Call, n rules.Node) error {
			c.Fail(n, e.expected)
			return nil
		})
		if err != nil || c.Failed() {
			return err
		}
	}
	c.FailAt("", e.expected, "")
	return nil
}

// path is the JSON Pointer of the one value that the expression looks at, or "".
func (e *expression) path(c *rules.Call) string {
	path := ""
	if e.subject != nil {
		// A walk that runs out of time leaves the finding at the top.
		_ = e.subject.Each(c, func(c *rules.Call, n rules.Node) error {
			path = c.Pointer(n)
			return nil
		})
	}
	return path
}

// ownMessage is what messageExpression gives; it is empty where it may not be shown, or gives nothing.
func (e *expression) ownMessage(c *rules.Call) string {
	if e.message == nil || c.Payload().Secret() {
		return ""
	}
	value, err := e.message.eval(c)
	text, ok := value.(types.String)
	if err != nil || !ok || strings.TrimSpace(string(text)) == "" {
		return ""
	}
	if quotesCredential(c.Payload().Root(), string(text)) {
		return ""
	}
	return strings.TrimSpace(string(text))
}

// quotesCredential says whether a message holds something that looks like a credential, or that stands in the payload
// under a credential's name.
func quotesCredential(root any, message string) bool {
	if _, found := rules.FindCredential(message); found {
		return true
	}
	return quotesNamed(root, false, message)
}

// minSecret is the shortest text under a credential's name that is looked for in messages: shorter ones occur in
// any message.
const minSecret = 4

// quotesNamed says whether a message holds a value that stands under a credential's name, or below one: named says that it does.
func quotesNamed(value any, named bool, message string) bool {
	switch v := value.(type) {
	case string:
		return named && len(v) >= minSecret && strings.Contains(message, v)
	case json.Number:
		return named && len(v) >= minSecret && strings.Contains(message, string(v))
	case map[string]any:
		for member, inner := range v {
			if quotesNamed(inner, named || rules.CredentialName(member), message) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if quotesNamed(item, named, message) {
				return true
			}
		}
	}
	return false
}

// condition is a rule's when.
type condition struct{ program *program }

// Allows implements rules.Guard.
func (g *condition) Allows(c *rules.Call) (bool, error) { return g.program.bool(c) }

func (p *program) bool(c *rules.Call) (bool, error) {
	value, err := p.eval(c)
	if err != nil {
		return false, err
	}
	decided, ok := value.(types.Bool)
	if !ok {
		return false, problem{1, 1, fmt.Sprintf("the expression gave a %s, expected true or false", value.Type().TypeName())}
	}
	return bool(decided), nil
}

func (p *program) eval(c *rules.Call) (ref.Val, error) {
	s := sceneOf(c)
	s.err = nil
	value, details, err := p.run.Eval(s)
	c.Spend(p.spend)
	if cost := details.ActualCost(); cost != nil {
		c.Spend(*cost)
	}
	if err != nil {
		if s.err == nil && isCancelled(err) && details.ActualCost() == nil {
			c.Spend(rules.MaxCELCost)
		}
		return nil, p.explain(s, err)
	}
	return value, nil
}

// isCancelled says whether a program stopped because of its cost, or of its scene's error.
func isCancelled(err error) bool {
	cancelled := interpreter.EvalCancelledError{}
	return errors.As(err, &cancelled)
}

// explain turns CEL's error into one that says where and what to do, and that quotes no value: CEL's own text may, as
// in a conversion that failed.
func (p *program) explain(s *scene, err error) error {
	if s.err != nil {
		return s.err
	}
	if isCancelled(err) {
		return problem{1, 1, fmt.Sprintf("the expression costs more than %d on this payload; look at fewer values, or use modules", rules.MaxCELCost)}
	}
	at := problem{line: 1, column: 1, text: p.reword(err, s.call.Payload().Secret())}
	if value := (*types.Err)(nil); errors.As(err, &value) {
		if where := p.info.GetStartLocation(value.NodeID()); where.Line() > 0 {
			at.line, at.column = where.Line(), where.Column()+1
		}
	}
	return at
}

var missingKey = regexp.MustCompile(`^no such key: (\w+)$`)

// phrases are the errors of CEL that are told apart, by a part of their text.
var phrases = []struct{ part, text string }{
	{"no such key", "no such key: the payload has no such member; test it first with has()"},
	{"no such overload", "no such overload: a value is of another type than the expression works with; test it first, for instance with type()"},
	{"index out of bounds", "an index is past the end of its list; test size() first"},
	{"divide by zero", "a division by zero; test the divisor first"},
	{"modulus by zero", "a division by zero; test the divisor first"},
	{"overflow", "a number gets too large for its type"},
	{"out of range", "a number or an index is out of range"},
	{"optional.none() dereference", "an optional value is not there; use orValue() or hasValue()"},
}

// reword names a key that is not there if the expression does. Of a Secret it names none: the key may be a value of it.
func (p *program) reword(err error, secret bool) string {
	if own := (*refusal)(nil); errors.As(err, &own) {
		return own.text
	}
	text := err.Error()
	if found := missingKey.FindStringSubmatch(text); found != nil && !secret && strings.Contains(p.source, found[1]) {
		return fmt.Sprintf("no such key: the payload has no %q here; test it first with has()", found[1])
	}
	for _, known := range phrases {
		if strings.Contains(text, known.part) {
			return known.text
		}
	}
	return "a value could not be used in this way, for instance converted to another type; test it first"
}

// actualCost counts calls as Kubernetes does, and besides the texts that they read and make where that counts nothing for them.
type actualCost struct{ known library.CostEstimator }

// bytesPerCost is how many bytes of a text that a call reads count as much as the call.
const bytesPerCost = 100

// CallCost implements interpreter.ActualCostEstimator.
func (a *actualCost) CallCost(function, overload string, args []ref.Val, result ref.Val) *uint64 {
	cost := a.known.CallCost(function, overload, args, result)
	made := uint64(0)
	switch {
	case cost != nil:
		made = *cost
	case readsText[function] || !cheap[function]:
		made = 1
		for _, arg := range args {
			if text, ok := arg.(types.String); ok {
				made += uint64(len(text) / bytesPerCost)
			}
		}
	case !makesText[function]:
		return nil
	}
	switch result := result.(type) {
	case types.String:
		if makesText[function] {
			made += uint64(len(result)/10) + 1
		}
	case traits.Lister:
		if size, ok := result.Size().(types.Int); ok && size > 0 && makesList[function] {
			made += uint64(size)
		}
	}
	total := made // of its own, so that calls which cost what CEL says allocate nothing
	return &total
}

// makesText are the functions whose result may be longer than what their cost is counted by.
var makesText = map[string]bool{"format": true, "replace": true, "join": true, "strings.quote": true, "reverse": true}

// makesList are those that make a list of parts of a text.
var makesList = map[string]bool{"findAll": true, "split": true}

// readsText are the conversions that read all of a text, whose cost CEL counts as that of any other value.
var readsText = map[string]bool{"int": true, "uint": true, "double": true, "bool": true, "timestamp": true, "duration": true}
