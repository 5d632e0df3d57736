package account

import (
	"context"
	"errors"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	passwords "github.com/checky-dev/checky/apiserver/password"
)

// ChangePassword sets a new password for whoever knows the present one. All sessions end but the token named keep, which
// is the caller's, all by one write; a reset that was mailed is no longer good; API tokens stay.
//
// Errors: *password.RuleError, ErrCredentials for a wrong current password, *BackoffError, ErrUnauthenticated where the
// account is gone, password.ErrBusy, the API server's.
func (s *Service) ChangePassword(ctx context.Context, account, current, next, keep string) error {
	e, err := s.owner(ctx, account)
	if err != nil {
		return err
	}
	if err := passwords.Acceptable(next, e.account.Email, s.ServiceName); err != nil {
		return err
	}
	key := locator(e.account.Email)
	if err := s.wait(netip.Addr{}, key); err != nil {
		return err
	}
	if _, err := s.verify(ctx, e, current); err != nil {
		if errors.Is(err, ErrCredentials) {
			s.failed(netip.Addr{}, key)
		}
		return err
	}
	phc, err := s.Hasher.Hash(ctx, next)
	if err != nil {
		return err
	}
	_, err = s.editAccount(ctx, e.secret.Name, func(r *accountRecord) error {
		if r.ID != account {
			return ErrUnauthenticated
		}
		// The epoch tells what the hash does not: a rehash leaves the password that was verified what it is.
		if r.Epoch != e.account.Epoch {
			return ErrCredentials
		}
		kept := ""
		if token, _ := s.ledger.pair(keep); token != nil && token.token.Account == account && token.token.Session &&
			r.standing(token.token) == 0 {
			kept = keep
		}
		r.Epoch++
		r.PasswordHash, r.Reset, r.KeptSession = phc, nil, kept
		return nil
	})
	if errors.Is(err, ErrNotFound) {
		return ErrUnauthenticated
	}
	if err != nil {
		return err
	}
	s.Backoff.Clear(accountKey(key))
	return nil
}

// DeleteAccount deletes what an account owns, then its tokens, then what was made by them meanwhile, and the account last, so
// that it can be done again where it broke off. A token that another replica makes meanwhile has no account, is refused, and
// is swept. Errors: those of Options.DeleteChecks, the API server's.
func (s *Service) DeleteAccount(ctx context.Context, account string) error {
	if err := s.DeleteChecks(ctx, account); err != nil {
		return err
	}
	var secrets corev1.SecretList
	err := s.Client.List(ctx, &secrets, client.InNamespace(s.Namespace), client.MatchingLabels{AccountLabel: account})
	if err != nil {
		return err
	}
	for _, kind := range []string{kindToken, kindAccount} {
		for i := range secrets.Items {
			secret := &secrets.Items[i]
			if secret.Labels[FacadeLabel] != kind {
				continue
			}
			if err := s.erase(ctx, secret, metav1.Preconditions{UID: &secret.UID}); err != nil {
				return err
			}
		}
		if kind == kindToken {
			if err := s.DeleteChecks(ctx, account); err != nil {
				return err
			}
		}
	}
	return nil
}
