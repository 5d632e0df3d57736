package account

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Tokens are an account's sessions and API tokens that are good, the newest first, as this replica knows them.
// Errors: ErrUnauthenticated where there is no such account.
func (s *Service) Tokens(_ context.Context, account string) ([]Token, error) {
	owner := s.ledger.account(account)
	if owner == nil {
		return nil, ErrUnauthenticated
	}
	entries := s.good(owner.account)
	slices.SortFunc(entries, func(a, b *entry) int { return oldestFirst(b, a) })
	tokens := make([]Token, len(entries))
	for i, e := range entries {
		tokens[i] = e.show()
	}
	return tokens, nil
}

// good are an account's tokens that neither expired nor ended with an epoch.
func (s *Service) good(account *accountRecord) []*entry {
	now := s.Clock.Now()
	return slices.DeleteFunc(s.ledger.tokensOf(account.ID), func(e *entry) bool {
		return !now.Before(e.token.ExpiresAt) || account.standing(e.token) < 0
	})
}

// CreateToken makes an API token. The zero time is DefaultTokenTTL from now. Errors: *InvalidError, *TooManyError,
// ErrUnauthenticated where there is no such account, the API server's.
func (s *Service) CreateToken(ctx context.Context, account, name string, expires time.Time) (Issued, error) {
	if !tokenName(name) {
		return Issued{}, &InvalidError{Field: "body.name", Message: "expected 1 to 64 printable characters"}
	}
	now := s.now()
	if expires.IsZero() {
		expires = now.Add(DefaultTokenTTL)
	}
	if !expires.After(now) || expires.After(now.Add(MaxTokenTTL)) {
		return Issued{}, &InvalidError{Field: "body.expires_at", Message: "expected a time in the future, at most 366 days from now"}
	}
	owner, err := s.owner(ctx, account)
	if err != nil {
		return Issued{}, err
	}
	present := slices.DeleteFunc(s.good(owner.account), func(e *entry) bool { return e.token.Session })
	if len(present) >= MaxTokens {
		return Issued{}, &TooManyError{What: WhatTokens, Limit: MaxTokens}
	}
	return s.newToken(ctx, owner, tokenRecord{
		Name: name, Epoch: owner.account.TokenEpoch, CreatedAt: now, ExpiresAt: expires.UTC().Truncate(time.Millisecond),
	})
}

// tokenName says whether a name is one: 1 to MaxTokenName printable characters, not all spaces.
func tokenName(name string) bool {
	return utf8.ValidString(name) && utf8.RuneCountInString(name) <= MaxTokenName && strings.TrimSpace(name) != "" &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

// newToken writes a token of an account. The record says what kind of token, in which epoch and from when to when.
func (s *Service) newToken(ctx context.Context, owner *entry, record tokenRecord) (Issued, error) {
	record.ID, record.Account = newTokenID(), owner.account.ID
	record.Locator = strings.TrimPrefix(owner.secret.Name, accountPrefix)
	var text string
	text, record.SHA256 = tokenText.issue(record.ID)
	e, err := s.create(ctx, record.secretOf(s.Namespace))
	if err != nil {
		return Issued{}, err
	}
	if e == nil { // Somebody deleted it in this very moment.
		return Issued{}, ErrUnauthenticated
	}
	return Issued{Token: e.show(), Secret: text}, nil
}

// owner reads an account live, by its id. ErrUnauthenticated: there is none.
func (s *Service) owner(ctx context.Context, account string) (*entry, error) {
	known := s.ledger.account(account)
	if known == nil {
		return nil, ErrUnauthenticated
	}
	e, err := s.read(ctx, known.secret.Name)
	if err != nil {
		return nil, err
	}
	if e == nil || e.account == nil || e.account.ID != account {
		return nil, ErrUnauthenticated
	}
	return e, nil
}

// RotateToken gives an API token a new secret; its name, expiry and limits stay. The secret before it stays good for the
// grace, 0 to MaxGrace; the one before that ends. Errors: *InvalidError, ErrNotFound, the API server's.
func (s *Service) RotateToken(ctx context.Context, account, id string, grace time.Duration) (Issued, error) {
	if grace < 0 || grace > MaxGrace {
		return Issued{}, &InvalidError{Field: "body.grace_seconds", Message: "expected 0 to 604800 seconds"}
	}
	var text string
	e, err := s.editToken(ctx, account, id, func(r *tokenRecord) error {
		now := s.now()
		if r.Session {
			return &InvalidError{Field: "path.id", Message: "expected an API token: a session is renewed by a login"}
		}
		if !now.Before(r.ExpiresAt) {
			return ErrNotFound
		}
		r.Previous = nil
		if grace > 0 {
			r.Previous = &previousRecord{SHA256: r.SHA256, ExpiresAt: now.Add(grace)}
		}
		text, r.SHA256 = tokenText.issue(r.ID)
		return nil
	})
	if err != nil {
		return Issued{}, err
	}
	if e == nil { // Somebody deleted it in this very moment.
		return Issued{}, ErrNotFound
	}
	return Issued{Token: e.show(), Secret: text}, nil
}

// DeleteToken revokes a token: here at once, on other replicas when their watch tells them. Errors: ErrNotFound, the API
// server's.
func (s *Service) DeleteToken(ctx context.Context, account, id string) error {
	if !tokenText.isID(id) {
		return ErrNotFound
	}
	e, err := s.read(ctx, tokenPrefix+id)
	if err != nil {
		return err
	}
	if e == nil || e.token == nil || e.token.Account != account {
		return ErrNotFound
	}
	return s.erase(ctx, e.secret, metav1.Preconditions{UID: &e.secret.UID})
}
