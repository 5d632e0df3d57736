package check

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
)

// Service turns requests into Checks.
type Service struct{ o Options }

// New makes a Service.
func New(o Options) (*Service, error) { return &Service{o: o}, nil }

// Start follows the Checks and rule sets of the cache until the context ends. It returns as soon as it does.
func (s *Service) Start(ctx context.Context) error { return errors.ErrUnsupported }

// Submit stores a request as one Check, and waits at most so long for its verdict.
func (s *Service) Submit(ctx context.Context, owner string, r Request, idempotencyKey string, wait time.Duration) (*v1alpha1.Check, error) {
	return nil, errors.ErrUnsupported
}

// DryRun evaluates a request and records nothing.
func (s *Service) DryRun(ctx context.Context, r Request) (engine.Outcome, error) {
	return engine.Outcome{}, errors.ErrUnsupported
}

// Get gives a Check of the owner's.
func (s *Service) Get(ctx context.Context, owner, id string) (*v1alpha1.Check, error) {
	return nil, errors.ErrUnsupported
}

// List gives a page of an owner's Checks.
func (s *Service) List(ctx context.Context, owner string, q Query) (Page, error) {
	return Page{}, errors.ErrUnsupported
}

// Delete deletes a Check of the owner's.
func (s *Service) Delete(ctx context.Context, owner, id string) error { return errors.ErrUnsupported }

// DeleteAll deletes all of an owner's Checks.
func (s *Service) DeleteAll(ctx context.Context, owner string) error { return errors.ErrUnsupported }

// Watch gives the present state of a Check, then each change.
func (s *Service) Watch(ctx context.Context, owner, id string) iter.Seq2[*v1alpha1.Check, error] {
	return nil
}

// RuleSets lists the rule sets that requests can name.
func (s *Service) RuleSets(ctx context.Context) ([]RuleSet, error) { return nil, errors.ErrUnsupported }
