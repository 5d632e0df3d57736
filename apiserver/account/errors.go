package account

import (
	"errors"
	"fmt"
	"time"
)

var (
	// ErrCredentials is returned where an address and a password do not go together, for whatever reason.
	ErrCredentials = errors.New("the address or the password is wrong")
	// ErrUnauthenticated is returned for a bearer token that is not, or no longer, valid: also where its account went while the
	// request was under way.
	ErrUnauthenticated = errors.New("the token is not valid")
	// ErrBusy is returned for a bearer token that this replica does not know, where so many others are being looked up that this one
	// cannot be: it may be valid.
	ErrBusy = errors.New("too many unknown tokens are looked up: try again later")
	// ErrNotFound is returned where the account has no such token.
	ErrNotFound = errors.New("the account has no such token")
	// ErrResetToken is returned for a reset token that is malformed, unknown, expired or used.
	ErrResetToken = errors.New("the reset link is not valid: it may have been used, or be older than 15 minutes; ask for a new one")
	// ErrSignUpClosed is returned where Options.SignUpClosed says so.
	ErrSignUpClosed = errors.New("sign-up is closed")
	// ErrNotReady is returned until the cache has listed once.
	ErrNotReady = errors.New("accounts and tokens have not been read yet")
)

// What there may be too many of.
const (
	WhatAccounts = "accounts"
	WhatTokens   = "tokens"
)

// TooManyError is returned where there may be no more of something.
type TooManyError struct {
	What  string // WhatAccounts or WhatTokens
	Limit int
}

// Error says what there is too much of.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("there are %d %s already, and there may be no more", e.Limit, e.What)
}

// BackoffError is returned where so many attempts have failed that the next has to wait.
type BackoffError struct{ RetryAfter time.Duration }

// Error says so.
func (e *BackoffError) Error() string {
	return "too many attempts have failed; try again later"
}

// InvalidError is a field of the request that is wrong. The message never repeats its value.
type InvalidError struct {
	Field   string // body.email, body.name, body.expires_at, body.grace_seconds, path.id
	Message string
}

// Error is the field and the message.
func (e *InvalidError) Error() string { return e.Field + ": " + e.Message }
