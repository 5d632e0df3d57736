package account

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestSweep(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	namespace := newNamespace(t)
	r := newReplica(t, namespace, func(o *Options) { o.Clock = clock })
	session := r.user(t, ann)
	long, err := r.CreateToken(t.Context(), session.Account, "long", clock.Now().Add(48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.CreateToken(t.Context(), session.Account, "short", clock.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	orphan := tokenRecord{
		ID: newTokenID(), Account: "01arz3ndektsv4rrffq69g5fav", Locator: locator("gone@example.com"), SHA256: digest{1},
		CreatedAt: clock.Now(), ExpiresAt: clock.Now().Add(48 * time.Hour),
	}
	if err := r.admin.Create(t.Context(), orphan.secretOf(namespace)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the orphan is seen", func() bool { return r.ledger.get(tokenPrefix+orphan.ID) != nil })
	stranger := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "stranger"}}
	if err := r.admin.Create(t.Context(), stranger); err != nil {
		t.Fatal(err)
	}

	left := func() string {
		var names []string
		for _, secret := range r.secrets(t, kindToken) {
			e := decode(&secret)
			switch {
			case e.token.Session:
				names = append(names, "session")
			case e.token.ID == orphan.ID:
				names = append(names, "orphan")
			default:
				names = append(names, e.token.Name)
			}
		}
		return strings.Join(slices.Sorted(slices.Values(names)), " ")
	}
	for _, step := range []struct {
		wait time.Duration
		want string
	}{
		{0, "long orphan session short"},
		{time.Minute, "long orphan session"},
		{orphanAge, "long session"},
		{DefaultSessionTTL, "long"},
	} {
		clock.Step(step.wait)
		r.sweep(t.Context())
		if got := left(); got != step.want {
			t.Fatalf("after another %v there are %q, want %q", step.wait, got, step.want)
		}
	}
	if !r.good(t, long.Secret) {
		t.Error("a token that is good ended")
	}
	fresh := r.session(t, ann, phrase)
	if err := r.ChangePassword(t.Context(), session.Account, phrase, newer, ""); err != nil {
		t.Fatal(err)
	}
	if r.good(t, fresh.Secret) {
		t.Error("a session of an ended epoch goes on")
	}
	r.sweep(t.Context())
	if got := left(); got != "long" {
		t.Errorf("there are %q, want no session of an ended epoch", got)
	}
	if err := r.admin.Get(t.Context(), client.ObjectKeyFromObject(stranger), stranger); err != nil {
		t.Errorf("a Secret of somebody else: %v", err)
	}
}

// The background does it by itself.
func TestSweepRuns(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Clock = clock })
	r.user(t, ann)
	clock.Step(DefaultSessionTTL)
	eventually(t, "the session is swept", func() bool {
		clock.Step(sweepInterval + sweepJitter)
		return len(r.secrets(t, kindToken)) == 0
	})
}

// A token whose account this replica has not heard of stays where the API server has the account.
func TestSweepLooksTwice(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Clock = clock })
	session := r.user(t, ann)
	account := r.ledger.account(session.Account)
	clock.Step(orphanAge + time.Second)
	r.ledger.mu.Lock()
	r.ledger.unindex(account.secret.Name, account)
	r.ledger.mu.Unlock()
	r.sweep(t.Context())
	if got := len(r.secrets(t, kindToken)); got != 1 {
		t.Errorf("there are %d tokens, want 1", got)
	}
}

func TestLastUse(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	calls := &calls{}
	namespace := newNamespace(t)
	r := newReplica(t, namespace, func(o *Options) { o.Clock, o.Client = clock, calls.watch(newClient(t)) })
	session := r.user(t, ann)
	calls.reset()
	for range 100 {
		if !r.good(t, session.Secret) {
			t.Fatal("the session is refused")
		}
	}
	r.recordLastUse(t.Context())
	r.recordLastUse(t.Context())
	if got := calls.all(); len(got) != 1 || got[0] != "patch" {
		t.Errorf("100 uses are written by %v, want one patch", got)
	}
	used := clock.Now().UTC()
	b := newReplica(t, namespace, func(o *Options) { o.Clock = clock })
	tokens, err := b.Tokens(t.Context(), session.Account)
	if err != nil || len(tokens) != 1 || !tokens[0].LastUsedAt.Equal(used.Truncate(time.Second)) {
		t.Errorf("another replica shows %v, %v, want a use at %v", tokens, err, used)
	}

	// The rotation and the expiry are as they were: the patch leaves token.json alone.
	clock.Step(lastUseInterval - time.Second)
	r.good(t, session.Secret)
	if batch, _ := r.recent.take(maxLastUse); len(batch) > 0 {
		t.Error("a second use within 30 seconds is written")
	}
	clock.Step(2 * time.Second)
	calls.set(func(int, string) (bool, bool) { return true, false })
	r.good(t, session.Secret)
	eventually(t, "it is dropped while the API server is away", func() bool {
		r.recordLastUse(t.Context())
		return r.dropped(t) == 1
	})
	calls.set(nil)
	r.recordLastUse(t.Context())
	if got := calls.all(); len(got) > 0 {
		t.Errorf("what was dropped is written: %v", got)
	}
}

// dropped is how many uses were not recorded.
func (r *replica) dropped(t *testing.T) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "checky_apiserver_last_use_dropped_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return -1
}

func TestRecorderIsBounded(t *testing.T) {
	r := newRecorder()
	now := time.Now()
	for range maxRecentUses + 7 {
		token := tokenRecord{ID: newTokenID()}
		r.used(newLedgerEntry(&token), now)
	}
	batch, dropped := r.take(maxLastUse)
	if len(batch) != maxLastUse || dropped != 7 || len(r.pending) != maxRecentUses-maxLastUse {
		t.Errorf("%d are taken, %d dropped, %d left", len(batch), dropped, len(r.pending))
	}
}

// What no event ever tells of is found out by looking.
func TestSettle(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Clock = clock })
	session := r.user(t, ann)
	name := tokenPrefix + session.ID
	eventually(t, "the event came", func() bool { return len(r.ledger.unsettledSince(clock.Now().Add(time.Hour), 1)) == 0 })
	ghost := r.ledger.get(name).secret.DeepCopy()
	ghost.Name, ghost.UID, ghost.ResourceVersion = tokenPrefix+newTokenID(), "ghost", "1"
	ghost.Data[tokenData] = []byte(strings.Replace(string(ghost.Data[tokenData]), session.ID, ghost.Name[len(tokenPrefix):], 1))
	r.ledger.put(ghost, clock.Now())
	if r.ledger.get(ghost.Name) == nil {
		t.Fatal("the ghost is not there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r.settle(ctx)
	if r.ledger.get(ghost.Name) == nil {
		t.Error("its event is not waited for")
	}
	clock.Step(settleAge + time.Second)
	r.settle(ctx)
	if r.ledger.get(ghost.Name) != nil || r.ledger.get(name) == nil {
		t.Error("want the ghost gone and the token there")
	}
}
