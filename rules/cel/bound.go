package cel

import (
	"errors"

	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// maxMade bounds the values in a list or map that an expression made itself, counted as often as they occur: ten times [x, x] in each other
// are a thousand values, however few bytes they take.
const maxMade = 10_000

// boundDepth walks an argument that will be compared or written. It gives the first error value in it, or one if
// it is too large. What lies in the payload counts against the call's time instead.
func boundDepth(v ref.Val) ref.Val {
	room := maxMade
	return walk(v, &room)
}

func walk(v ref.Val, room *int) ref.Val {
	switch v := v.(type) {
	case *types.Err:
		return v
	case *types.Optional:
		if v.HasValue() {
			return walk(v.GetValue(), room)
		}
	case *object:
		for _, name := range sortedNames(v.members) {
			if err := walk(v.member(name, v.members[name]), room); err != nil {
				return err
			}
		}
	case *array:
		for i := range v.items {
			if err := walk(v.item(i), room); err != nil {
				return err
			}
		}
	case traits.Mapper:
		for it := v.Iterator(); it.HasNext() == types.True; {
			if err := made(v.Get(it.Next()), room); err != nil {
				return err
			}
		}
	case traits.Lister:
		for it := v.Iterator(); it.HasNext() == types.True; {
			if err := made(it.Next(), room); err != nil {
				return err
			}
		}
	}
	return nil
}

func made(v ref.Val, room *int) ref.Val {
	if *room--; *room < 0 {
		return refuse("the expression compares or writes lists of more than %d values that it makes itself; use fewer", maxMade)
	}
	return walk(v, room)
}

// maxItems bounds the lists that + makes. A list that is added to itself over and over is a small tree, but as a list it is
// without bound, and no function that walks it can be interrupted.
const maxItems = 32_768

// boundItems refuses too long a list that + made. An empty one it gives without its tree, whose size no length tells.
func boundItems(list traits.Lister) ref.Val {
	if _, growing := list.(traits.MutableLister); growing { // the result of a loop, whose cost is counted
		return list
	}
	switch size, _ := list.Size().(types.Int); {
	case size == 0:
		return types.NewRefValList(types.DefaultTypeAdapter, nil)
	case size > maxItems:
		return refuse("the expression makes a list of more than %d items by +; use shorter ones", maxItems)
	}
	return list
}

// bounded decorates a program's calls: each counts a step, and none gives a text that is longer than MaxText, or a list that
// is longer than maxItems.
func bounded(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	call, ok := node.(interpreter.InterpretableCall)
	if !ok {
		return node, nil
	}
	switch args := call.Args(); call.Function() {
	case operators.Equals, operators.NotEquals:
		return &comparison{InterpretableCall: call, left: args[0], right: args[1], negated: call.Function() == operators.NotEquals}, nil
	case operators.In, operators.OldIn:
		return &membership{boundedCall: boundedCall{call}, item: args[0], list: args[1]}, nil
	}
	return &boundedCall{call}, nil
}

type boundedCall struct {
	interpreter.InterpretableCall
}

// Exec implements interpreter.InterpretableV2.
func (b *boundedCall) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	countCall(frame)
	result := b.InterpretableCall.Exec(frame)
	switch made := result.(type) {
	case types.String:
		if len(made) > MaxText {
			return longText()
		}
	case types.Bytes:
		if len(made) > MaxText {
			return longText()
		}
	case traits.Lister:
		if b.Function() == operators.Add {
			return boundItems(made)
		}
	}
	return result
}

// Eval implements interpreter.Interpretable.
func (b *boundedCall) Eval(vars interpreter.Activation) ref.Val {
	return b.Exec(interpreter.AsFrame(vars))
}

func countCall(frame *interpreter.ExecutionFrame) { countSteps(frame, 1) }

func countSteps(frame *interpreter.ExecutionFrame, n int) {
	if found, ok := frame.ResolveName(sceneName); ok {
		found.(*scene).step(n)
	}
}

// comparison is == or !=. cel-go's own takes time without bound where an expression nests one list in itself over and over, and
// takes an item that is an error for one that is just unequal.
type comparison struct {
	interpreter.InterpretableCall
	left, right interpreter.InterpretableV2
	negated     bool
}

// Exec implements interpreter.InterpretableV2.
func (e *comparison) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	countCall(frame)
	left := e.left.Exec(frame)
	if types.IsUnknownOrError(left) {
		return left
	}
	right := e.right.Exec(frame)
	if types.IsUnknownOrError(right) {
		return right
	}
	if isContainer(left) && isContainer(right) {
		for _, side := range [2]ref.Val{left, right} {
			if err := boundDepth(side); err != nil {
				return err
			}
		}
	}
	equal := types.Equal(left, right)
	if same, ok := equal.(types.Bool); ok && e.negated {
		return !same
	}
	return equal
}

// Eval implements interpreter.Interpretable.
func (e *comparison) Eval(vars interpreter.Activation) ref.Val {
	return e.Exec(interpreter.AsFrame(vars))
}

func isContainer(v ref.Val) bool {
	switch v := v.(type) {
	case traits.Lister, traits.Mapper:
		return true
	case *types.Optional:
		return v.HasValue() && isContainer(v.GetValue())
	}
	return false
}

// membership is in, over a list whose items may be containers.
type membership struct {
	boundedCall
	item, list interpreter.InterpretableV2
}

// Exec implements interpreter.InterpretableV2.
func (m *membership) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	countCall(frame)
	item := m.item.Exec(frame)
	if types.IsUnknownOrError(item) {
		return item
	}
	list := m.list.Exec(frame)
	if types.IsUnknownOrError(list) {
		return list
	}
	if isContainer(item) {
		for _, side := range [2]ref.Val{item, list} {
			if err := boundDepth(side); err != nil {
				return err
			}
		}
	}
	within, ok := list.(traits.Container)
	if !ok {
		return types.MaybeNoSuchOverloadErr(list)
	}
	return within.Contains(item)
}

// Eval implements interpreter.Interpretable.
func (m *membership) Eval(vars interpreter.Activation) ref.Val {
	return m.Exec(interpreter.AsFrame(vars))
}

// tested is what a has() asks for: a member of a variable, or of a member of it.
type tested struct{ variable, member string }

// present decorates has(): a member that CEL cannot hold, such as a long text, is there all the same.
func present(tests map[int64]tested) interpreter.InterpretableDecoratorV2 {
	return func(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		attribute, ok := node.(interpreter.InterpretableAttribute)
		test, isTest := tests[node.ID()]
		if !ok || !isTest {
			return node, nil
		}
		return &presence{InterpretableAttribute: attribute, tested: test}, nil
	}
}

type presence struct {
	interpreter.InterpretableAttribute
	tested
}

// Exec implements interpreter.InterpretableV2.
func (p *presence) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	result := p.InterpretableAttribute.Exec(frame)
	failure, ok := result.(*types.Err)
	if !ok {
		return result
	}
	refused := (*refusal)(nil)
	if !errors.As(failure, &refused) || refused.at.in == nil || refused.at.index >= 0 || refused.at.name != p.member {
		return result
	}
	if value, _ := frame.ResolveName(p.variable); isError(value) {
		return result
	}
	return types.True
}

// Eval implements interpreter.Interpretable.
func (p *presence) Eval(vars interpreter.Activation) ref.Val {
	return p.Exec(interpreter.AsFrame(vars))
}

func isError(value any) bool {
	_, ok := value.(*types.Err)
	return ok
}
