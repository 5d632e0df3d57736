package account

import (
	"context"
	"net/netip"
	"time"
)

// Start follows the Secrets and does what is done in the background, until the context ends.
func (s *Service) Start(ctx context.Context) error { <-ctx.Done(); return nil }

// Synced says whether the Secrets have been read once.
func (s *Service) Synced() bool { return false }

// SignUp makes an account.
func (s *Service) SignUp(ctx context.Context, email, password string, address netip.Addr) error {
	return ErrNotReady
}

// LogIn makes a session.
func (s *Service) LogIn(ctx context.Context, email, password string, address netip.Addr) (Issued, error) {
	return Issued{}, ErrNotReady
}

// RequestReset sends a mail with a link that sets a new password.
func (s *Service) RequestReset(ctx context.Context, email string, address netip.Addr) error {
	return ErrNotReady
}

// ConfirmReset sets a new password by a reset token.
func (s *Service) ConfirmReset(ctx context.Context, token, password string) error { return ErrNotReady }

// ChangePassword sets a new password. The token named keep stays valid, all other sessions end.
func (s *Service) ChangePassword(ctx context.Context, account, current, next, keep string) error {
	return ErrNotReady
}

// DeleteAccount deletes an account, its tokens and its Checks.
func (s *Service) DeleteAccount(ctx context.Context, account string) error { return ErrNotReady }

// Tokens are the account's sessions and API tokens, the newest first.
func (s *Service) Tokens(ctx context.Context, account string) ([]Token, error) {
	return nil, ErrNotReady
}

// CreateToken makes an API token.
func (s *Service) CreateToken(ctx context.Context, account, name string, expires time.Time) (Issued, error) {
	return Issued{}, ErrNotReady
}

// RotateToken gives an API token a new secret. The old one works for the grace.
func (s *Service) RotateToken(ctx context.Context, account, id string, grace time.Duration) (Issued, error) {
	return Issued{}, ErrNotReady
}

// DeleteToken revokes a token.
func (s *Service) DeleteToken(ctx context.Context, account, id string) error { return ErrNotReady }

// Authenticate says whose token it is.
func (s *Service) Authenticate(bearer string) (Token, error) { return Token{}, ErrNotReady }
