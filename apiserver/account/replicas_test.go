package account

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// deaf is a cache whose events never come: a replica whose watch is far behind. It has to be told by live reads.
func deaf(r *replica) {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	r.ledger.entries = map[string]*entry{}
	r.ledger.names = map[string]string{}
	r.ledger.tokens = map[string]map[string]struct{}{}
}

// A user can go on at another replica at once, and what ends, ends there too.
func TestReplicas(t *testing.T) {
	namespace := newNamespace(t)
	a, b := newReplica(t, namespace), newReplica(t, namespace)
	if err := a.SignUp(t.Context(), ann, phrase, client1); err != nil {
		t.Fatal(err)
	}
	session := b.session(t, ann, phrase) // at once, whatever b's watch has seen
	if !a.good(t, session.Secret) {
		t.Error("a session of one replica is not good at the other at once")
	}
	api, err := b.CreateToken(t.Context(), session.Account, "ci", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	rotated, err := a.RotateToken(t.Context(), session.Account, api.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !b.good(t, rotated.Secret) {
		t.Error("a rotated secret is not good at the other replica at once")
	}
	eventually(t, "the secret before ends everywhere", func() bool { return !b.good(t, api.Secret) })
	if err := b.DeleteToken(t.Context(), session.Account, api.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the deleted token ends everywhere", func() bool { return !a.good(t, rotated.Secret) })

	if err := a.ConfirmReset(t.Context(), a.requestReset(t, ann, 1), newer); err != nil {
		t.Fatal(err)
	}
	fresh := b.session(t, ann, newer) // at once
	if !a.good(t, fresh.Secret) || !b.good(t, fresh.Secret) {
		t.Error("a session after the reset is not good at once")
	}
	if a.good(t, session.Secret) {
		t.Error("a session from before the reset goes on")
	}
	eventually(t, "it ends everywhere", func() bool { return !b.good(t, session.Secret) })
}

// A replica whose watch says nothing takes what it does not know from live reads, within bounds.
func TestLiveReadsAreBounded(t *testing.T) {
	namespace := newNamespace(t)
	calls := &calls{}
	a := newReplica(t, namespace)
	b := newReplica(t, namespace, func(o *Options) { o.Client = calls.watch(newClient(t)) })
	session := a.user(t, ann)
	eventually(t, "b has heard of it", func() bool { return b.ledger.get(tokenPrefix+session.ID) != nil })
	deaf(b)
	if !b.good(t, session.Secret) {
		t.Error("a token that the watch did not tell of is refused")
	}
	calls.reset()
	if !b.good(t, session.Secret) || len(calls.all()) > 0 {
		t.Errorf("a token that was read once is read again: %v", calls.all())
	}

	wrong, _ := tokenText.issue(newTokenID())
	for range 10 {
		if b.good(t, wrong) {
			t.Fatal("a made-up token is good")
		}
	}
	if got := calls.all(); len(got) != 1 {
		t.Errorf("one made-up token costs %d reads, want 1", len(got))
	}
	calls.reset()
	start, unread := time.Now(), 0
	for range 1000 {
		text, _ := tokenText.issue(newTokenID())
		switch _, err := b.Authenticate(text); {
		case errors.Is(err, ErrBusy):
			unread++
		case !errors.Is(err, ErrUnauthenticated):
			t.Fatalf("a made-up token: %v", err)
		}
	}
	if read := len(calls.all()); read+unread != 1000 || unread == 0 {
		t.Errorf("of 1,000 made-up tokens %d were read, and %d not: what nobody looked at is not wrong", read, unread)
	}
	most := tokenReadsPerSecond * (2 + int(time.Since(start)/time.Second))
	if got := len(calls.all()); got > most {
		t.Errorf("1,000 made-up tokens cost %d reads, want at most %d", got, most)
	}
	if !b.good(t, session.Secret) {
		t.Error("a good token suffers from made-up ones")
	}
}

// While the API server is away, what is known is good, and what is unknown is not said to be bad.
func TestAway(t *testing.T) {
	calls := &calls{}
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Client = calls.watch(newClient(t)) })
	session := r.user(t, ann)
	calls.set(func(int, string) (bool, bool) { return true, false })
	if !r.good(t, session.Secret) {
		t.Error("a known token is refused")
	}
	if tokens, err := r.Tokens(t.Context(), session.Account); err != nil || len(tokens) != 1 {
		t.Errorf("tokens: got %v, %v", tokens, err)
	}
	text, _ := tokenText.issue(newTokenID())
	if _, err := r.Authenticate(text); !errors.Is(err, errAway) {
		t.Errorf("an unknown token: got %v", err)
	}
	reset, _ := resetText.issue(locator(ann))
	for name, err := range map[string]error{
		"sign up, taken":  r.SignUp(t.Context(), ann, phrase, client1),
		"sign up, free":   r.SignUp(t.Context(), "bob@example.com", phrase, client1),
		"log in":          second(r.LogIn(t.Context(), ann, phrase, client1)),
		"log in, unknown": second(r.LogIn(t.Context(), "bob@example.com", phrase, client1)),
		"confirm":         r.ConfirmReset(t.Context(), reset, newer),
		"change":          r.ChangePassword(t.Context(), session.Account, phrase, newer, session.ID),
		"create":          second(r.CreateToken(t.Context(), session.Account, "ci", time.Time{})),
		"rotate":          second(r.RotateToken(t.Context(), session.Account, session.ID, 0)),
		"delete":          r.DeleteToken(t.Context(), session.Account, session.ID),
		"delete account":  r.DeleteAccount(t.Context(), session.Account),
	} {
		if !errors.Is(err, errAway) {
			t.Errorf("%s: got %v, want the API server's error as it is", name, err)
		}
	}
	if r.failures.of(accountKey(locator(ann))) != 0 {
		t.Error("a failure is counted that was not the user's")
	}
}

func second[T any](_ T, err error) error { return err }

// Of many sign-ups with one address at once, one makes the account, and nobody can tell who.
func TestSignUpRace(t *testing.T) {
	namespace := newNamespace(t)
	replicas := []*replica{newReplica(t, namespace), newReplica(t, namespace)}
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			pw := fmt.Sprintf("a passphrase of number %d of them", i)
			if err := replicas[i%2].SignUp(context.WithoutCancel(t.Context()), ann, pw, client1); err != nil {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if got := len(replicas[0].secrets(t, kindAccount)); got != 1 {
		t.Errorf("there are %d accounts, want 1", got)
	}
	won := 0
	for i := range 16 {
		replicas[0].failures.Clear(accountKey(locator(ann)))
		replicas[0].failures.Clear(addressKey(client1))
		if _, err := replicas[0].LogIn(t.Context(), ann, fmt.Sprintf("a passphrase of number %d of them", i), client1); err == nil {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d passwords log in, want 1", won)
	}
}

// An address is free again at once where another replica deleted its account.
func TestSignUpAfterDeletion(t *testing.T) {
	namespace := newNamespace(t)
	a := newReplica(t, namespace)
	session := a.user(t, ann)
	b := newReplica(t, namespace)
	behind := b.ledger.account(session.Account)
	if err := a.DeleteAccount(t.Context(), session.Account); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b has heard of it", func() bool { return b.ledger.account(session.Account) == nil })
	b.ledger.mu.Lock()
	b.ledger.index(behind.secret.Name, behind)
	b.ledger.mu.Unlock()
	if again := b.user(t, ann); again.Account == session.Account {
		t.Error("it is the account that was deleted")
	}
}

// Others that write the same Secret all the time do not stop an edit.
func TestConflictsAreRetried(t *testing.T) {
	admin := newClient(t)
	left := 3
	r := newReplica(t, newNamespace(t), func(o *Options) {
		o.Client = interceptor.NewClient(admin, interceptor.Funcs{
			Update: func(ctx context.Context, inner client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
				if left > 0 {
					left--
					patch := client.RawPatch("application/merge-patch+json", fmt.Appendf(nil, `{"metadata":{"annotations":{"n":"%d"}}}`, left))
					other := obj.DeepCopyObject().(client.Object)
					if err := inner.Patch(ctx, other, patch); err != nil {
						return err
					}
				}
				return inner.Update(ctx, obj, opts...)
			},
		})
	})
	session := r.user(t, ann)
	api, err := r.CreateToken(t.Context(), session.Account, "ci", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.RotateToken(t.Context(), session.Account, api.ID, 0); err != nil || left != 0 {
		t.Errorf("got %v, %d conflicts left", err, left)
	}
}
