package cel

import (
	"cmp"
	"slices"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
	"github.com/google/cel-go/interpreter"
)

// inOrder decorates what loops go over, named by its nodes: a map that the expression made itself gives its keys in order, as
// an object of the payload does. cel-go's own maps give them in any order.
func inOrder(ranges map[int64]bool) interpreter.InterpretableDecoratorV2 {
	return func(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
		if !ranges[node.ID()] {
			return node, nil
		}
		// What counts the cost tells nodes apart by these.
		switch n := node.(type) {
		case interpreter.InterpretableAttribute:
			return &attributeRange{n}, nil
		case interpreter.InterpretableCall:
			return &callRange{n}, nil
		case interpreter.InterpretableConstructor:
			return &constructorRange{n}, nil
		}
		return &otherRange{node}, nil
	}
}

type (
	attributeRange struct {
		interpreter.InterpretableAttribute
	}
	callRange        struct{ interpreter.InterpretableCall }
	constructorRange struct {
		interpreter.InterpretableConstructor
	}
	otherRange struct{ interpreter.InterpretableV2 }
)

// Exec implements interpreter.InterpretableV2.
func (r *attributeRange) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return ordered(frame, r.InterpretableAttribute.Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (r *attributeRange) Eval(vars interpreter.Activation) ref.Val {
	return r.Exec(interpreter.AsFrame(vars))
}

// Exec implements interpreter.InterpretableV2.
func (r *callRange) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return ordered(frame, r.InterpretableCall.Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (r *callRange) Eval(vars interpreter.Activation) ref.Val {
	return r.Exec(interpreter.AsFrame(vars))
}

// Exec implements interpreter.InterpretableV2.
func (r *constructorRange) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return ordered(frame, r.InterpretableConstructor.Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (r *constructorRange) Eval(vars interpreter.Activation) ref.Val {
	return r.Exec(interpreter.AsFrame(vars))
}

// Exec implements interpreter.InterpretableV2.
func (r *otherRange) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return ordered(frame, r.InterpretableV2.Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (r *otherRange) Eval(vars interpreter.Activation) ref.Val {
	return r.Exec(interpreter.AsFrame(vars))
}

func ordered(frame *interpreter.ExecutionFrame, v ref.Val) ref.Val {
	made, ok := v.(traits.Mapper)
	if _, own := v.(*object); !ok || own {
		return v
	}
	keys := make([]ref.Val, 0)
	for it := made.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	countSteps(frame, len(keys))
	slices.SortFunc(keys, compareKeys)
	return &orderedMap{Mapper: made, keys: keys}
}

// compareKeys orders the keys of a map: false and true, then numbers, then texts.
func compareKeys(a, b ref.Val) int {
	if c := cmp.Compare(keyRank(a), keyRank(b)); c != 0 {
		return c
	}
	if comparer, ok := a.(traits.Comparer); ok {
		if order, ok := comparer.Compare(b).(types.Int); ok {
			return int(order)
		}
	}
	return 0
}

func keyRank(key ref.Val) int {
	switch key.(type) {
	case types.Bool:
		return 0
	case types.Int, types.Uint, types.Double:
		return 1
	}
	return 2
}

// orderedMap is a map whose keys come in order.
type orderedMap struct {
	traits.Mapper
	keys []ref.Val
}

// Iterator implements traits.Iterable.
func (m *orderedMap) Iterator() traits.Iterator { return &keyIterator{keys: m.keys} }

type keyIterator struct {
	iteratorValue
	keys []ref.Val
}

// HasNext implements traits.Iterator.
func (i *keyIterator) HasNext() ref.Val { return types.Bool(len(i.keys) > 0) }

// Next implements traits.Iterator.
func (i *keyIterator) Next() ref.Val {
	if len(i.keys) == 0 {
		return nil
	}
	key := i.keys[0]
	i.keys = i.keys[1:]
	return key
}
