package jsonschema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	js "github.com/santhosh-tekuri/jsonschema/v6"
)

// findCycle looks for a schema that applies itself to the same value again, which would never end, and for schemas that
// are not counted.
func findCycle(first *js.Schema) error {
	w := &cycles{state: map[*js.Schema]int{}}
	w.queue = []*js.Schema{first}
	for len(w.queue) > 0 {
		next := w.queue[0]
		w.queue = w.queue[1:]
		if err := w.visit(next); err != nil {
			return err
		}
	}
	return nil
}

// cycles is a walk over a compiled schema.
type cycles struct {
	state map[*js.Schema]int
	queue []*js.Schema // that apply to another value
}

const (
	entered = 1 + iota
	left
)

func (w *cycles) visit(s *js.Schema) error {
	switch w.state[s] {
	case left:
		return nil
	case entered:
		return fmt.Errorf("%s: a $ref leads back here without going into a member or an item, so it never ends; let it apply to a part of the value", place(afterHash(s.Location)))
	}
	w.state[s] = entered
	if err := counted(s); err != nil {
		return err
	}
	for _, next := range sameValue(s) {
		if err := w.visit(next); err != nil {
			return err
		}
	}
	w.state[s] = left
	w.queue = append(w.queue, parts(s)...)
	return nil
}

// counted refuses a $ref to what is not in a schema's place, such as an item of an enum: nothing counts there.
func counted(s *js.Schema) error {
	if s.Bool != nil || s.DraftVersion < 2019 && s.Ref != nil || !strings.HasPrefix(s.Location, root) {
		return nil
	}
	if s.Format == nil || !strings.HasPrefix(s.Format.Name, formatOwn) {
		return fmt.Errorf("%s: a $ref points here, and here is no schema; put it under $defs", place(afterHash(s.Location)))
	}
	return nil
}

// sameValue lists the schemas that a schema applies to the same value.
func sameValue(s *js.Schema) []*js.Schema {
	list := compact(s.Ref, s.RecursiveRef, s.Not, s.If, s.Then, s.Else)
	if s.DynamicRef != nil {
		list = append(list, s.DynamicRef.Ref)
	}
	for _, more := range [][]*js.Schema{s.AllOf, s.AnyOf, s.OneOf} {
		list = append(list, more...)
	}
	for _, one := range s.DependentSchemas {
		list = append(list, one)
	}
	for _, dependency := range s.Dependencies {
		if one, ok := dependency.(*js.Schema); ok {
			list = append(list, one)
		}
	}
	return inOrder(list)
}

// parts lists the schemas that a schema applies to members, items, names or contents.
func parts(s *js.Schema) []*js.Schema {
	list := compact(s.PropertyNames, s.UnevaluatedProperties, s.Contains, s.Items2020, s.UnevaluatedItems, s.ContentSchema)
	for _, one := range s.Properties {
		list = append(list, one)
	}
	for _, one := range s.PatternProperties {
		list = append(list, one)
	}
	list = append(list, s.PrefixItems...)
	for _, either := range []any{s.AdditionalProperties, s.Items, s.AdditionalItems} {
		switch v := either.(type) {
		case *js.Schema:
			list = append(list, compact(v)...)
		case []*js.Schema:
			list = append(list, v...)
		}
	}
	return inOrder(list)
}

// inOrder sorts schemas by their places, so that of several faults the same one is told each time.
func inOrder(list []*js.Schema) []*js.Schema {
	slices.SortStableFunc(list, func(a, b *js.Schema) int { return cmp.Compare(a.Location, b.Location) })
	return list
}

func compact(schemas ...*js.Schema) []*js.Schema {
	list := make([]*js.Schema, 0, len(schemas))
	for _, s := range schemas {
		if s != nil {
			list = append(list, s)
		}
	}
	return list
}
