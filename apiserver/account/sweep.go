package account

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// sweepInterval is between two sweeps, give or take up to sweepJitter, so that replicas do not sweep at once.
	sweepInterval = 5 * time.Minute
	sweepJitter   = time.Minute
	// maxSwept bounds the writes of one sweep. The next goes on.
	maxSwept = 500
	// orphanAge is how old a token without an account has to be, so that a fresh account is not missed.
	orphanAge = 10 * time.Minute
)

// every does something in an interval, give or take a jitter, until the context ends.
func (s *Service) every(ctx context.Context, interval, jitter time.Duration, do func(context.Context)) error {
	for {
		next := interval
		if jitter > 0 {
			next += rand.N(2*jitter) - jitter //nolint:gosec // no secret
		}
		timer := s.Clock.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C():
			do(ctx)
		}
	}
}

// sweep deletes what is of no use any more: expired tokens, tokens of ended epochs and of deleted accounts, and expired
// resets. Several replicas may do so at once.
func (s *Service) sweep(ctx context.Context) {
	now := s.Clock.Now()
	left := maxSwept
	for _, e := range s.swept(now) {
		if left--; left < 0 || ctx.Err() != nil {
			return
		}
		if err := s.sweepOne(ctx, e, now); err != nil {
			s.Log.Error(err, "What has expired is not deleted; the next sweep tries again", "secret", e.secret.Name)
			return
		}
	}
}

// swept are the entries that a sweep is for.
func (s *Service) swept(now time.Time) []*entry {
	var all []*entry
	s.ledger.each(func(e *entry) {
		switch {
		case e.token != nil:
			account := s.ledger.entries[s.ledger.names[e.token.Account]]
			if !now.Before(e.token.ExpiresAt) || account != nil && account.account.standing(e.token) < 0 ||
				account == nil && now.Sub(e.token.CreatedAt) > orphanAge {
				all = append(all, e)
			}
		case e.account != nil && e.account.Reset != nil && !now.Before(e.account.Reset.ExpiresAt):
			all = append(all, e)
		}
	})
	return all
}

func (s *Service) sweepOne(ctx context.Context, e *entry, now time.Time) error {
	if e.account != nil {
		_, err := s.editAccount(ctx, e.secret.Name, func(r *accountRecord) error {
			if r.Reset == nil || now.Before(r.Reset.ExpiresAt) {
				return errUnchanged
			}
			r.Reset = nil
			return nil
		})
		if errors.Is(err, errUnchanged) || errors.Is(err, ErrNotFound) {
			return nil
		}
		return err
	}
	if now.Before(e.token.ExpiresAt) {
		// A live look at the account: this replica may be behind.
		account, err := s.read(ctx, accountPrefix+e.token.Locator)
		if err != nil {
			return err
		}
		if account != nil && account.account != nil && account.account.ID == e.token.Account &&
			account.account.standing(e.token) >= 0 {
			return nil
		}
	}
	// Only this version: what has changed is looked at again by the next sweep.
	err := s.erase(ctx, e.secret, metav1.Preconditions{UID: &e.secret.UID, ResourceVersion: &e.secret.ResourceVersion})
	if apierrors.IsConflict(err) {
		return nil
	}
	return err
}
