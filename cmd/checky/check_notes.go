package main

import (
	"fmt"
	"strconv"

	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/rules"
)

// notes tell where a Check's verdict here can differ from the one in a cluster: the API server keeps integers of 64 bits, and
// all other numbers of spec.input and spec.inputs as floating point, whereas here every digit counts. One place a Check is told.
func notes(bundle *manifest.Bundle) []string {
	var list []string
	for i := range bundle.Targets {
		t := &bundle.Targets[i]
		if t.Check == nil {
			continue
		}
		spec := t.Root.Get("spec")
		if n := inexact(spec.Get("input")); n != nil {
			list = append(list, fmt.Sprintf("%s:%d: note: the API server does not keep all digits of this number of spec.input; to have them checked in a cluster, give the payload as text in spec.inputJSON",
				t.File.Name, n.Line))
		}
		if n := inexactOf(spec.Get("inputs")); n != nil {
			list = append(list, fmt.Sprintf("%s:%d: note: the API server does not keep all digits of this number of spec.inputs; to have them checked in a cluster, give the payload as text in inputJSON",
				t.File.Name, n.Line))
		}
	}
	return list
}

// inexactOf is the first such number of several payloads.
func inexactOf(inputs *manifest.Node) *manifest.Node {
	if inputs == nil {
		return nil
	}
	for _, item := range inputs.Items {
		if n := inexact(item.Get("input")); n != nil {
			return n
		}
	}
	return nil
}

// inexact is the first number that changes when it is kept as the API server does, or nil.
func inexact(n *manifest.Node) *manifest.Node {
	if n == nil {
		return nil
	}
	if n.Kind == manifest.Number && !keptExactly(n.Text) {
		return n
	}
	for _, item := range n.Items {
		if found := inexact(item); found != nil {
			return found
		}
	}
	for i := range n.Members {
		if found := inexact(n.Members[i].Value); found != nil {
			return found
		}
	}
	return nil
}

func keptExactly(literal string) bool {
	if _, err := strconv.ParseInt(literal, 10, 64); err == nil {
		return true
	}
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return false
	}
	want, err := rules.ParseDecimal(literal)
	if err != nil {
		return false
	}
	kept, err := rules.ParseDecimal(strconv.FormatFloat(f, 'g', -1, 64))
	return err == nil && kept.Compare(want) == 0
}
