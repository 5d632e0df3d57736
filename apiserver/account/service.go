package account

import (
	"time"
)

// Token is what is known of a token, without its secret.
type Token struct {
	ID      string
	Account string // the account's id
	Name    string // empty for a session
	Session bool   // made by a login
	// LastUsedAt is zero where it was never used, and up to half a minute old.
	CreatedAt, ExpiresAt, LastUsedAt time.Time
	// LoginAt is when the user gave the password: a session's start; zero for an API token.
	LoginAt time.Time
	// RatePerMinute is the token's own rate limit; 0: the service's.
	RatePerMinute int
}

// Issued is a new token with its secret, which is not kept and cannot be shown again.
type Issued struct {
	Token
	Secret string
}

// Service keeps accounts and tokens. It is safe for concurrent use.
type Service struct {
	Options
}

// New makes a Service. It serves once Start has read the Secrets.
func New(o Options) (*Service, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	return &Service{Options: o}, nil
}
