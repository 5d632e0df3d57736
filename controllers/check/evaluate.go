package check

import (
	"context"

	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// maxAttempts is how often a Check is evaluated in a row where a rule ran out of time: on a busy node that can befall any rule.
// What exceeds a limit of its own does so each time, and is not tried again.
const maxAttempts = 3

// evaluate gets the verdict from the engine.
func (r *Reconciler) evaluate(ctx context.Context, s *scope) error {
	if stripped(s.check) {
		if err := r.loadWhole(ctx, s); err != nil {
			return err
		}
		if s.refused == nil {
			s.refused = engine.AmbiguousInput(&s.check.Spec)
		}
		if s.check.Spec.InputFrom == nil {
			s.input.text = s.check.Spec.InputText()
		}
	}
	if s.waiting != nil {
		return nil
	}
	if s.refused != nil {
		s.outcome = new(r.Engine.Refuse(ctx, s.refused.Reason, s.refused.Message))
		return nil
	}
	if len(s.check.Spec.Inputs) > 0 {
		r.evaluateBatch(ctx, s)
		return nil
	}
	request := engine.Request{Input: s.input.text, Secret: s.input.secret, Program: s.program, Now: s.began}
	for range maxAttempts {
		started := r.Clock.Now()
		s.outcome = new(r.Engine.Evaluate(ctx, request))
		r.Metrics.Evaluated(s.outcome, r.Clock.Since(started))
		if !s.outcome.TimedOut {
			break
		}
	}
	return nil
}

// evaluateBatch gets the verdict on several payloads. The engine itself tries those again of which a rule ran out of time.
func (r *Reconciler) evaluateBatch(ctx context.Context, s *scope) {
	started := r.Clock.Now()
	batch := r.Engine.NewBatch(engine.BatchOptions{Program: s.program, Now: s.began, MaxTime: rules.MaxBatchTime})
	batch.Add(ctx, engine.Items(s.check.Spec.Inputs))
	s.outcome = new(batch.Outcome(ctx))
	r.Metrics.Evaluated(s.outcome, r.Clock.Since(started))
}
