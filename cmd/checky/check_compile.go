package main

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/rules"
)

// compile compiles all rules that were given, used or not, and tells which do not compile:
//
//	orders.yaml:12: spec.rules[0].module.params.min: it is above max (9 > 1), so no number could pass
func (g *gatherer) compile() []error {
	var problems []error
	for _, set := range g.bundle.Sets {
		problems = append(problems, compileErrors(set.Document, set.Path, set.Rules, g.set(set))...)
	}
	for i := range g.bundle.Targets {
		if t := &g.bundle.Targets[i]; t.Check != nil && len(t.Check.Spec.Rules) > 0 {
			own := t.Check.Spec.Rules
			problems = append(problems, compileErrors(t.Document, "spec.rules", own, g.library.Rules("", own))...)
		}
	}
	return problems
}

// compileErrors gives each fault of each rule with the line of the field that it names.
func compileErrors(d *manifest.Document, path string, list []v1alpha1.Rule, set *rules.Set) []error {
	if len(set.Errors) == 0 {
		return nil
	}
	// A compiled set is ordered by name, rules of one name as they were in the list.
	byName := map[string][]error{}
	for _, rule := range set.Rules {
		byName[rule.Name] = append(byName[rule.Name], rule.Err())
	}
	var problems []error
	for i := range list {
		name := list[i].Name
		err := byName[name][0]
		byName[name] = byName[name][1:]
		for _, fault := range leaves(err) {
			problems = append(problems, locateFault(d, path+"["+strconv.Itoa(i)+"]", fault))
		}
	}
	return problems
}

// leaves are the errors that errors.Join made one of.
func leaves(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var list []error
	for _, e := range joined.Unwrap() {
		list = append(list, leaves(e)...)
	}
	return list
}

// A rule's error begins with the field that is at fault; the place in an expression follows as LINE:COLUMN.
var (
	fieldName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9]*(\.[a-zA-Z0-9_-]+|\[[0-9]+\])*$`)
	innerLine = regexp.MustCompile(`^([0-9]+):[0-9]+: `)
)

func locateFault(d *manifest.Document, rule string, fault error) error {
	field, what, found := strings.Cut(fault.Error(), ": ")
	if !found || !fieldName.MatchString(field) {
		return d.Fault(d.Root.LineOfField(rule), "%s: %s", rule, fault)
	}
	path := rule + "." + field
	line := d.Root.LineOfField(path)
	if n := d.Root.At(path); n != nil && n.Block {
		if match := innerLine.FindStringSubmatch(what); match != nil {
			inner, _ := strconv.Atoi(match[1])
			line += min(inner, strings.Count(n.Text, "\n")) // an expression that is cut off ends on a line past its last
		}
	}
	return d.Fault(line, "%s: %s", path, what)
}
