package account

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/netip"
	"time"

	"github.com/checky-dev/checky/apiserver/mail"
	passwords "github.com/checky-dev/checky/apiserver/password"
)

const (
	// maxResets is how many requests for a reset may wait. What comes then is dropped, and counted.
	maxResets = 256
	// resetMailInterval is the least between two reset mails to one address. It doubles with each mail that goes unused, up to
	// maxResetMailInterval, and is what it was after resetMailsForgotten without a mail: anybody can ask for them, and an address that
	// somebody signed up with need not be theirs. From 16 minutes on no mail's link ends by the next.
	resetMailInterval    = time.Minute
	maxResetMailInterval = time.Hour
	resetMailsForgotten  = 24 * time.Hour
	// resetTimeout bounds the work on one request.
	resetTimeout = 10 * time.Second
)

// RequestReset has a link mailed that sets a new password: nil for every address that is one, with an account or without.
// All that depends on the account happens later, in the background. Errors: *InvalidError, *BackoffError of a client
// that fails too often.
func (s *Service) RequestReset(ctx context.Context, email string, address netip.Addr) error {
	email, err := canonical(email)
	if err != nil {
		return err
	}
	defer s.level(ctx, s.Clock.Now())
	if err := s.wait(address, ""); err != nil {
		return err
	}
	select {
	case s.resets <- email:
		s.metrics.resets.WithLabelValues("requested").Inc()
	default:
		s.metrics.resets.WithLabelValues("dropped").Inc()
		s.Log.Info("A password reset was dropped: too many wait")
	}
	return nil
}

// workOnResets does what RequestReset left to do, one after the other.
func (s *Service) workOnResets(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case email := <-s.resets:
			result := s.mailReset(ctx, email)
			s.metrics.resets.WithLabelValues(result).Inc()
		}
	}
}

// mailReset stores a new reset and mails its link. What was mailed before is then no longer good.
func (s *Service) mailReset(ctx context.Context, email string) (result string) {
	ctx, cancel := context.WithTimeout(ctx, resetTimeout)
	defer cancel()
	name := accountPrefix + locator(email)
	e, err := s.read(ctx, name)
	switch {
	case err != nil:
		s.Log.Error(err, "A password reset was not sent: its account could not be read")
		return "error"
	case e == nil || e.account == nil:
		return "unknown"
	case s.Mailer == nil:
		s.Log.Info("A password reset was not sent: no SMTP server is configured", "account", e.account.ID)
		return "not_sent"
	}
	text, sum := resetText.issue(locator(email))
	_, err = s.editAccount(ctx, name, func(r *accountRecord) error {
		now := s.now()
		since := now.Sub(r.LastResetMailAt)
		if since >= resetMailsForgotten {
			r.ResetMails = 0
		}
		if since < r.untilResetMail() {
			return errUnchanged
		}
		r.LastResetMailAt = now
		r.ResetMails++
		r.Reset = &resetRecord{SHA256: sum, ExpiresAt: now.Add(ResetTTL)}
		return nil
	})
	switch {
	case errors.Is(err, errUnchanged):
		return "too_soon"
	case err != nil:
		s.Log.Error(err, "A password reset was not sent: it could not be stored", "account", e.account.ID)
		return "error"
	}
	subject, words := mail.Reset(s.resetLink(text), ResetTTL)
	if !s.send(email, subject, words) {
		return "not_sent"
	}
	return "mailed"
}

// untilResetMail is how long after the last reset mail the next may go out.
func (r *accountRecord) untilResetMail() time.Duration {
	interval := resetMailInterval
	for range r.ResetMails - 1 {
		if interval *= 2; interval >= maxResetMailInterval {
			return maxResetMailInterval
		}
	}
	return interval
}

// resetLink leads to the form. The token is in its fragment, which browsers keep to themselves: no server and no proxy logs it.
func (s *Service) resetLink(token string) string {
	link := s.ExternalURL.JoinPath("password-reset")
	link.RawQuery, link.Fragment = "", "token="+token
	return link.String()
}

// ConfirmReset sets a new password by the token of a mail, which is then used up. All sessions end.
//
// The first time an address proves itself in this way, the API tokens made before end too: whoever signed up with the
// address needed no access to its mail, and may not have been the one who has it.
//
// Errors: ErrResetToken for whatever is wrong with the token, *password.RuleError (the token stays good),
// password.ErrBusy, the API server's. They come at a multiple of the quantum: anybody can make a token that names an address, and one
// of an address without an account is refused sooner.
func (s *Service) ConfirmReset(ctx context.Context, token, password string) error {
	start := s.Clock.Now()
	err := s.confirmReset(ctx, token, password)
	if err != nil {
		s.level(ctx, start)
		s.metrics.resets.WithLabelValues("refused").Inc()
		return err
	}
	s.metrics.resets.WithLabelValues("confirmed").Inc()
	return nil
}

func (s *Service) confirmReset(ctx context.Context, token, password string) error {
	id, sum, ok := resetText.parse(token)
	if !ok {
		return ErrResetToken
	}
	name := accountPrefix + id
	e, err := s.read(ctx, name)
	if err != nil {
		return err
	}
	if e == nil || e.account == nil || !s.resettable(e.account, &sum) {
		return ErrResetToken
	}
	if err := passwords.Acceptable(password, e.account.Email, s.ServiceName); err != nil {
		return err
	}
	phc, err := s.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	_, err = s.editAccount(ctx, name, func(r *accountRecord) error {
		if !s.resettable(r, &sum) {
			return ErrResetToken
		}
		r.PasswordHash, r.Reset, r.KeptSession, r.ResetMails = phc, nil, "", 0
		r.Epoch++
		if !r.Verified {
			r.Verified = true
			r.TokenEpoch++
		}
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return ErrResetToken
	}
	if err != nil {
		return err
	}
	s.Backoff.Clear(accountKey(id))
	return nil
}

// resettable says whether a reset token is the account's present one.
func (s *Service) resettable(account *accountRecord, sum *digest) bool {
	return account.Reset != nil && s.Clock.Now().Before(account.Reset.ExpiresAt) &&
		subtle.ConstantTimeCompare(account.Reset.SHA256[:], sum[:]) == 1
}
