package check

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// errNoOwner is a mistake of the caller's.
var errNoOwner = errors.New("check: the owner is empty")

// Patience is how Submit waits for the verdict, once the Check is stored. The zero value does not wait.
type Patience struct {
	// For is how long to wait at most.
	For time.Duration
	// Enough ends the wait when it is closed. Nil: nothing does before its time.
	Enough <-chan struct{}
	// Begin is called before the wait; false: there is none. Nil: it may be waited.
	Begin func() bool
}

// Submit stores a request as one Check, and waits for its verdict as patience allows. It gives the Check as it is
// then, finished or not: once it is stored there is no error any more but ErrDeleted, even if the context ends. Nobody may change
// what it gives.
//
// With an idempotency key (it may be empty) the owner's Check of that key is found again, for as long as it is there; a request
// that differs from the one it was made of is ErrKeyReused. The other errors are *InvalidError, ErrTooManyPending, ErrTooManyOfOwner,
// ErrBytes, ErrOwnerBytes, ErrQuota, ErrRefused, ErrNotSetUp, ErrUnavailable, and throttle.ErrOverloaded where too many wait for their
// rules to be compiled.
func (s *Service) Submit(ctx context.Context, owner string, r Request, idempotencyKey string, patience Patience) (*v1alpha1.Check, error) {
	check, err := s.submit(ctx, owner, &r, idempotencyKey, patience)
	s.metrics.submitted(&r, check, err)
	return check, err
}

func (s *Service) submit(ctx context.Context, owner string, r *Request, key string, patience Patience) (*v1alpha1.Check, error) {
	name, err := s.nameFor(owner, key)
	if err != nil {
		return nil, err
	}
	check, err := s.checkOf(ctx, owner, name, r)
	if err != nil {
		return nil, err
	}
	// Whoever follows first cannot miss what comes after.
	f := s.checks.follow(name)
	defer s.checks.unfollow(name, f)
	if check, err = s.store(ctx, check); err != nil {
		return nil, err
	}
	return s.await(ctx, f, check, patience)
}

// checkOf makes a Check of a valid request.
func (s *Service) checkOf(ctx context.Context, owner, name string, r *Request) (*v1alpha1.Check, error) {
	if owner == "" {
		return nil, errNoOwner
	}
	own, err := s.validate(ctx, r)
	if err != nil {
		return nil, err
	}
	input, err := digestInput(r)
	if err != nil {
		return nil, err
	}
	annotations := map[string]string{RequestDigestAnnotation: digestOf(r, input, own)}
	if r.TraceParent != "" && len(r.TraceParent) <= maxTraceParent {
		annotations[TraceParentAnnotation] = r.TraceParent
	}
	check := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.o.Namespace, Name: name,
			Labels:      map[string]string{v1alpha1.OwnerLabel: owner},
			Annotations: annotations,
		},
		Spec: v1alpha1.CheckSpec{RuleSets: r.RuleSets, Rules: r.Rules, FailOn: r.FailOn, TTLSecondsAfterFinished: r.TTLSeconds},
	}
	if r.Inputs != nil {
		check.Spec.Inputs = storedInputs(r.Inputs)
	} else {
		check.Spec.InputJSON = string(r.Input)
	}
	return check, nil
}

// await waits until a stored Check has its verdict, or patience or the context ends, and gives its last state. The error is ErrDeleted.
func (s *Service) await(ctx context.Context, f *follower, check *v1alpha1.Check, patience Patience) (*v1alpha1.Check, error) {
	if Finished(check) || patience.For <= 0 || patience.Begin != nil && !patience.Begin() {
		return check, nil
	}
	began := s.o.Clock.Now()
	defer func() { s.metrics.waited(s.o.Clock.Since(began)) }()
	timer := s.o.Clock.NewTimer(patience.For)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return check, nil
		case <-patience.Enough:
			return check, nil
		case <-timer.C():
			return check, nil
		case <-f.wake:
		}
		latest, gone := s.checks.latest(f)
		if latest.UID != check.UID || !gone && !isNewer(latest, check) {
			continue // of the same name, before this one or after; or this one, before it was read
		}
		switch check = latest; {
		case Finished(check): // deleted by now or not
			return check, nil
		case gone:
			return nil, ErrDeleted
		}
	}
}
