package check

import (
	"context"
	"iter"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Watch gives the present state of a Check of the owner's, then its newest state each time it has changed since; states that
// come faster than they are taken are left out. It ends after a state with a verdict, and when the context ends. Its errors, the last that
// it gives, are those of Get, ErrNotFound too when the Check is deleted before it has a verdict, and ErrTooManyWatchers. Nobody may change
// what it gives.
func (s *Service) Watch(ctx context.Context, owner, id string) iter.Seq2[*v1alpha1.Check, error] {
	return func(yield func(*v1alpha1.Check, error) bool) {
		defer s.watching.Add(-1)
		if s.watching.Add(1) > int64(s.o.MaxWatchers) {
			yield(nil, ErrTooManyWatchers)
			return
		}
		if !validID(id) {
			yield(nil, ErrNotFound)
			return
		}
		f := s.checks.follow(id)
		defer s.checks.unfollow(id, f)
		check, err := s.Get(ctx, owner, id)
		for err == nil {
			if !yield(check, nil) || Finished(check) {
				return
			}
			if check, err = s.next(ctx, f, check); check == nil && err == nil {
				return
			}
		}
		yield(nil, err)
	}
}

// next waits for another state of a Check: nil if the context ends before it comes.
func (s *Service) next(ctx context.Context, f *follower, check *v1alpha1.Check) (*v1alpha1.Check, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, nil
		case <-f.wake:
		}
		latest, gone := s.checks.latest(f)
		newer := isNewer(latest, check)
		switch {
		case latest.UID != check.UID || ownerOf(latest) != ownerOf(check):
			if newer {
				return nil, ErrNotFound // another has its name by now
			}
		case gone && !Finished(latest):
			return nil, ErrNotFound
		case gone || newer:
			return latest, nil
		}
	}
}

// isNewer says whether the first of two states was written after the second. The cache may still have to see what was read
// from the API server.
func isNewer(a, b *v1alpha1.Check) bool { return later(a.ResourceVersion, b.ResourceVersion) }
