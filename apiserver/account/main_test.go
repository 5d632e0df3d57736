package account

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	passwords "github.com/checky-dev/checky/apiserver/password"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	controlplanetest.Main(m)
}

const (
	// patience is how long a test waits for what should take moments.
	patience = 2 * time.Minute
	ann      = "ann@example.com"
	phrase   = "correct horse battery staple"
	newer    = "quiet lakes under seven moons"
)

var (
	namespaces atomic.Int64
	client1    = netip.MustParseAddr("192.0.2.1")
)

// mailbox keeps mails.
type mailbox struct {
	mu    sync.Mutex
	mails []string // "to\nsubject\ntext"
}

func (m *mailbox) enqueue(to, subject, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mails = append(m.mails, to+"\n"+subject+"\n"+text)
	return nil
}

func (m *mailbox) all() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.mails...)
}

var resetLink = regexp.MustCompile(`https://checky\.test/base/password-reset#token=(ckr_\S+)`)

// reset waits for the nth reset mail and returns its token.
func (m *mailbox) reset(t *testing.T, n int) string {
	t.Helper()
	var token string
	eventually(t, "a reset mail", func() bool {
		var tokens []string
		for _, mail := range m.all() {
			if link := resetLink.FindStringSubmatch(mail); link != nil {
				tokens = append(tokens, link[1])
			}
		}
		if len(tokens) >= n {
			token = tokens[n-1]
		}
		return token != ""
	})
	return token
}

// failures is a Backoff that blocks a key after a number of failures.
type failures struct {
	mu    sync.Mutex
	count map[string]int
	most  int
}

func newFailures() *failures { return &failures{count: map[string]int{}, most: 5} }

func (f *failures) Check(key string) (time.Duration, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Minute, f.count[key] < f.most
}

func (f *failures) Fail(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count[key]++
}

func (f *failures) Clear(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.count, key)
}

func (f *failures) of(key string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[key]
}

// replica is a Service with a cache of its own.
type replica struct {
	*Service
	admin    client.WithWatch
	mail     *mailbox
	failures *failures
	registry *prometheus.Registry
	logs     *logs
	stop     func()
}

type logs struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logs) write(_, args string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fmt.Fprintln(&l.text, args)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newClient(tb testing.TB) client.WithWatch {
	tb.Helper()
	config := controlplanetest.Start(tb).RESTConfig()
	config.QPS = -1
	c, err := client.NewWithWatch(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// newNamespace makes a namespace of a test's own.
func newNamespace(tb testing.TB) string {
	tb.Helper()
	name := fmt.Sprintf("accounts-%d", namespaces.Add(1))
	if err := newClient(tb).Create(tb.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
		tb.Fatal(err)
	}
	return name
}

// newHasher is quick, as tests hash often.
func newHasher(tb testing.TB) *passwords.Hasher {
	tb.Helper()
	h, err := passwords.NewHasher(passwords.Params{Memory: 64, Time: 1, Threads: 1}, 4, 64)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// newReplica starts a Service of a namespace, until the test ends. Nothing that it logs may be secret.
func newReplica(tb testing.TB, namespace string, change ...func(*Options)) *replica {
	tb.Helper()
	config := controlplanetest.Start(tb).RESTConfig()
	config.QPS = -1
	facade, err := labels.NewRequirement(FacadeLabel, selection.Exists, nil)
	if err != nil {
		tb.Fatal(err)
	}
	secrets, err := cache.New(config, cache.Options{
		Scheme: scheme.Scheme,
		ByObject: map[client.Object]cache.ByObject{&corev1.Secret{}: {
			Namespaces: map[string]cache.Config{namespace: {}}, Label: labels.NewSelector().Add(*facade),
		}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	r := &replica{
		admin: newClient(tb), mail: &mailbox{}, failures: newFailures(), registry: prometheus.NewRegistry(), logs: &logs{},
	}
	external, err := url.Parse("https://checky.test/base")
	if err != nil {
		tb.Fatal(err)
	}
	o := Options{
		Client: r.admin, Cache: secrets, Namespace: namespace, Hasher: newHasher(tb), Backoff: r.failures,
		DeleteChecks: func(context.Context, string) error { return nil },
		Mailer:       r.mail.enqueue, ExternalURL: external,
		Log: funcr.New(r.logs.write, funcr.Options{Verbosity: 1}), Registerer: r.registry,
	}
	for _, c := range change {
		c(&o)
	}
	if r.Service, err = New(o); err != nil {
		tb.Fatal(err)
	}
	r.start(tb, secrets)
	return r
}

func (r *replica) start(tb testing.TB, secrets cache.Cache) {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := secrets.Start(ctx); err != nil {
			tb.Errorf("the cache ended: %v", err)
		}
	})
	wg.Go(func() {
		if err := r.Start(ctx); err != nil && !errors.Is(err, context.Canceled) {
			tb.Errorf("the service ended: %v", err)
		}
	})
	r.stop = func() { cancel(); wg.Wait() }
	tb.Cleanup(func() {
		r.stop()
		for _, secret := range []string{"cky_", "ckr_", "@", phrase, newer, "$argon2", "192.0.2"} {
			if strings.Contains(r.logs.String(), secret) {
				tb.Errorf("the log has %q:\n%s", secret, r.logs)
			}
		}
	})
	eventually(tb, "the Secrets are read", r.Synced)
}

// eventually waits for a condition.
func eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			tb.Fatalf("it does not happen: %s", what)
		}
	}
}

// user signs an address up and logs it in.
func (r *replica) user(tb testing.TB, email string) Issued {
	tb.Helper()
	if err := r.SignUp(tb.Context(), email, phrase, client1); err != nil {
		tb.Fatalf("sign up: %v", err)
	}
	return r.session(tb, email, phrase)
}

func (r *replica) session(tb testing.TB, email, password string) Issued {
	tb.Helper()
	session, err := r.LogIn(tb.Context(), email, password, client1)
	if err != nil {
		tb.Fatalf("log in: %v", err)
	}
	return session
}

// good says whether a secret authenticates. Any other error than ErrUnauthenticated fails the test.
func (r *replica) good(tb testing.TB, secret string) bool {
	tb.Helper()
	_, err := r.Authenticate(secret)
	if err != nil && !errors.Is(err, ErrUnauthenticated) && !errors.Is(err, ErrBusy) { // busy: it is among too many that are not known
		tb.Fatalf("authenticate: %v", err)
	}
	return err == nil
}

// secrets are the Secrets that there are, from the API server.
func (r *replica) secrets(tb testing.TB, kind string) []corev1.Secret {
	tb.Helper()
	var list corev1.SecretList
	if err := r.admin.List(tb.Context(), &list, client.InNamespace(r.Namespace), client.MatchingLabels{FacadeLabel: kind}); err != nil {
		tb.Fatal(err)
	}
	return list.Items
}

// counted is a counter by its result, as Prometheus sees it.
func (r *replica) counted(tb testing.TB, name, result string) float64 {
	tb.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == result {
				return m.GetCounter().GetValue()
			}
		}
	}
	tb.Fatalf("there is no %s of %s", name, result)
	return 0
}
