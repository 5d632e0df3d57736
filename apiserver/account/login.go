package account

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	passwords "github.com/checky-dev/checky/apiserver/password"
)

// loginReadsPerSecond bounds live reads by logins. Beyond it, a login takes what this replica knows.
const loginReadsPerSecond = 100

// LogIn makes a session for an address and its password.
//
// It reads the account live, so that a sign-up or a new password that another replica took a moment ago counts. An
// unknown address costs the same read and the same hash as a wrong password, and a failure is answered at a multiple of
// the quantum. Attempts at once are not told apart by the backoff until the first has failed; the hasher's slots and
// queue bound how many that are.
//
// Errors: *InvalidError, ErrCredentials, *BackoffError, password.ErrBusy, the API server's.
func (s *Service) LogIn(ctx context.Context, email, password string, address netip.Addr) (Issued, error) {
	email, err := canonical(email)
	if err != nil {
		return Issued{}, err
	}
	start := s.Clock.Now()
	issued, err := s.logIn(ctx, locator(email), password, address)
	s.metrics.logins.WithLabelValues(loginResult(err)).Inc()
	if err != nil {
		s.level(ctx, start)
	}
	return issued, err
}

func loginResult(err error) string {
	var backoff *BackoffError
	switch {
	case err == nil:
		return "success"
	case errors.Is(err, ErrCredentials):
		return "refused"
	case errors.As(err, &backoff):
		return "backoff"
	case errors.Is(err, passwords.ErrBusy):
		return "busy"
	}
	return "error"
}

func (s *Service) logIn(ctx context.Context, locator, password string, address netip.Addr) (Issued, error) {
	if err := s.wait(address, locator); err != nil {
		return Issued{}, err
	}
	name := accountPrefix + locator
	e := s.ledger.get(name)
	if s.loginReads.AllowN(s.Clock.Now(), 1) {
		var err error
		if e, err = s.read(ctx, name); err != nil {
			return Issued{}, err
		}
	}
	stale, err := s.verify(ctx, e, password)
	if errors.Is(err, ErrCredentials) {
		s.failed(address, locator)
	}
	if err != nil {
		return Issued{}, err
	}
	s.Backoff.Clear(accountKey(locator))
	if stale {
		s.rehash(ctx, e, password)
	}
	now := s.now()
	issued, err := s.newToken(ctx, e, tokenRecord{
		Session: true, Epoch: e.account.Epoch, CreatedAt: now, ExpiresAt: now.Add(s.SessionTTL),
	})
	if err != nil {
		return Issued{}, err
	}
	s.makeRoom(ctx, e.account)
	return issued, nil
}

// verify says whether a password is an account's, and whether its hash is stale: nil or ErrCredentials, password.ErrBusy,
// the context's. Where there is no account, it takes as long.
func (s *Service) verify(ctx context.Context, e *entry, password string) (stale bool, err error) {
	if e == nil || e.account == nil {
		if err := s.Hasher.Waste(ctx, password); err != nil {
			return false, err
		}
		return false, ErrCredentials
	}
	ok, stale, err := s.Hasher.Verify(ctx, password, e.account.PasswordHash)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, ErrCredentials
	}
	return stale, nil
}

// rehash stores a password under today's parameters. It is done again at the next login where it does not work now.
func (s *Service) rehash(ctx context.Context, e *entry, password string) {
	phc, err := s.Hasher.Hash(ctx, password)
	if err == nil {
		_, err = s.editAccount(ctx, e.secret.Name, func(r *accountRecord) error {
			if r.PasswordHash != e.account.PasswordHash {
				return errUnchanged
			}
			r.PasswordHash = phc
			return nil
		})
	}
	if err != nil && !errors.Is(err, errUnchanged) {
		s.Log.Error(err, "A password hash was not renewed", "account", e.account.ID)
	}
}

// makeRoom ends an account's oldest sessions where there are more than MaxSessions.
func (s *Service) makeRoom(ctx context.Context, account *accountRecord) {
	sessions := slices.DeleteFunc(s.ledger.tokensOf(account.ID), func(e *entry) bool { return !e.token.Session })
	if len(sessions) <= MaxSessions {
		return
	}
	slices.SortFunc(sessions, oldestFirst)
	for _, e := range sessions[:len(sessions)-MaxSessions] {
		if err := s.erase(ctx, e.secret, metav1.Preconditions{UID: &e.secret.UID}); err != nil {
			s.Log.Error(err, "A session was not ended to make room", "account", account.ID)
			return
		}
	}
}

func oldestFirst(a, b *entry) int {
	return cmp.Or(a.token.CreatedAt.Compare(b.token.CreatedAt), cmp.Compare(a.token.ID, b.token.ID))
}
