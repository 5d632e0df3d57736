package check

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// How hard a write is tried whose outcome is unclear.
const (
	// maxAttempts is how often it is tried.
	maxAttempts = 3
	// maxAttemptTime is how long one try may take. A busy API server takes tens of milliseconds.
	maxAttemptTime = 2 * time.Second
	// maxWriteTime is how long all tries may take together, with the pauses between them.
	maxWriteTime = 5 * time.Second
	// firstPause is the pause before the second try; each further one is twice as long.
	firstPause = 100 * time.Millisecond
)

// unclearError is an answer, or the lack of one, that leaves open what has become of a call.
type unclearError struct{ cause error }

func (e *unclearError) Error() string { return "unclear: " + e.cause.Error() }
func (e *unclearError) Unwrap() error { return e.cause }

// attempt makes one call to the API server. Its error is an *unclearError where it could not be reached, timed out or is
// overloaded.
func (s *Service) attempt(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, maxAttemptTime)
	defer cancel()
	err := call(ctx)
	if err != nil && (ctx.Err() != nil || s.o.Unreachable(err)) && !isTooLarge(err) {
		return &unclearError{err}
	}
	return err
}

// untilClear repeats a call until its outcome is clear. One that stays unclear is ErrUnavailable.
func (s *Service) untilClear(ctx context.Context, call func(context.Context) error) error {
	if err := s.reachable(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, maxWriteTime)
	defer cancel()
	for n := 1; ; n++ {
		err := s.attempt(ctx, call)
		unclear := (*unclearError)(nil)
		if !errors.As(err, &unclear) {
			return err
		}
		if n == maxAttempts || !s.pause(ctx, firstPause<<(n-1)) {
			return unavailable(errors.Join(unclear.cause, ctx.Err()))
		}
	}
}

// pause waits, and says whether the context has not ended meanwhile.
func (s *Service) pause(ctx context.Context, d time.Duration) bool {
	timer := s.o.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C():
		return true
	}
}

// store creates a Check, or finds the one that is there of the same request. It gives what is stored.
func (s *Service) store(ctx context.Context, check *v1alpha1.Check) (*v1alpha1.Check, error) {
	if there := s.checks.get(check.Name); there != nil {
		return there, sameRequest(there, check)
	}
	defer s.creating.Add(-1)
	if s.creating.Add(1)+s.checks.unfinished.Load() > int64(s.o.MaxPending) {
		return nil, ErrTooManyPending
	}
	if s.checks.waitingOf(ownerOf(check)) >= s.o.MaxPendingPerOwner {
		return nil, ErrTooManyOfOwner
	}
	if err := s.room(check); err != nil {
		return nil, err
	}
	stored := (*v1alpha1.Check)(nil)
	err := s.untilClear(ctx, func(ctx context.Context) (err error) {
		stored, err = s.create(ctx, check)
		return err
	})
	if err != nil {
		return nil, refusal(err)
	}
	return stored, nil
}

// create tries once. That the name is taken means that a try before it succeeded without saying so, or that the owner
// used the key before.
func (s *Service) create(ctx context.Context, check *v1alpha1.Check) (*v1alpha1.Check, error) {
	stored := check.DeepCopy() // the client fills in what it is told
	err := s.o.Cluster.Client().Create(ctx, stored)
	if !apierrors.IsAlreadyExists(err) {
		return stored, err
	}
	there := &v1alpha1.Check{}
	err = s.o.Cluster.Client().Get(ctx, client.ObjectKeyFromObject(check), there)
	if apierrors.IsNotFound(err) { // deleted in between: the next try creates it
		return nil, &unclearError{err}
	}
	if err != nil {
		return nil, err
	}
	s.checks.learn(there)
	return there, sameRequest(there, check)
}

// sameRequest is ErrKeyReused unless two Checks come from the same request of the same owner.
func sameRequest(there, check *v1alpha1.Check) error {
	if ownerOf(there) != ownerOf(check) || there.Annotations[RequestDigestAnnotation] != check.Annotations[RequestDigestAnnotation] {
		return ErrKeyReused
	}
	return nil
}
