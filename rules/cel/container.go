package cel

import (
	"reflect"

	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

// object is an object of the payload as a CEL map. Its members are converted when they are read.
type object struct {
	container
	members map[string]any
}

// array is an array of the payload as a CEL list. Its items are converted when they are read.
type array struct {
	container
	items []any
}

var (
	_ traits.Mapper = (*object)(nil)
	_ traits.Lister = (*array)(nil)
	_ traits.Zeroer = (*object)(nil)
	_ traits.Zeroer = (*array)(nil)
)

// Find implements traits.Mapper. A key that is no string is not there.
func (o *object) Find(key ref.Val) (ref.Val, bool) {
	name, ok := key.(types.String)
	if !ok {
		if types.IsUnknownOrError(key) {
			return key, false
		}
		return nil, false
	}
	member, there := o.members[string(name)]
	if !there {
		return nil, false
	}
	return o.member(string(name), member), true
}

func (o *object) member(name string, value any) ref.Val {
	o.scene.step(1)
	return o.scene.value(value, place{in: &o.container, name: name, index: -1})
}

// Get implements traits.Indexer.
func (o *object) Get(key ref.Val) ref.Val {
	value, found := o.Find(key)
	switch {
	case found:
		return value
	case value != nil:
		return value
	}
	return types.ValOrErr(key, "no such key: %v", key.Value())
}

// Contains implements traits.Container.
func (o *object) Contains(key ref.Val) ref.Val {
	if types.IsUnknownOrError(key) {
		return key
	}
	name, ok := key.(types.String)
	if !ok {
		return types.False
	}
	_, there := o.members[string(name)]
	return types.Bool(there)
}

// Size implements traits.Sizer.
func (o *object) Size() ref.Val { return types.Int(len(o.members)) }

// IsZeroValue implements traits.Zeroer.
func (o *object) IsZeroValue() bool { return len(o.members) == 0 }

// Iterator implements traits.Iterable: the names in order.
func (o *object) Iterator() traits.Iterator {
	o.scene.step(len(o.members))
	return &nameIterator{of: o, names: sortedNames(o.members)}
}

// Equal implements ref.Val.
func (o *object) Equal(other ref.Val) ref.Val {
	m, ok := other.(traits.Mapper)
	if !ok || m.Size() != o.Size() {
		return types.False
	}
	for _, name := range sortedNames(o.members) {
		theirs, found := m.Find(types.String(name))
		if !found {
			return types.False
		}
		if equal := types.Equal(o.member(name, o.members[name]), theirs); equal != types.True {
			return equal
		}
	}
	return types.True
}

// ConvertToNative implements ref.Val.
func (o *object) ConvertToNative(target reflect.Type) (any, error) {
	entries := make(map[ref.Val]ref.Val, len(o.members))
	for name, member := range o.members {
		entries[types.String(name)] = o.member(name, member)
	}
	return types.NewRefValMap(types.DefaultTypeAdapter, entries).ConvertToNative(target)
}

// ConvertToType implements ref.Val.
func (o *object) ConvertToType(target ref.Type) ref.Val {
	switch target {
	case types.MapType:
		return o
	case types.TypeType:
		return types.MapType
	}
	return types.NewErr("type conversion error from 'map' to '%s'", target)
}

// Type implements ref.Val.
func (o *object) Type() ref.Type { return types.MapType }

// Value implements ref.Val.
func (o *object) Value() any { return o.members }

// Get implements traits.Indexer.
func (a *array) Get(index ref.Val) ref.Val {
	i, err := types.IndexOrError(index)
	if err != nil {
		return types.ValOrErr(index, "%v", err)
	}
	if i < 0 || i >= len(a.items) {
		return types.NewErr("index out of bounds: %d", i)
	}
	return a.item(i)
}

func (a *array) item(i int) ref.Val {
	a.scene.step(1)
	return a.scene.value(a.items[i], place{in: &a.container, index: i})
}

// Contains implements traits.Container. That an item is an error counts only where no other item matches.
func (a *array) Contains(value ref.Val) ref.Val {
	if types.IsUnknownOrError(value) {
		return value
	}
	result := ref.Val(types.False)
	for i := range a.items {
		switch equal := types.Equal(a.item(i), value); {
		case equal == types.True:
			return types.True
		case types.IsError(equal):
			result = equal
		}
	}
	return result
}

// Add implements traits.Adder.
func (a *array) Add(other ref.Val) ref.Val {
	return a.list().Add(other)
}

// list gives the array as a list of CEL's own.
func (a *array) list() traits.Lister {
	items := make([]ref.Val, len(a.items))
	for i := range a.items {
		items[i] = a.item(i)
	}
	return types.NewRefValList(types.DefaultTypeAdapter, items)
}

// Size implements traits.Sizer.
func (a *array) Size() ref.Val { return types.Int(len(a.items)) }

// IsZeroValue implements traits.Zeroer.
func (a *array) IsZeroValue() bool { return len(a.items) == 0 }

// Iterator implements traits.Iterable.
func (a *array) Iterator() traits.Iterator { return &itemIterator{of: a} }

// Equal implements ref.Val.
func (a *array) Equal(other ref.Val) ref.Val {
	list, ok := other.(traits.Lister)
	if !ok || list.Size() != a.Size() {
		return types.False
	}
	for i := range a.items {
		if equal := types.Equal(a.item(i), list.Get(types.Int(i))); equal != types.True {
			return equal
		}
	}
	return types.True
}

// ConvertToNative implements ref.Val.
func (a *array) ConvertToNative(target reflect.Type) (any, error) {
	return a.list().ConvertToNative(target)
}

// ConvertToType implements ref.Val.
func (a *array) ConvertToType(target ref.Type) ref.Val {
	switch target {
	case types.ListType:
		return a
	case types.TypeType:
		return types.ListType
	}
	return types.NewErr("type conversion error from 'list' to '%s'", target)
}

// Type implements ref.Val.
func (a *array) Type() ref.Type { return types.ListType }

// Value implements ref.Val.
func (a *array) Value() any { return a.items }

// iteratorValue is the part of an iterator that expressions never see.
type iteratorValue struct{}

func (iteratorValue) ConvertToNative(reflect.Type) (any, error) {
	return nil, &refusal{text: "an iterator has no value"}
}
func (iteratorValue) ConvertToType(ref.Type) ref.Val { return types.NoSuchOverloadErr() }
func (iteratorValue) Equal(ref.Val) ref.Val          { return types.NoSuchOverloadErr() }
func (iteratorValue) Type() ref.Type                 { return types.IteratorType }
func (iteratorValue) Value() any                     { return nil }

type nameIterator struct {
	iteratorValue
	of    *object
	names []string
	next  int
}

// HasNext implements traits.Iterator.
func (i *nameIterator) HasNext() ref.Val { return types.Bool(i.next < len(i.names)) }

// Next implements traits.Iterator.
func (i *nameIterator) Next() ref.Val {
	if i.next >= len(i.names) {
		return nil
	}
	name := i.names[i.next]
	i.next++
	if len(name) > MaxText {
		return refuse("a name at %s has %d bytes, CEL rules see at most %d", i.of.at.describe(), len(name), MaxText)
	}
	return types.String(name)
}

type itemIterator struct {
	iteratorValue
	of   *array
	next int
}

// HasNext implements traits.Iterator.
func (i *itemIterator) HasNext() ref.Val { return types.Bool(i.next < len(i.of.items)) }

// Next implements traits.Iterator.
func (i *itemIterator) Next() ref.Val {
	if i.next >= len(i.of.items) {
		return nil
	}
	i.next++
	return i.of.item(i.next - 1)
}
