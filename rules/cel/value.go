package cel

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/interpreter"

	"github.com/checky-dev/checky/rules"
)

// MaxText is the longest text that an expression sees or makes, in bytes. A single call on a text cannot be
// interrupted, and some take time or memory in the product of two lengths.
const MaxText = 16 << 10

// refusal is an error value that Checky itself made; its text names no value of the payload.
type refusal struct {
	text string
	at   place // of the value that is refused, where it is one of the payload
}

func (r *refusal) Error() string { return r.text }

func refuse(format string, args ...any) ref.Val {
	return types.WrapErr(&refusal{text: fmt.Sprintf(format, args...)})
}

func refuseAt(at place, format string, args ...any) ref.Val {
	return types.WrapErr(&refusal{text: fmt.Sprintf(format, args...), at: at})
}

// scene is what one call's expressions see. It is the activation of all of them, so that the payload is wrapped
// once.
type scene struct {
	call *rules.Call
	root ref.Val
	now  types.Timestamp
	err  error // that ended the program under way
}

// sceneName finds the scene itself from within a program. It is no identifier, so no expression can name it.
const sceneName = "@scene"

func sceneOf(c *rules.Call) *scene {
	return c.Memo(newScene).(*scene)
}

func newScene(c *rules.Call) any {
	s := &scene{call: c, now: types.Timestamp{Time: c.Now().UTC()}}
	s.root = s.value(c.Payload().Root(), place{})
	return s
}

// ResolveName implements interpreter.Activation.
func (s *scene) ResolveName(name string) (any, bool) {
	switch name {
	case "input":
		return s.root, true
	case "now":
		return s.now, true
	case sceneName:
		return s, true
	}
	return nil, false
}

// Parent implements interpreter.Activation.
func (s *scene) Parent() interpreter.Activation { return nil }

// step counts work, and ends the program when there was too much of it.
func (s *scene) step(n int) {
	if err := s.call.Step(n); err != nil {
		s.err = err
		panic(interpreter.EvalCancelledError{Message: err.Error(), Cause: interpreter.ContextCancelled})
	}
}

// place is where in the payload a value stands: under a name or an index of a container.
type place struct {
	in    *container
	name  string
	index int // -1 where name counts
}

// pointer writes the place as an RFC 6901 JSON Pointer.
func (p place) pointer() string {
	if p.in == nil {
		return ""
	}
	token := rules.EscapePointer(p.name)
	if p.index >= 0 {
		token = strconv.Itoa(p.index)
	}
	return p.in.at.pointer() + "/" + token
}

// describe writes the place for a message.
func (p place) describe() string {
	if p.in == nil {
		return "the top of the payload"
	}
	return p.pointer()
}

// container is what objects and arrays of the payload have in common.
type container struct {
	scene *scene
	at    place
}

// value gives a payload's value to CEL.
func (s *scene) value(v any, at place) ref.Val {
	switch v := v.(type) {
	case nil:
		return types.NullValue
	case bool:
		return types.Bool(v)
	case string:
		if len(v) > MaxText {
			return refuseAt(at, "the text at %s has %d bytes, CEL rules see at most %d; use a module such as length, pattern or format", at.describe(), len(v), MaxText)
		}
		return types.String(v)
	case json.Number:
		return number(string(v), at)
	case map[string]any:
		return &object{container: container{scene: s, at: at}, members: v}
	case []any:
		return &array{container: container{scene: s, at: at}, items: v}
	}
	return refuse("the value at %s has an unknown type", at.describe())
}

var (
	aboveInt, _ = rules.ParseDecimal(strconv.FormatUint(math.MaxInt64+1, 10))
	maxUint, _  = rules.ParseDecimal(strconv.FormatUint(math.MaxUint64, 10))
)

// number converts by value, so that 1, 1.0 and 1e0 are the same int.
func number(literal string, at place) ref.Val {
	if len(literal) < 19 {
		if n, err := strconv.ParseInt(literal, 10, 64); err == nil {
			return types.Int(n)
		}
	}
	d, err := rules.ParseDecimal(literal)
	if err != nil {
		return tooLarge(at)
	}
	if d.IsInteger() {
		if n, ok := d.Int64(); ok {
			return types.Int(n)
		}
		if d.Compare(aboveInt) < 0 || d.Compare(maxUint) > 0 {
			return tooLarge(at)
		}
		n, err := strconv.ParseUint(d.String(), 10, 64)
		if err != nil {
			return tooLarge(at)
		}
		return types.Uint(n)
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsInf(f, 0) || f == 0 {
		return tooLarge(at)
	}
	return types.Double(f)
}

func tooLarge(at place) ref.Val {
	return refuseAt(at, "the number at %s does not fit a CEL int, uint or double; use module range or const, which compare exactly", at.describe())
}

// sortedNames gives the names of an object in order, so that expressions run alike each time.
func sortedNames(members map[string]any) []string {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
