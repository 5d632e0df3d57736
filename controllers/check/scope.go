package check

import (
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// scope is what the phases of one reconciliation hand on. Each field says who sets it.
type scope struct {
	// check is the object as it was read; nobody changes it. Set by load.
	check *v1alpha1.Check
	// began is when the reconciliation began. Set by load.
	began time.Time
	// program holds the rules that apply. Set by gather, unless waiting or refused is.
	program *engine.Program
	// input is the payload. Set by gather, unless waiting or refused is.
	input input
	// waiting says what is missing. Set by gather.
	waiting *waiting
	// refused says why the Check ends in Error without any rule having run. Set by gather.
	refused *engine.Obstacle
	// outcome is the verdict. Set by evaluate.
	outcome *engine.Outcome
}

// input is a payload's text and what may be done with it.
type input struct {
	text   []byte
	secret bool
}

// waiting is a state that ends when something appears. A watch tells, except where retryAfter is set: there the
// thing is one that cannot be watched.
type waiting struct {
	engine.Obstacle
	stalled    bool
	retryAfter time.Duration
}

// stalledBy waits for what only a person can mend.
func stalledBy(o *engine.Obstacle) *waiting { return &waiting{Obstacle: *o, stalled: true} }

// decided says whether gather came to an end that needs no evaluation.
func (s *scope) decided() bool { return s.waiting != nil || s.refused != nil }

// finished says whether the status holds a verdict on the present spec.
func (s *scope) finished() bool {
	return s.check.Status.Phase.Finished() && s.check.Status.ObservedGeneration == s.check.Generation
}

// verdictStands says whether the status holds a verdict on the present spec, rules and input. A payload of the Check's
// own is vouched for by the generation. A rule set or input that was deleted after the verdict leaves it
// standing: there is nothing to decide anew.
func (s *scope) verdictStands() bool {
	status := &s.check.Status
	if !s.finished() || s.refused != nil {
		return false
	}
	if s.waiting != nil {
		return true
	}
	if status.RulesDigest != s.program.Digest() {
		return false
	}
	if s.check.Spec.InputFrom == nil {
		return true
	}
	if s.input.secret {
		return false // there is no digest to compare: it is evaluated again, and written if the verdict differs
	}
	payload, err := rules.Decode(s.input.text)
	return err == nil && payload.Digest() == status.InputDigest
}
