package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/manifest"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// gatherer brings the rules and the input of each target together, as the controller does in a cluster, and has them
// evaluated.
type gatherer struct {
	bundle  *manifest.Bundle
	library *engine.Library
	engine  *engine.Engine
	failOn  v1alpha1.Severity // of payloads
	now     time.Time
}

// refusal is why a target cannot be evaluated at all. What the controller waits for, nothing here will bring.
type refusal struct{ *engine.Obstacle }

func (r *refusal) Error() string { return r.Message }

func refuse(o *engine.Obstacle) error { return &refusal{o} }

// evaluate gives the verdict on a target.
func (g *gatherer) evaluate(ctx context.Context, t *manifest.Target) reporting.Input {
	in := reporting.Input{Name: t.Name()}
	if t.Check != nil {
		in.Name = t.Check.Namespace + "/" + t.Check.Name
	}
	program, input, err := g.gather(t)
	if input.file == nil {
		input = payload{file: t.File, node: t.Root}
	}
	in.Locate = input.locate
	var outcome engine.Outcome
	refused := (*refusal)(nil)
	switch {
	case errors.As(err, &refused):
		outcome = g.engine.Refuse(ctx, refused.Reason, refused.Message)
	case t.Check != nil && len(t.Check.Spec.Inputs) > 0:
		batch := g.engine.NewBatch(engine.BatchOptions{Program: program, Now: g.now, MaxTime: rules.MaxBatchTime})
		batch.Add(ctx, engine.Items(t.Check.Spec.Inputs))
		outcome = batch.Outcome(ctx)
		in.LocateItem = func(index int32, pointer string) (string, int) { return locateItem(t, index, pointer) }
	default:
		outcome = g.engine.Evaluate(ctx, engine.Request{Input: input.text, Secret: input.secret, Program: program, Now: g.now})
	}
	in.Verdict, in.Reason = outcome.Verdict, outcome.Reason
	if len(in.Verdict.RulesApplied) > 0 {
		in.Rules = rulesOf(program)
	}
	return in
}

// rulesOf is what reports tell of a program's rules.
func rulesOf(program *engine.Program) []reporting.Rule {
	list := make([]reporting.Rule, 0, len(program.Rules()))
	for _, rule := range program.Rules() {
		list = append(list, reporting.Rule{ID: rule.ID, Kind: rule.Kind, Severity: rule.Severity, Message: rule.Message})
	}
	return list
}

// gather finds the rules and the input. Its error is a *refusal.
func (g *gatherer) gather(t *manifest.Target) (*engine.Program, payload, error) {
	if t.Check == nil {
		program, err := g.payloadProgram()
		if err != nil {
			return nil, payload{}, err
		}
		input, err := payloadOf(t)
		return program, input, err
	}
	check := t.Check
	if check.Spec.Suspend {
		return nil, payload{}, refuse(engine.Suspended())
	}
	if o := engine.AmbiguousInput(&check.Spec); o != nil {
		return nil, payload{}, refuse(o)
	}
	sets, err := g.setsOf(check)
	if err != nil {
		return nil, payload{}, err
	}
	program, err := g.program(check.Spec.FailOn, sets)
	if err != nil {
		return nil, payload{}, refuse(engine.NoProgram(err, check.Namespace))
	}
	input, err := g.inputOf(t)
	return program, input, err
}

// payloadProgram is what payloads that are no Checks are checked by. Its error is a *refusal.
func (g *gatherer) payloadProgram() (*engine.Program, error) {
	program, err := g.program(g.failOn, g.given())
	switch {
	case errors.Is(err, engine.ErrNoRules):
		return nil, refuse(&engine.Obstacle{Reason: v1alpha1.ReasonNoRules, Message: "no rules apply: name rule sets with -r"})
	case err != nil:
		return nil, refuse(engine.NoProgram(err, ""))
	}
	return program, nil
}

// program joins sets. Its errors are NewProgram's.
func (g *gatherer) program(failOn v1alpha1.Severity, sets []*rules.Set) (*engine.Program, error) {
	// Sets of two namespaces, or two plain lists, may have rules of the same ID.
	slices.SortFunc(sets, func(a, b *rules.Set) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Digest, b.Digest))
	})
	return g.library.Program(failOn, sets...)
}

func (g *gatherer) set(set *manifest.Set) *rules.Set { return g.library.Rules(set.Name, set.Rules) }

// given are the sets of -r.
func (g *gatherer) given() []*rules.Set {
	var sets []*rules.Set
	for _, set := range g.bundle.Sets {
		if set.Given {
			sets = append(sets, g.set(set))
		}
	}
	return sets
}

// setsOf are the sets that a Check names and its own rules, or else its namespace's defaults.
func (g *gatherer) setsOf(check *v1alpha1.Check) ([]*rules.Set, error) {
	var sets []*rules.Set
	if len(check.Spec.RuleSets) == 0 && len(check.Spec.Rules) == 0 {
		for _, set := range g.bundle.Sets {
			if set.Default && set.Namespace == check.Namespace {
				sets = append(sets, g.set(set))
			}
		}
		return sets, nil
	}
	for _, ref := range check.Spec.RuleSets {
		set := g.bundle.Set(cmp.Or(ref.Kind, v1alpha1.KindRuleSet), check.Namespace, ref.Name)
		if set == nil {
			return nil, refuse(engine.MissingRuleSet(check.Namespace, ref))
		}
		sets = append(sets, g.set(set))
	}
	if len(check.Spec.Rules) > 0 {
		sets = append(sets, g.library.Rules("", check.Spec.Rules))
	}
	return sets, nil
}
