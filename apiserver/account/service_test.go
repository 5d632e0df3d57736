package account

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	corev1 "k8s.io/api/core/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"

	passwords "github.com/checky-dev/checky/apiserver/password"
)

func TestSignUpLogInAuthenticate(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	before := time.Now().Add(-time.Second)
	session := r.user(t, "Ann@Example.COM")
	if !session.Session || session.Account == "" || session.LoginAt.Before(before) || session.ExpiresAt.Sub(session.LoginAt) != DefaultSessionTTL {
		t.Errorf("got the session %+v", session.Token)
	}
	token, err := r.Authenticate(session.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if token.LastUsedAt.Before(before) {
		t.Errorf("last used at %v", token.LastUsedAt)
	}
	token.LastUsedAt = time.Time{}
	if diff := cmp.Diff(session.Token, token); diff != "" {
		t.Errorf("the token that authenticates differs from the one issued (-issued +authenticated):\n%s", diff)
	}
	for name, bearer := range map[string]string{
		"nothing": "", "another's form": "Bearer x", "cut": session.Secret[1:],
	} {
		if _, err := r.Authenticate(bearer); !errors.Is(err, ErrUnauthenticated) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	stranger, _ := tokenText.issue(newTokenID())
	impostor, _ := tokenText.issue(session.ID)
	if r.good(t, stranger) || r.good(t, impostor) {
		t.Error("a made-up secret authenticates")
	}
}

// What is stored is no use to who reads it, and the address is in no label, annotation or name.
func TestSecretsAtRest(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	session := r.user(t, ann)
	address := regexp.MustCompile(`\bann\b|@|example`) // of a word: an id may have these letters in it
	for _, secret := range append(r.secrets(t, kindAccount), r.secrets(t, kindToken)...) {
		meta := secret.ObjectMeta
		meta.ManagedFields = nil
		if text := meta.String(); address.MatchString(text) {
			t.Errorf("the address shows: %s", text)
		}
		for key, data := range secret.Data {
			for _, text := range []string{phrase, session.Secret, session.Secret[21:64]} {
				if strings.Contains(string(data), text) {
					t.Errorf("%s of %s holds a secret", key, secret.Name)
				}
			}
		}
	}
}

func TestSignUpSaysNothing(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	session := r.user(t, ann)
	for range 3 {
		if err := r.SignUp(t.Context(), "ANN@example.com", newer, client1); err != nil {
			t.Fatalf("a taken address is answered by %v", err)
		}
	}
	if !r.good(t, session.Secret) {
		t.Error("the account's session ended")
	}
	if _, err := r.LogIn(t.Context(), ann, newer, client1); !errors.Is(err, ErrCredentials) {
		t.Errorf("the second password: got %v", err)
	}
	mails := r.mail.all()
	if len(mails) != 1 || !strings.HasPrefix(mails[0], ann+"\nYou already have a Checky account") {
		t.Errorf("got the mails %q, want one that tells the user", mails)
	}
	if account := r.ledger.account(session.Account).account; account.LastSignUpAttemptAt.IsZero() {
		t.Error("the attempt is not recorded")
	}
}

// Both ways do the same: one write each.
func TestSignUpWritesOnce(t *testing.T) {
	calls := &calls{}
	r := newReplica(t, newNamespace(t), func(o *Options) { o.Client = calls.watch(newClient(t)) })
	for _, email := range []string{ann, ann, "bob@example.com"} {
		calls.reset()
		if err := r.SignUp(t.Context(), email, phrase, client1); err != nil {
			t.Fatal(err)
		}
		if got := calls.all(); len(got) != 1 || got[0] != "create" && got[0] != "update" {
			t.Errorf("the calls are %v, want one write", got)
		}
	}
}

func TestSignUpRefuses(t *testing.T) {
	namespace := newNamespace(t)
	r := newReplica(t, namespace)
	r.user(t, ann)
	var invalid *InvalidError
	if err := r.SignUp(t.Context(), "ann", phrase, client1); !errors.As(err, &invalid) {
		t.Errorf("no address: got %v", err)
	}
	var rule *passwords.RuleError
	for _, pw := range []string{"short", "ann@example.com1", "checky checky checky"} {
		if err := r.SignUp(t.Context(), ann, pw, client1); !errors.As(err, &rule) {
			t.Errorf("a weak password: got %v", err)
		}
	}

	full := newReplica(t, namespace, func(o *Options) { o.MaxAccounts = 1 })
	closed := newReplica(t, namespace, func(o *Options) { o.SignUpClosed = true })
	for _, email := range []string{ann, "bob@example.com"} {
		var many *TooManyError
		if err := full.SignUp(t.Context(), email, phrase, client1); !errors.As(err, &many) || many.What != "accounts" {
			t.Errorf("full: got %v", err)
		}
		if err := closed.SignUp(t.Context(), email, phrase, client1); !errors.Is(err, ErrSignUpClosed) {
			t.Errorf("closed: got %v", err)
		}
	}
}

func TestLogInBacksOff(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	r.user(t, ann)
	known, unknown := accountKey(locator(ann)), accountKey(locator("bob@example.com"))
	var backoff *BackoffError
	for email, key := range map[string]string{ann: known, "bob@example.com": unknown} {
		for i := range 5 {
			from := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
			if _, err := r.LogIn(t.Context(), email, newer, from); !errors.Is(err, ErrCredentials) {
				t.Fatalf("attempt %d: got %v", i, err)
			}
		}
		if got := r.failures.of(key); got != 5 {
			t.Errorf("%d failures are counted, want 5", got)
		}
		if _, err := r.LogIn(t.Context(), email, phrase, client1); !errors.As(err, &backoff) || backoff.RetryAfter != time.Minute {
			t.Errorf("the sixth attempt: got %v", err)
		}
	}
	r.failures.Clear(known)
	for range 5 {
		r.failures.Fail("address:192.0.2.1")
	}
	if _, err := r.LogIn(t.Context(), ann, phrase, client1); !errors.As(err, &backoff) {
		t.Errorf("a client that failed too often: got %v", err)
	}
	if err := r.SignUp(t.Context(), ann, phrase, client1); !errors.As(err, &backoff) {
		t.Errorf("a client that failed too often signs up: got %v", err)
	}
	if err := r.RequestReset(t.Context(), ann, client1); !errors.As(err, &backoff) {
		t.Errorf("a client that failed too often asks for a reset: got %v", err)
	}
	r.failures.Fail(known)
	if _, err := r.LogIn(t.Context(), ann, phrase, netip.MustParseAddr("2001:db8::1")); err != nil {
		t.Fatal(err)
	}
	if got := r.failures.of(known); got != 0 {
		t.Errorf("%d failures are counted after a login, want none", got)
	}
	for result, want := range map[string]float64{"success": 2, "refused": 10, "backoff": 3} {
		if got := r.counted(t, "checky_apiserver_logins_total", result); got != want {
			t.Errorf("%v logins are counted as %s, want %v", got, result, want)
		}
	}
}

func TestLogInRenewsStaleHashes(t *testing.T) {
	namespace := newNamespace(t)
	old := newReplica(t, namespace)
	old.user(t, ann)
	r := newReplica(t, namespace, func(o *Options) {
		stronger, err := passwords.NewHasher(passwords.Params{Memory: 128, Time: 1, Threads: 1}, 4, 64)
		if err != nil {
			t.Fatal(err)
		}
		o.Hasher = stronger
	})
	session := r.session(t, ann, phrase)
	hash := r.ledger.account(session.Account).account.PasswordHash
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=128,") {
		t.Error("the hash is not renewed")
	}
	r.session(t, ann, phrase)
	if again := r.ledger.account(session.Account).account.PasswordHash; again != hash {
		t.Error("a hash that is up to date is renewed")
	}
}

func TestSessionsMakeRoom(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	first := r.user(t, ann)
	token, err := r.CreateToken(t.Context(), first.Account, "ci", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	second := r.session(t, ann, phrase)
	for range MaxSessions - 1 {
		r.session(t, ann, phrase)
	}
	if r.good(t, first.Secret) {
		t.Error("the oldest session goes on")
	}
	if !r.good(t, second.Secret) || !r.good(t, token.Secret) {
		t.Error("more than the oldest session ended")
	}
	if got := len(r.secrets(t, kindToken)); got != MaxSessions+1 {
		t.Errorf("there are %d tokens, want %d", got, MaxSessions+1)
	}
}

func TestBrokenSecretsAreAbsent(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	session := r.user(t, ann)
	for name, change := range map[string]func(*corev1.Secret){
		"no document":   func(s *corev1.Secret) { s.Data = nil },
		"no JSON":       func(s *corev1.Secret) { s.Data[tokenData] = []byte("{") },
		"another field": func(s *corev1.Secret) { s.Data[tokenData] = []byte(`{"id":"x","more":1}`) },
		"two documents": func(s *corev1.Secret) { s.Data[tokenData] = append(s.Data[tokenData], '1') },
		"large":         func(s *corev1.Secret) { s.Data[tokenData] = append(s.Data[tokenData], make([]byte, maxDocument)...) },
		"another id": func(s *corev1.Secret) {
			s.Data[tokenData] = []byte(strings.Replace(string(s.Data[tokenData]), session.ID, newTokenID(), 1))
		},
		"another owner": func(s *corev1.Secret) { s.Labels[AccountLabel] = "somebody-else" },
		"digest cut": func(s *corev1.Secret) {
			s.Data[tokenData] = []byte(strings.Replace(string(s.Data[tokenData]), `"sha256":"`, `"sha256":"0`, 1))
		},
		"negative epoch": func(s *corev1.Secret) {
			s.Data[tokenData] = []byte(strings.Replace(string(s.Data[tokenData]), `"epoch":0`, `"epoch":-1`, 1))
		},
	} {
		var secret corev1.Secret
		key := client.ObjectKey{Namespace: r.Namespace, Name: tokenPrefix + session.ID}
		if err := r.admin.Get(t.Context(), key, &secret); err != nil {
			t.Fatal(err)
		}
		whole := secret.DeepCopy()
		change(&secret)
		if err := r.admin.Update(t.Context(), &secret); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		eventually(t, name+": it is seen", func() bool { return !r.good(t, session.Secret) })
		whole.ResourceVersion = ""
		if err := r.admin.Update(t.Context(), whole); err != nil {
			t.Fatal(err)
		}
		eventually(t, name+": it is mended", func() bool { return r.good(t, session.Secret) })
	}
	if !strings.Contains(r.logs.String(), tokenPrefix+session.ID) {
		t.Error("no broken Secret is named in the log")
	}
}

func TestRateAnnotation(t *testing.T) {
	r := newReplica(t, newNamespace(t))
	session := r.user(t, ann)
	for _, tt := range []struct {
		value string
		want  int
	}{{"1", 1}, {"1000000", 1_000_000}, {"0", 0}, {"5", 5}, {"1000001", 0}, {"7", 7}, {"many", 0}} {
		secret := &corev1.Secret{}
		secret.Namespace, secret.Name = r.Namespace, tokenPrefix+session.ID
		patch := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"annotations":{"checky.dev/rate-per-minute":"`+tt.value+`"}}}`))
		if err := r.admin.Patch(t.Context(), secret, patch); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the rate "+tt.value, func() bool {
			token, err := r.Authenticate(session.Secret)
			return err == nil && token.RatePerMinute == tt.want
		})
	}
}

// Answers come at multiples of the quantum, and not once the caller has gone.
func TestQuantum(t *testing.T) {
	clock := clocktesting.NewFakeClock(time.Now())
	s := &Service{Options: Options{Clock: clock, Quantum: 300 * time.Millisecond}}
	for _, took := range []time.Duration{0, time.Millisecond, 299 * time.Millisecond, 300 * time.Millisecond, 700 * time.Millisecond} {
		start := clock.Now()
		clock.Step(took)
		done := make(chan time.Duration)
		go func() {
			s.level(t.Context(), start)
			done <- clock.Since(start)
		}()
		eventually(t, "it waits", clock.HasWaiters)
		left := s.Quantum - took%s.Quantum
		clock.Step(left - 1)
		if !clock.HasWaiters() {
			t.Errorf("%v: the answer comes early", took)
		}
		clock.Step(1)
		if got := <-done; got%s.Quantum != 0 {
			t.Errorf("%v: answered after %v", took, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.level(ctx, clock.Now())
}

func TestNewRefuses(t *testing.T) {
	full := newReplica(t, newNamespace(t)).Options
	for name, change := range map[string]func(*Options){
		"no client":          func(o *Options) { o.Client = nil },
		"no cache":           func(o *Options) { o.Cache = nil },
		"no namespace":       func(o *Options) { o.Namespace = "" },
		"no hasher":          func(o *Options) { o.Hasher = nil },
		"no backoff":         func(o *Options) { o.Backoff = nil },
		"no checks":          func(o *Options) { o.DeleteChecks = nil },
		"mail without a URL": func(o *Options) { o.ExternalURL = nil },
		"negative quantum":   func(o *Options) { o.Quantum = -1 },
		"metrics twice":      func(*Options) {},
	} {
		o := full
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Start leaves nothing behind, and the metrics are what docs say.
func TestStartEnds(t *testing.T) {
	namespace := newNamespace(t)
	r := newReplica(t, namespace)
	running := goleak.IgnoreCurrent()
	o := r.Options
	o.Registerer = nil
	second, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Authenticate("cky_"); !errors.Is(err, ErrUnauthenticated) {
		t.Errorf("no token: got %v", err)
	}
	text, _ := tokenText.issue(newTokenID())
	if _, err := second.Authenticate(text); !errors.Is(err, ErrNotReady) {
		t.Errorf("before the Secrets are read: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- second.Start(ctx) }()
	eventually(t, "the Secrets are read", second.Synced)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, running, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait"),
		goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"), goleak.IgnoreAnyFunction("net/http.(*http2ClientConn).readLoop"))

	r.user(t, ann)
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if metric := f.GetMetric()[0]; f.GetType().String() == "GAUGE" {
			got[f.GetName()] = metric.GetGauge().GetValue()
		} else {
			got[f.GetName()] = -1
		}
	}
	want := map[string]float64{
		"checky_apiserver_accounts": 1, "checky_apiserver_sessions": 1, "checky_apiserver_api_tokens": 0,
		"checky_apiserver_hash_queue_length": 0, "checky_apiserver_reset_queue_length": 0,
		"checky_apiserver_logins_total": -1, "checky_apiserver_signups_total": -1, "checky_apiserver_resets_total": -1,
		"checky_apiserver_last_use_dropped_total": -1,
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
