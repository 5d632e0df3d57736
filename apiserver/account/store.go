package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// editAttempts is how often an edit is tried while others write the same Secret.
	editAttempts = 8
	// settleInterval is how often the API server is asked for what this replica wrote or read so long ago as settleAge and did not come
	// by an event. Of a token that was made here while the watch was away, and revoked elsewhere before it was back, no event will tell:
	// both together are well below the 10 s after which a revoked token works nowhere (docs/reliability.md).
	settleInterval = 2 * time.Second
	settleAge      = 4 * time.Second
	// maxSettled bounds the reads of one such round. The next goes on.
	maxSettled = 100
)

// errUnchanged is returned by an edit that has nothing to write.
var errUnchanged = errors.New("nothing to write")

// read gets a Secret from the API server, past the cache: nil where there is none, or a broken one.
func (s *Service) read(ctx context.Context, name string) (*entry, error) {
	before := s.ledger.get(name)
	secret := &corev1.Secret{}
	err := s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: name}, secret)
	if apierrors.IsNotFound(err) {
		if before != nil {
			s.ledger.remove(name, before.secret.UID)
		}
		return nil, nil //nolint:nilnil // there is none
	}
	if err != nil {
		return nil, err
	}
	return s.ledger.put(secret, s.Clock.Now()), nil
}

// create writes a new Secret, which this replica sees at once.
func (s *Service) create(ctx context.Context, secret *corev1.Secret) (*entry, error) {
	if err := s.Client.Create(ctx, secret); err != nil {
		return nil, err
	}
	return s.ledger.put(secret, s.Clock.Now()), nil
}

// replace writes one document of a Secret, if the Secret is still at the entry's version.
func (s *Service) replace(ctx context.Context, e *entry, key string, record any) (*entry, error) {
	secret := e.secret.DeepCopy()
	secret.Data[key] = encode(record)
	if err := s.Client.Update(ctx, secret); err != nil {
		return nil, err
	}
	return s.ledger.put(secret, s.Clock.Now()), nil
}

// editAccount changes an account under its resource version, from a live read, again while others write it too. The
// change gets a copy of its own; what it returns ends the edit. ErrNotFound: there is no such account.
func (s *Service) editAccount(ctx context.Context, name string, change func(*accountRecord) error) (*entry, error) {
	return s.edit(ctx, name, accountData, func(e *entry) (any, error) {
		if e.account == nil {
			return nil, ErrNotFound
		}
		record := *e.account
		return &record, change(&record)
	})
}

// editToken does the same for a token of an account.
func (s *Service) editToken(ctx context.Context, account, id string, change func(*tokenRecord) error) (*entry, error) {
	if !tokenText.isID(id) {
		return nil, ErrNotFound
	}
	return s.edit(ctx, tokenPrefix+id, tokenData, func(e *entry) (any, error) {
		if e.token == nil || e.token.Account != account {
			return nil, ErrNotFound
		}
		record := *e.token
		return &record, change(&record)
	})
}

func (s *Service) edit(ctx context.Context, name, key string, change func(*entry) (any, error)) (*entry, error) {
	var conflict error
	for range editAttempts {
		e, err := s.read(ctx, name)
		if err != nil {
			return nil, err
		}
		if e == nil {
			return nil, ErrNotFound
		}
		record, err := change(e)
		if err != nil {
			return nil, err
		}
		written, err := s.replace(ctx, e, key, record)
		if apierrors.IsNotFound(err) {
			return nil, ErrNotFound
		}
		if !apierrors.IsConflict(err) {
			return written, err
		}
		conflict = err
	}
	return nil, fmt.Errorf("%d attempts to write a Secret met others that wrote it: %w", editAttempts, conflict)
}

// erase deletes a Secret, of whatever version, unless it was made anew. One that is gone is fine.
func (s *Service) erase(ctx context.Context, secret *corev1.Secret, preconditions metav1.Preconditions) error {
	err := s.Client.Delete(ctx, secret.DeepCopy(), client.Preconditions(preconditions))
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	s.ledger.remove(secret.Name, secret.UID)
	return nil
}

// settle asks the API server for what this replica wrote or read and no event told of, such as a Secret that was made and
// deleted while the watch was broken.
func (s *Service) settle(ctx context.Context) {
	now := s.Clock.Now()
	for _, name := range s.ledger.unsettledSince(now.Add(-settleAge), maxSettled) {
		if _, err := s.read(ctx, name); err != nil {
			return // The API server is away, or the service stops: the next round asks again.
		}
		s.ledger.lookedUp(name, now)
	}
}
