package account

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	passwords "github.com/checky-dev/checky/apiserver/password"
)

func (r *replica) requestReset(t *testing.T, email string, n int) string {
	t.Helper()
	if err := r.RequestReset(t.Context(), email, client1); err != nil {
		t.Fatal(err)
	}
	return r.mail.reset(t, n)
}

func TestReset(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	session := r.user(t, ann)
	api, err := r.CreateToken(t.Context(), session.Account, "ci", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	token := r.requestReset(t, "Ann@example.com", 1)
	var rule *passwords.RuleError
	if err := r.ConfirmReset(t.Context(), token, "too short"); !errors.As(err, &rule) {
		t.Errorf("a weak password: got %v", err)
	}
	r.failures.Fail(accountKey(locator(ann)))
	if err := r.ConfirmReset(t.Context(), token, newer); err != nil {
		t.Fatal(err)
	}
	if r.failures.of(accountKey(locator(ann))) != 0 {
		t.Error("failures are still counted")
	}
	if r.good(t, session.Secret) {
		t.Error("a session outlives the reset")
	}
	if r.good(t, api.Secret) {
		t.Error("an API token from before the address proved itself goes on")
	}
	if err := r.ConfirmReset(t.Context(), token, newer); !errors.Is(err, ErrResetToken) {
		t.Errorf("the second use: got %v", err)
	}
	if _, err := r.LogIn(t.Context(), ann, phrase, client1); !errors.Is(err, ErrCredentials) {
		t.Errorf("the old password: got %v", err)
	}
	if account := r.session(t, ann, newer).Account; account != session.Account {
		t.Error("it is another account")
	}
	if !r.ledger.account(session.Account).account.Verified {
		t.Error("the address is not verified")
	}
}

// Later resets leave API tokens alone: they are the user's own by then.
func TestLaterResetsKeepAPITokens(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Clock = clock })
	session := r.user(t, ann)
	if err := r.ConfirmReset(t.Context(), r.requestReset(t, ann, 1), newer); err != nil {
		t.Fatal(err)
	}
	api, err := r.CreateToken(t.Context(), session.Account, "ci", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	clock.Step(resetMailInterval)
	if err := r.ConfirmReset(t.Context(), r.requestReset(t, ann, 2), phrase); err != nil {
		t.Fatal(err)
	}
	if !r.good(t, api.Secret) {
		t.Error("the API token ended")
	}
}

func TestResetEnds(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Clock = clock })
	session := r.user(t, ann)
	first := r.requestReset(t, ann, 1)
	clock.Step(resetMailInterval)
	second := r.requestReset(t, ann, 2)
	other, _ := resetText.issue(locator("bob@example.com"))
	forged, _ := resetText.issue(locator(ann))
	for name, token := range map[string]string{
		"replaced": first, "no account": other, "forged": forged, "cut": second[:40], "empty": "", "a bearer token": session.Secret,
	} {
		if err := r.ConfirmReset(t.Context(), token, newer); !errors.Is(err, ErrResetToken) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	clock.Step(ResetTTL)
	if err := r.ConfirmReset(t.Context(), second, newer); !errors.Is(err, ErrResetToken) {
		t.Errorf("after 15 minutes: got %v", err)
	}
	r.sweep(t.Context())
	if r.ledger.account(session.Account).account.Reset != nil {
		t.Error("an expired reset is kept")
	}
}

func TestResetMails(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Clock = clock })
	r.user(t, ann)
	for _, email := range []string{"bob@example.com", ann, ann} {
		if err := r.RequestReset(t.Context(), email, client1); err != nil {
			t.Errorf("got %v", err)
		}
	}
	var invalid *InvalidError
	if err := r.RequestReset(t.Context(), "bob", client1); !errors.As(err, &invalid) {
		t.Errorf("no address: got %v", err)
	}
	done := func(result string, n float64) {
		t.Helper()
		eventually(t, result, func() bool { return r.counted(t, "checky_apiserver_resets_total", result) == n })
	}
	done("unknown", 1)
	done("mailed", 1)
	done("too_soon", 1)
	mails := r.mail.all()
	if len(mails) != 1 || !strings.HasPrefix(mails[0], ann+"\n") {
		t.Errorf("got %d mails, want one", len(mails))
	}
}

func TestResetWithoutMail(t *testing.T) {
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Mailer, o.ExternalURL = nil, nil })
	session := r.user(t, ann)
	if err := r.RequestReset(t.Context(), ann, client1); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is logged", func() bool { return strings.Contains(r.logs.String(), "no SMTP server is configured") })
	if r.ledger.account(session.Account).account.Reset != nil {
		t.Error("a reset is stored that nobody can use")
	}
	if err := r.SignUp(t.Context(), ann, phrase, client1); err != nil {
		t.Errorf("a taken address: got %v", err)
	}
}

// A request that finds the queue full is answered like any other.
func TestResetQueueIsBounded(t *testing.T) {
	calls := &calls{}
	release := make(chan struct{})
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Client = calls.watch(newClient(t)) })
	var once sync.Once
	entered := make(chan struct{})
	calls.set(func(int, string) (bool, bool) {
		once.Do(func() { close(entered) })
		<-release
		return false, false
	})
	if err := r.RequestReset(t.Context(), ann, client1); err != nil {
		t.Fatal(err)
	}
	<-entered
	for range maxResets + 3 {
		if err := r.RequestReset(t.Context(), ann, client1); err != nil {
			t.Fatal(err)
		}
	}
	close(release)
	if got := r.counted(t, "checky_apiserver_resets_total", "dropped"); got != 3 {
		t.Errorf("%v are counted as dropped, want 3", got)
	}
}

// Of several uses of one reset at once, on two replicas, one wins.
func TestResetRace(t *testing.T) {
	namespace := newNamespace(t)
	a, b := newReplica(t, namespace), newReplica(t, namespace)
	a.user(t, ann)
	token := a.requestReset(t, ann, 1)
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		r := []*replica{a, b}[i%2]
		wg.Go(func() {
			switch err := r.ConfirmReset(context.WithoutCancel(t.Context()), token, newer); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ErrResetToken):
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d uses of one reset won", won.Load())
	}
	if epoch := a.ledger.get(accountPrefix + locator(ann)).account.Epoch; epoch > 1 {
		t.Errorf("the epoch is %d, want 1", epoch)
	}
}

func TestChangePassword(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	calling := r.user(t, ann)
	other := r.session(t, ann, phrase)
	api, err := r.CreateToken(t.Context(), calling.Account, "ci", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	reset := r.requestReset(t, ann, 1)

	var rule *passwords.RuleError
	if err := r.ChangePassword(t.Context(), calling.Account, phrase, "short", calling.ID); !errors.As(err, &rule) {
		t.Errorf("a weak password: got %v", err)
	}
	if err := r.ChangePassword(t.Context(), calling.Account, newer, newer, calling.ID); !errors.Is(err, ErrCredentials) {
		t.Errorf("a wrong current password: got %v", err)
	}
	if got := r.failures.of(accountKey(locator(ann))); got != 1 {
		t.Errorf("%d failures are counted, want 1", got)
	}
	if err := r.ChangePassword(t.Context(), "nobody", phrase, newer, calling.ID); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("no account: got %v", err)
	}
	if err := r.ChangePassword(t.Context(), calling.Account, phrase, newer, calling.ID); err != nil {
		t.Fatal(err)
	}
	if !r.good(t, calling.Secret) || r.good(t, other.Secret) || !r.good(t, api.Secret) {
		t.Error("want the calling session and the API token to go on, and the other session to end")
	}
	if err := r.ConfirmReset(t.Context(), reset, phrase); !errors.Is(err, ErrResetToken) {
		t.Errorf("a reset from before: got %v", err)
	}
	later := r.session(t, ann, newer)
	r.sweep(t.Context())
	if !r.good(t, calling.Secret) {
		t.Error("the session that was kept is swept")
	}

	// Once more in the same session, then in another, then by a reset: one session is kept, or none.
	if err := r.ChangePassword(t.Context(), calling.Account, newer, phrase, calling.ID); err != nil {
		t.Fatal(err)
	}
	if !r.good(t, calling.Secret) || r.good(t, later.Secret) {
		t.Error("want the calling session to go on, and the later one to end")
	}
	later = r.session(t, ann, phrase)
	if err := r.ChangePassword(t.Context(), calling.Account, phrase, newer, later.ID); err != nil {
		t.Fatal(err)
	}
	if r.good(t, calling.Secret) || !r.good(t, later.Secret) {
		t.Error("want the first session to end, and the calling one to go on")
	}
	if err := r.ChangePassword(t.Context(), calling.Account, newer, phrase, other.ID); err != nil {
		t.Fatal(err)
	}
	if r.good(t, other.Secret) || r.good(t, later.Secret) {
		t.Error("a session that has ended is kept")
	}

	for range 5 {
		r.failures.Fail(accountKey(locator(ann)))
	}
	var backoff *BackoffError
	if err := r.ChangePassword(t.Context(), calling.Account, phrase, newer, calling.ID); !errors.As(err, &backoff) {
		t.Errorf("after too many failures: got %v", err)
	}
}

// A reset ends every session, also the one that a change of the password kept; and the one that is kept is good on
// every replica all the time.
func TestKeptSession(t *testing.T) {
	namespace := newNamespace(t)
	a, b := newReplica(t, namespace), newReplica(t, namespace)
	session := a.user(t, ann)
	if !b.good(t, session.Secret) {
		t.Fatal("the session is not good at the other replica")
	}
	if err := a.ChangePassword(t.Context(), session.Account, phrase, newer, session.ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "b has heard of it", func() bool {
		if !b.good(t, session.Secret) {
			t.Fatal("the kept session is refused")
		}
		return b.ledger.account(session.Account).account.Epoch == 1
	})
	if !b.good(t, session.Secret) {
		t.Error("the kept session is refused")
	}
	if err := b.ConfirmReset(t.Context(), a.requestReset(t, ann, 1), phrase); err != nil {
		t.Fatal(err)
	}
	if b.good(t, session.Secret) {
		t.Error("the kept session outlives a reset")
	}
}

// A mail a minute, for as long as somebody asks, to an address that they need not even have, would be too many.
func TestResetMailsBecomeRare(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Clock = clock })
	r.user(t, ann)
	mailed := func(period time.Duration) (mails int) {
		for range int(period / time.Minute) {
			if r.mailReset(t.Context(), ann) == "mailed" {
				mails++
			}
			clock.Step(time.Minute)
		}
		return mails
	}
	if mails := mailed(15 * time.Minute); mails != 4 {
		t.Errorf("in the first 15 minutes: %d mails, want 4: at 0, 1, 3 and 7 minutes", mails)
	}
	if mails := mailed(24 * time.Hour); mails > 30 {
		t.Errorf("in a day: %d mails", mails)
	}
	clock.Step(resetMailsForgotten)
	if mails := mailed(2 * time.Minute); mails != 2 {
		t.Errorf("after a day without: %d mails, want 2", mails)
	}
	token := r.mail.reset(t, len(r.mail.all()))
	if err := r.ConfirmReset(t.Context(), token, newer); err != nil {
		t.Fatal(err)
	}
	if mails := mailed(2 * time.Minute); mails != 2 {
		t.Errorf("after one was used: %d mails, want 2", mails)
	}
}

// Whoever makes a token of an address learns nothing by the time that its refusal takes.
func TestRefusedResetsTakeTheSameTime(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Clock = clock })
	r.user(t, ann)
	forged, _ := resetText.issue(locator(ann))
	unknown, _ := resetText.issue(locator("bob@example.com"))
	s := &Service{Options: r.Options, ledger: r.ledger, metrics: r.metrics}
	s.Quantum = 300 * time.Millisecond
	for name, token := range map[string]string{"an account": forged, "no account": unknown, "no token": "ckr_"} {
		start, done := clock.Now(), make(chan error, 1)
		go func() { done <- s.ConfirmReset(t.Context(), token, newer) }()
		var err error
		eventually(t, "an answer", func() bool {
			clock.Step(time.Millisecond)
			select {
			case err = <-done:
				return true
			default:
				return false
			}
		})
		if !errors.Is(err, ErrResetToken) {
			t.Errorf("%s: %v", name, err)
		}
		if took := clock.Since(start); took < s.Quantum {
			t.Errorf("%s: refused after %v of the clock's time", name, took)
		}
	}
}
