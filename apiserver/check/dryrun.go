package check

import (
	"context"
	"strconv"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// maxEvaluations is how often a dry run is evaluated where a rule ran out of time: as often as the controller evaluates a Check.
const maxEvaluations = 3

// DryRun evaluates a request with the rule sets of the cache, and records nothing: the verdict is that which a Check of the same
// request would get. A batch takes rules.MaxBatchTime at most. A rule set that is not there is an *InvalidError, since there is nothing to
// wait in. Its other errors are *InvalidError and throttle.ErrOverloaded as in Submit, ErrUnavailable before the cache is complete, and the
// context's.
func (s *Service) DryRun(ctx context.Context, r Request) (engine.Outcome, error) {
	outcome, err := s.dryRun(ctx, &r)
	s.metrics.dryRun(&r, err)
	return outcome, err
}

func (s *Service) dryRun(ctx context.Context, r *Request) (engine.Outcome, error) {
	own, err := s.validate(ctx, r)
	if err != nil {
		return engine.Outcome{}, err
	}
	program, obstacle, err := s.program(r, own)
	if err != nil {
		return engine.Outcome{}, err
	}
	if obstacle != nil {
		if _, err := digestInput(r); err != nil {
			return engine.Outcome{}, err
		}
		return s.o.Engine.Refuse(ctx, obstacle.Reason, obstacle.Message), nil
	}
	if r.Inputs != nil {
		return s.evaluateBatch(ctx, r.Inputs, program)
	}
	return s.evaluate(ctx, r, program)
}

func (s *Service) evaluate(ctx context.Context, r *Request, program *engine.Program) (engine.Outcome, error) {
	request := engine.Request{Input: r.Input, Program: program, Now: s.o.Clock.Now()}
	var outcome engine.Outcome
	for range maxEvaluations {
		outcome = s.o.Engine.Evaluate(ctx, request)
		if err := ctx.Err(); err != nil {
			return engine.Outcome{}, err
		}
		if !outcome.TimedOut {
			break
		}
	}
	if outcome.Reason == v1alpha1.ReasonInvalidInput {
		if _, err := digestInput(r); err != nil { // only now, so that a good input is decoded once
			return engine.Outcome{}, err
		}
	}
	return outcome, nil
}

// program gathers the rules as the controller does, or finds the obstacle that it would write.
func (s *Service) program(r *Request, own *rules.Set) (*engine.Program, *engine.Obstacle, error) {
	if err := s.listed(); err != nil {
		return nil, nil, err
	}
	var room [8]*rules.Set
	sets := room[:0]
	if len(r.RuleSets) == 0 && own == nil {
		for _, e := range s.sets.byDefault() {
			sets = append(sets, e.compile(s.o.Library))
		}
	}
	for i, ref := range r.RuleSets {
		e := s.sets.get(ref)
		if e == nil {
			return nil, nil, invalid("body.rule_sets["+strconv.Itoa(i)+"].name", "there is no such rule set; GET /v1/rule-sets lists those there are")
		}
		sets = append(sets, e.compile(s.o.Library))
	}
	if own != nil {
		sets = append(sets, own)
	}
	program, err := s.o.Library.Program(r.FailOn, sets...)
	if err != nil {
		return nil, engine.NoProgram(err, s.o.Namespace), nil
	}
	return program, nil, nil
}
