package account

import (
	"context"
	"net/netip"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/checky-dev/checky/apiserver/mail"
	passwords "github.com/checky-dev/checky/apiserver/password"
)

// signUpMailInterval is the least between two mails that tell a user of attempts to sign up with the address.
const signUpMailInterval = 24 * time.Hour

// SignUp makes an account, with which its user can log in at once. nil also where the address has one: whether it has
// cannot be told. Either way one password is hashed, one Secret is written, and the answer comes at a multiple of the
// quantum.
//
//	free   hash -> create the account        -> nil
//	taken  hash -> note the attempt in it    -> nil, and at most once a day a mail to the address
//
// Errors: *InvalidError, *password.RuleError, ErrSignUpClosed, *TooManyError, *BackoffError of a client that fails too
// often, password.ErrBusy, ErrNotReady, the API server's. None depends on whether the address is taken.
func (s *Service) SignUp(ctx context.Context, email, password string, address netip.Addr) error {
	email, err := canonical(email)
	if err != nil {
		return err
	}
	if err := passwords.Acceptable(password, email, s.ServiceName); err != nil {
		return err
	}
	if s.SignUpClosed {
		return ErrSignUpClosed
	}
	if !s.Synced() {
		return ErrNotReady
	}
	defer s.level(ctx, s.Clock.Now())
	s.metrics.signUps.Inc()
	if err := s.wait(address, ""); err != nil {
		return err
	}
	if accounts, _, _ := s.ledger.counts(); accounts >= s.MaxAccounts {
		return &TooManyError{What: WhatAccounts, Limit: s.MaxAccounts}
	}
	phc, err := s.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	if present := s.ledger.get(accountPrefix + locator(email)); present != nil && present.account != nil {
		if err := s.attempted(ctx, present); !apierrors.IsNotFound(err) {
			return err
		}
		// Another replica deleted it a moment ago: the address is free.
		s.ledger.remove(present.secret.Name, present.secret.UID)
	}
	record := &accountRecord{ID: strings.ToLower(ulid.Make().String()), Email: email, PasswordHash: phc, CreatedAt: s.now()}
	_, err = s.create(ctx, record.secretOf(s.Namespace))
	if apierrors.IsAlreadyExists(err) {
		return nil // Somebody was faster. This was the one write.
	}
	return err
}

// attempted notes in an account that somebody tried to sign up with its address. It is NotFound where the account was
// deleted.
func (s *Service) attempted(ctx context.Context, e *entry) error {
	now := s.now()
	record := *e.account
	record.LastSignUpAttemptAt = now
	tell := s.Mailer != nil && now.Sub(record.LastSignUpMailAt) >= signUpMailInterval
	if tell {
		record.LastSignUpMailAt = now
	}
	_, err := s.replace(ctx, e, accountData, &record)
	if apierrors.IsConflict(err) {
		return nil // The note is not worth a second write, which would take time.
	}
	if err == nil && tell {
		subject, text := mail.SignUpAttempt(strings.TrimSuffix(s.ExternalURL.String(), "/"))
		s.send(record.Email, subject, text)
	}
	return err
}

// send puts a mail into the queue.
func (s *Service) send(to, subject, text string) bool {
	if err := s.Mailer(to, subject, text); err != nil {
		s.Log.Error(err, "A mail was not sent", "subject", subject)
		return false
	}
	return true
}
