package account

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestDeleteAccount(t *testing.T) {
	var owners []string
	r := newReplica(t, newNamespace(t), func(o *Options) {
		o.DeleteChecks = func(_ context.Context, owner string) error {
			owners = append(owners, owner)
			return nil
		}
	})
	session, other := r.user(t, ann), r.user(t, "bob@example.com")
	if err := r.DeleteAccount(t.Context(), session.Account); err != nil {
		t.Fatal(err)
	}
	if len(owners) != 2 || owners[0] != session.Account || owners[1] != session.Account {
		t.Errorf("checks are deleted of %v", owners)
	}
	if r.good(t, session.Secret) || !r.good(t, other.Secret) {
		t.Error("want the account's session to end, and the other's to go on")
	}
	if accounts, tokens := len(r.secrets(t, kindAccount)), len(r.secrets(t, kindToken)); accounts != 1 || tokens != 1 {
		t.Errorf("%d accounts and %d tokens are left, want one of each", accounts, tokens)
	}
	if _, err := r.LogIn(t.Context(), ann, phrase, client1); !errors.Is(err, ErrCredentials) {
		t.Errorf("log in: got %v", err)
	}
	if again := r.user(t, ann); again.Account == session.Account || r.good(t, session.Secret) {
		t.Error("a new account of the address is the old one")
	}
}

// Wherever it breaks off, whether the call that broke was done or not: doing it again finishes it, and until then the
// account can be logged in to, to do so.
func TestDeleteAccountIsCrashSafe(t *testing.T) {
	calls := &calls{}
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Client = calls.watch(newClient(t)) })
	for _, lost := range []bool{false, true} {
		for broken := range 5 { // list, three tokens, the account
			t.Run(fmt.Sprintf("call %d, lost %v", broken, lost), func(t *testing.T) {
				email := fmt.Sprintf("user-%d-%v@example.com", broken, lost)
				session := r.user(t, email)
				second := r.session(t, email, phrase)
				if _, err := r.CreateToken(t.Context(), session.Account, "ci", time.Time{}); err != nil {
					t.Fatal(err)
				}
				calls.set(func(n int, _ string) (bool, bool) { return n == broken, lost })
				if err := r.DeleteAccount(t.Context(), session.Account); !errors.Is(err, errAway) {
					t.Fatalf("got %v", err)
				}
				calls.set(nil)
				if broken < 4 {
					r.session(t, email, phrase)
				}
				if err := r.DeleteAccount(t.Context(), session.Account); err != nil {
					t.Fatal(err)
				}
				if r.good(t, session.Secret) || r.good(t, second.Secret) {
					t.Error("a session goes on")
				}
				if accounts, tokens := len(r.secrets(t, kindAccount)), len(r.secrets(t, kindToken)); accounts+tokens > 0 {
					t.Errorf("%d accounts and %d tokens are left", accounts, tokens)
				}
			})
		}
	}
}

// A write whose answer was lost is no way into a state that a retry cannot leave.
func TestLostAnswers(t *testing.T) {
	calls := &calls{}
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Client = calls.watch(newClient(t)) })
	lose := func(name string) {
		done := false
		calls.set(func(_ int, call string) (bool, bool) {
			fails := !done && call == name
			done = done || fails
			return fails, true
		})
	}
	lose("create")
	if err := r.SignUp(t.Context(), ann, phrase, client1); !errors.Is(err, errAway) {
		t.Fatalf("got %v", err)
	}
	if err := r.SignUp(t.Context(), ann, phrase, client1); err != nil {
		t.Fatalf("sign up again: %v", err)
	}
	session := r.session(t, ann, phrase)

	reset := r.requestReset(t, ann, 1)
	lose("update")
	if err := r.ConfirmReset(t.Context(), reset, newer); !errors.Is(err, errAway) {
		t.Fatalf("got %v", err)
	}
	if err := r.ConfirmReset(t.Context(), reset, newer); !errors.Is(err, ErrResetToken) {
		t.Errorf("a reset that was used up, though its answer was lost: got %v", err)
	}
	fresh := r.session(t, ann, newer)
	if r.good(t, session.Secret) {
		t.Error("a session outlives the reset")
	}

	lose("delete")
	if err := r.DeleteToken(t.Context(), fresh.Account, fresh.ID); !errors.Is(err, errAway) {
		t.Fatalf("got %v", err)
	}
	eventually(t, "the watch tells of the deletion", func() bool { return !r.good(t, fresh.Secret) })
}
