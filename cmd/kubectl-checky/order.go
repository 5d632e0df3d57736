package main

import (
	"slices"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/cmd/checky/records"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
)

// order is what one verdict is wanted on: a payload, or a file of many.
type order struct {
	name string
	// inputs of each Check that it takes.
	inputs []input
	one    *payload // nil for many
	many   *many    // nil for one
}

// input is what a Check is to be made of.
type input struct {
	name string // what it is called after
	text string // of one payload
	many []v1alpha1.BatchInput
}

// orders reads what -f names, and tells how many Checks that takes.
func (o *runOptions) orders(reader *manifest.Reader) (list []order, checks int, err error) {
	documents, paths := o.records.Split(o.files)
	if len(documents) > 0 {
		single, err := payloads(reader, documents)
		if err != nil {
			return nil, 0, err
		}
		for i := range single {
			p := &single[i]
			list = append(list, order{name: p.name, one: p, inputs: []input{{name: p.name, text: string(p.text)}}})
		}
	}
	checks = len(list)
	files, err := o.records.OpenAll(paths, reader.Stdin, slices.Contains(o.ruleFiles, "-"))
	if err != nil {
		return nil, 0, err
	}
	defer records.CloseAll(files)
	for _, file := range files {
		m, err := readMany(file, maxChecks-checks)
		if err != nil {
			return nil, 0, err
		}
		next := order{name: m.name, many: m}
		for i, part := range m.parts {
			next.inputs = append(next.inputs, input{name: m.partName(i), many: part})
		}
		checks += len(m.parts)
		list = append(list, next)
	}
	return list, checks, nil
}

// verdict is that of an order whose Checks have theirs.
func (o *order) verdict(finals []*v1alpha1.Check) reporting.Input {
	if len(finals) > 1 {
		return o.many.merged(finals)
	}
	in := inputOf(finals[0])
	if o.one != nil {
		in.Locate = o.one.locate
		return in
	}
	in.LocateItem = o.many.locate
	return in
}
