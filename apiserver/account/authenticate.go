package account

import (
	"context"
	"crypto/subtle"
	"time"
)

// What tokens that this replica does not know may cost, and how long it remembers that one is wrong.
const (
	tokenReadsPerSecond = 20 // live reads
	tokenReadTimeout    = 2 * time.Second
	maxRefused          = 4096
	refusedTTL          = time.Minute
)

// verdict is what is said of a token from what this replica knows.
type verdict int

const (
	valid   verdict = iota
	void            // expired, or of an ended epoch: no later knowledge makes it valid
	unknown         // not valid, but the replica may not have heard of it yet
)

// Authenticate says whose token it is. It takes what this replica has in memory, also while the API server is away. A
// well-formed token that is not there, because another replica made it a moment ago, is read live, at most
// tokenReadsPerSecond times a second in all. What comes on top is not said to be wrong: nobody has looked.
//
// Errors: ErrUnauthenticated, ErrBusy, ErrNotReady, the API server's.
func (s *Service) Authenticate(bearer string) (Token, error) {
	id, sum, ok := tokenText.parse(bearer)
	if !ok {
		return Token{}, ErrUnauthenticated
	}
	if !s.Synced() {
		return Token{}, ErrNotReady
	}
	now := s.Clock.Now()
	token, account := s.ledger.pair(id)
	switch judge(token, account, &sum, now) {
	case valid:
	case void:
		return Token{}, ErrUnauthenticated
	default:
		var err error
		if token, err = s.authenticateLive(id, &sum, now); err != nil {
			return Token{}, err
		}
	}
	s.recent.used(token, now)
	shown := token.show()
	shown.Superseded = subtle.ConstantTimeCompare(token.token.SHA256[:], sum[:]) != 1
	return shown, nil
}

// judge says whether a token is good. The digests are compared in constant time, and also where there is nothing to
// compare with.
func judge(token, account *entry, sum *digest, now time.Time) verdict {
	if token == nil || token.token == nil {
		var nothing digest
		subtle.ConstantTimeCompare(nothing[:], sum[:])
		return unknown
	}
	t := token.token
	same := subtle.ConstantTimeCompare(t.SHA256[:], sum[:]) == 1
	if t.Previous != nil && now.Before(t.Previous.ExpiresAt) {
		same = subtle.ConstantTimeCompare(t.Previous.SHA256[:], sum[:]) == 1 || same
	}
	switch {
	case !same:
		return unknown // It may be rotated.
	case !now.Before(t.ExpiresAt):
		return void
	case account == nil || account.account == nil || account.account.ID != t.Account:
		return unknown
	}
	switch standing := account.account.standing(t); {
	case standing < 0:
		return void
	case standing > 0:
		return unknown
	}
	return valid
}

// authenticateLive asks the API server for a token that this replica does not know, within bounds.
func (s *Service) authenticateLive(id string, sum *digest, now time.Time) (*entry, error) {
	if until, ok := s.refused.Get(*sum); ok && now.Before(until) {
		return nil, ErrUnauthenticated
	}
	if !s.tokenReads.AllowN(now, 1) {
		return nil, ErrBusy
	}
	ctx, cancel := context.WithTimeout(context.Background(), tokenReadTimeout)
	defer cancel()
	token, err := s.read(ctx, tokenPrefix+id)
	if err != nil {
		return nil, err
	}
	if token != nil && token.token != nil {
		account, err := s.read(ctx, accountPrefix+token.token.Locator)
		if err != nil {
			return nil, err
		}
		if judge(token, account, sum, now) == valid {
			return token, nil
		}
	}
	s.refused.Add(*sum, now.Add(refusedTTL))
	return nil, ErrUnauthenticated
}

// show is a token without its secret.
func (e *entry) show() Token {
	t := Token{
		ID: e.token.ID, Account: e.token.Account, Name: e.token.Name, Session: e.token.Session,
		CreatedAt: e.token.CreatedAt, ExpiresAt: e.token.ExpiresAt, RatePerMinute: e.rate,
	}
	if used := e.used.Load(); used != 0 {
		t.LastUsedAt = time.UnixMilli(used).UTC()
	}
	if t.Session {
		t.LoginAt = t.CreatedAt
	}
	return t
}
