package authn

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	authenticationapi "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/checky-dev/checky/apiserver/cluster"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// patience is how long a test waits for what should take moments.
const patience = 2 * time.Minute

// wire counts reviews by resource, and can be cut.
type wire struct {
	next http.RoundTripper
	cut  atomic.Bool
	mu   sync.Mutex
	sent map[string]int
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.sent[path.Base(r.URL.Path)]++
	w.mu.Unlock()
	if w.cut.Load() {
		return nil, syscall.ECONNREFUSED
	}
	return w.next.RoundTrip(r)
}

// take returns how many reviews were sent since the last time.
func (w *wire) take() map[string]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	sent := w.sent
	w.sent = map[string]int{}
	return sent
}

// facade is a Kubernetes with the permissions that its documentation names, and the cluster around it.
type facade struct {
	*Kubernetes
	admin     kubernetes.Interface
	namespace string
	clock     *clocktesting.FakePassiveClock
	wire      *wire
}

var namespaces atomic.Int64

func newFacade(t *testing.T, o KubernetesOptions) *facade {
	t.Helper()
	cfg := controlplanetest.Start(t).RESTConfig()
	cfg.QPS = -1
	admin, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f := &facade{
		admin: admin, namespace: fmt.Sprintf("shop-%d", namespaces.Add(1)),
		clock: clocktesting.NewFakePassiveClock(time.Now()), wire: &wire{sent: map[string]int{}},
	}
	f.create(t)
	own := rest.AnonymousClientConfig(cfg)
	own.BearerToken = f.token(t, "facade")
	own.Wrap(func(next http.RoundTripper) http.RoundTripper {
		f.wire.next = next
		return f.wire
	})
	o.Clock = f.clock
	if f.Kubernetes, err = NewKubernetes(own, o); err != nil {
		t.Fatal(err)
	}
	return f
}

// create creates the namespace, the ServiceAccounts facade (which may ask for reviews), buyer (which may create and
// get checks) and seller (which may not).
func (f *facade) create(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(f.admin.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.namespace}}, metav1.CreateOptions{}))
	for _, name := range []string{"facade", "buyer", "seller"} {
		must(f.admin.CoreV1().ServiceAccounts(f.namespace).Create(ctx, &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{}))
	}
	subject := func(name string) []rbacv1.Subject {
		return []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: f.namespace, Name: name}}
	}
	must(f.admin.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: f.namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:auth-delegator"},
		Subjects:   subject("facade"),
	}, metav1.CreateOptions{}))
	must(f.admin.RbacV1().Roles(f.namespace).Create(ctx, &rbacv1.Role{
		ObjectMeta: metav1.ObjectMeta{Name: "checks"},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"checky.dev"}, Resources: []string{"checks"}, Verbs: []string{"create", "get"}}},
	}, metav1.CreateOptions{}))
	must(f.admin.RbacV1().RoleBindings(f.namespace).Create(ctx, &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "checks"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "checks"},
		Subjects:   subject("buyer"),
	}, metav1.CreateOptions{}))
}

// token has the API server issue a token of a ServiceAccount.
func (f *facade) token(t *testing.T, name string, audiences ...string) string {
	t.Helper()
	request, err := f.admin.CoreV1().ServiceAccounts(f.namespace).CreateToken(t.Context(), name,
		&authenticationapi.TokenRequest{Spec: authenticationapi.TokenRequestSpec{Audiences: audiences}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

// caller authenticates, again and again until the facade's own permission has arrived everywhere.
func (f *facade) caller(t *testing.T, token string) *Caller {
	t.Helper()
	var c *Caller
	f.eventually(t, func(ctx context.Context) (err error) {
		c, err = f.authenticate(ctx, token)
		return err
	})
	return c
}

// eventually tries until there is no error.
func (f *facade) eventually(t *testing.T, try func(context.Context) error) {
	t.Helper()
	var last error
	err := wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = try(ctx)
		return last == nil, nil
	})
	if err != nil {
		t.Fatalf("%v: %v", err, last)
	}
}

func (f *facade) pass(d time.Duration) { f.clock.SetTime(f.clock.Now().Add(d)) }

func TestServiceAccount(t *testing.T) {
	// A denial is forgotten at once here, so that the test sees when a role has arrived.
	f := newFacade(t, KubernetesOptions{DenyTTL: 1})
	token := f.token(t, "buyer", "checky", "somebody-else")
	c := f.caller(t, token)
	owner := ownerOf(f.namespace, "buyer")
	if c.Owner != owner || c.TokenID != owner || c.Account != "" || c.Session || c.RatePerMinute != 0 {
		t.Errorf("caller: %+v", c)
	}
	if name := "system:serviceaccount:" + f.namespace + ":buyer"; c.User.GetName() != name {
		t.Errorf("user: %s, want %s", c.User.GetName(), name)
	}
	for _, verb := range []string{"create", "get"} {
		f.eventually(t, func(ctx context.Context) error { return f.Authorize(ctx, c, verb) })
	}
	f.wire.take()
	for range 10 {
		if again, err := f.authenticate(t.Context(), token); err != nil || again != c {
			t.Errorf("caller %+v, error %v", again, err)
		}
		if err := f.Authorize(t.Context(), c, "create"); err != nil {
			t.Error(err)
		}
	}
	if sent := f.wire.take(); len(sent) != 0 {
		t.Errorf("answers that were known were asked for again: %v", sent)
	}
	f.pass(DefaultTokenTTL)
	if _, err := f.authenticate(t.Context(), token); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]int{"tokenreviews": 1}, f.wire.take()); diff != "" {
		t.Errorf("after the time of the answer (-want +got):\n%s", diff)
	}
	// What is not granted.
	if err := f.Authorize(t.Context(), c, "delete"); !errors.Is(err, ErrForbidden) || !strings.Contains(err.Error(), "delete checks.checky.dev in namespace "+f.namespace) {
		t.Errorf("delete: %v", err)
	}
	// A new token of the same ServiceAccount is the same caller.
	if other := f.caller(t, f.token(t, "buyer", "checky")); other.Owner != owner {
		t.Errorf("owner: %s, want %s", other.Owner, owner)
	}
}

func TestServiceAccountWithoutRole(t *testing.T) {
	f := newFacade(t, KubernetesOptions{DenyTTL: time.Hour})
	c := f.caller(t, f.token(t, "seller", "checky"))
	f.wire.take()
	for range 10 {
		if err := f.Authorize(t.Context(), c, "create"); !errors.Is(err, ErrForbidden) {
			t.Errorf("create: %v", err)
		}
	}
	if diff := cmp.Diff(map[string]int{"subjectaccessreviews": 1}, f.wire.take()); diff != "" {
		t.Errorf("reviews for a denial (-want +got):\n%s", diff)
	}
}

func TestRefusedTokens(t *testing.T) {
	f := newFacade(t, KubernetesOptions{})
	good := f.token(t, "buyer", "checky")
	f.caller(t, good) // from here on the facade's own permission is there
	parts := strings.Split(good, ".")
	cases := map[string]struct {
		reason  string
		token   string
		reviews int
	}{
		"OtherAudience":   {"a token for somebody else, that Checky could otherwise be sent by mistake", f.token(t, "buyer", "somebody-else"), 1},
		"DefaultAudience": {"a token for the API server itself: one that is passed on could be used against it", f.token(t, "buyer"), 1},
		"Forged":          {"another signature", parts[0] + "." + parts[1] + "." + strings.Repeat("A", len(parts[2])), 1},
		"NoSignature":     {"an empty part is no part", parts[0] + "." + parts[1] + ".", 0},
		"TwoParts":        {"no JWT", parts[0] + "." + parts[1], 0},
		"FourParts":       {"no JWT", good + ".x", 0},
		"Opaque":          {"no JWT", "0123456789abcdef", 0},
		"PlainBase64":     {"base64url has no slash", parts[0] + "." + parts[1] + ".a/b", 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f.wire.take()
			for range 5 {
				if _, err := f.authenticate(t.Context(), c.token); !errors.Is(err, ErrUnauthenticated) {
					t.Errorf("%s: %v", c.reason, err)
				}
			}
			if n := f.wire.take()["tokenreviews"]; n != c.reviews {
				t.Errorf("%s: %d reviews, want %d", c.reason, n, c.reviews)
			}
			f.pass(DefaultRefusedTTL)
			if _, err := f.authenticate(t.Context(), c.token); !errors.Is(err, ErrUnauthenticated) {
				t.Errorf("%s: %v", c.reason, err)
			}
			if n := f.wire.take()["tokenreviews"]; n != c.reviews {
				t.Errorf("%s, asked again later: %d reviews, want %d", c.reason, n, c.reviews)
			}
		})
	}
}

func TestDeletedServiceAccount(t *testing.T) {
	f := newFacade(t, KubernetesOptions{})
	token := f.token(t, "buyer", "checky")
	f.caller(t, token)
	if err := f.admin.CoreV1().ServiceAccounts(f.namespace).Delete(t.Context(), "buyer", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := f.authenticate(t.Context(), token); err != nil {
		t.Errorf("within the time of the answer: %v", err)
	}
	// The API server has a cache of its own, of 10 s.
	f.eventually(t, func(ctx context.Context) error {
		f.pass(DefaultTokenTTL)
		if _, err := f.authenticate(ctx, token); !errors.Is(err, ErrUnauthenticated) {
			return fmt.Errorf("still let in: %w", err)
		}
		return nil
	})
}

// TestAway cuts the wire: what is known holds until its time is up, and what is not is no 401.
func TestAway(t *testing.T) {
	f := newFacade(t, KubernetesOptions{DenyTTL: 1})
	token, other := f.token(t, "buyer", "checky"), f.token(t, "seller", "checky")
	c := f.caller(t, token)
	f.eventually(t, func(ctx context.Context) error { return f.Authorize(ctx, c, "create") })
	f.wire.cut.Store(true)

	if _, err := f.authenticate(t.Context(), token); err != nil {
		t.Errorf("a token that is known: %v", err)
	}
	if err := f.Authorize(t.Context(), c, "create"); err != nil {
		t.Errorf("an access that is known: %v", err)
	}
	unreachable := func(what string, err error) {
		t.Helper()
		if !cluster.Unreachable(err) || errors.Is(err, ErrUnauthenticated) || errors.Is(err, ErrForbidden) || Challenge(err) != "" {
			t.Errorf("%s: %v", what, err)
		}
		if err != nil && strings.Contains(err.Error(), other) {
			t.Errorf("%s: the error holds the token", what)
		}
	}
	_, err := f.authenticate(t.Context(), other)
	unreachable("a token that is not known", err)
	unreachable("an access that is not known", f.Authorize(t.Context(), c, "list"))
	f.pass(DefaultTokenTTL)
	_, err = f.authenticate(t.Context(), token)
	unreachable("a token that was known", err)

	f.wire.cut.Store(false)
	if _, err := f.authenticate(t.Context(), other); err != nil {
		t.Errorf("once it is back: %v", err)
	}
}

func TestAccountsNeedNoRole(t *testing.T) {
	var none *Kubernetes
	if err := none.Authorize(t.Context(), &Caller{Account: "owner"}, "create"); err != nil {
		t.Error(err)
	}
}
