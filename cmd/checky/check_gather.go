package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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

// refusal is why a target cannot be evaluated at all. The reasons and messages are the controller's; what the
// controller waits for, nothing here will bring.
type refusal struct {
	reason, message string
}

func (r *refusal) Error() string { return r.message }

func refuse(reason, format string, args ...any) error {
	return &refusal{reason, fmt.Sprintf(format, args...)}
}

// maxAttempts is how often a target is evaluated where a rule ran out of time, as in the controller.
const maxAttempts = 3

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
	if refused := (*refusal)(nil); errors.As(err, &refused) {
		outcome = g.engine.Refuse(ctx, refused.reason, refused.message)
	} else {
		request := engine.Request{Input: input.text, Secret: input.secret, Program: program, Now: g.now}
		for range maxAttempts {
			if outcome = g.engine.Evaluate(ctx, request); !outcome.TimedOut {
				break
			}
		}
	}
	in.Verdict, in.Reason = outcome.Verdict, outcome.Reason
	if len(in.Verdict.RulesApplied) > 0 {
		for _, rule := range program.Rules() {
			in.Rules = append(in.Rules, reporting.Rule{ID: rule.ID, Kind: rule.Kind, Severity: rule.Severity, Message: rule.Message})
		}
	}
	return in
}

// gather finds the rules and the input. Its error is a *refusal.
func (g *gatherer) gather(t *manifest.Target) (*engine.Program, payload, error) {
	if t.Check == nil {
		program, err := g.program(g.failOn, "no rules apply: name rule sets with -r", g.given())
		if err != nil {
			return nil, payload{}, err
		}
		input, err := payloadOf(t)
		return program, input, err
	}
	check := t.Check
	if check.Spec.Suspend {
		return nil, payload{}, refuse(v1alpha1.ReasonSuspended, "spec.suspend is true; set it to false to have the check evaluated")
	}
	sets, err := g.setsOf(check)
	if err != nil {
		return nil, payload{}, err
	}
	program, err := g.program(check.Spec.FailOn, fmt.Sprintf(
		"no rules apply: the check names neither ruleSets nor rules, and no RuleSet in namespace %s is annotated %s: \"true\"",
		check.Namespace, v1alpha1.DefaultRuleSetAnnotation), sets)
	if err != nil {
		return nil, payload{}, err
	}
	input, err := g.inputOf(t)
	return program, input, err
}

func (g *gatherer) program(failOn v1alpha1.Severity, noRules string, sets []*rules.Set) (*engine.Program, error) {
	// Sets of two namespaces, or two plain lists, may have rules of the same ID.
	slices.SortFunc(sets, func(a, b *rules.Set) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Digest, b.Digest))
	})
	program, err := g.library.Program(failOn, sets...)
	switch {
	case errors.Is(err, engine.ErrNoRules):
		return nil, refuse(v1alpha1.ReasonNoRules, "%s", noRules)
	case errors.Is(err, engine.ErrTooManyRules):
		return nil, refuse(v1alpha1.ReasonTooManyRules, "%s", err)
	case err != nil:
		return nil, refuse(v1alpha1.ReasonInvalidSpec, "%s", err)
	}
	return program, nil
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
		kind := cmp.Or(ref.Kind, v1alpha1.KindRuleSet)
		set := g.bundle.Set(kind, check.Namespace, ref.Name)
		switch {
		case set == nil && kind == v1alpha1.KindClusterRuleSet:
			return nil, refuse(v1alpha1.ReasonRuleSetNotFound,
				"waiting for ClusterRuleSet %s, which does not exist; create it, or correct spec.ruleSets", ref.Name)
		case set == nil:
			return nil, refuse(v1alpha1.ReasonRuleSetNotFound,
				"waiting for RuleSet %s, which does not exist in namespace %s; create it, or correct spec.ruleSets", ref.Name, check.Namespace)
		}
		sets = append(sets, g.set(set))
	}
	if len(check.Spec.Rules) > 0 {
		sets = append(sets, g.library.Rules("", check.Spec.Rules))
	}
	return sets, nil
}
