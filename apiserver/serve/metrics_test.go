package serve

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// registry holds one metric of its own.
func registry(t *testing.T) *prometheus.Registry {
	t.Helper()
	r := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "checky_test_total", Help: "A test's."})
	if err := r.Register(counter); err != nil {
		t.Fatal(err)
	}
	return r
}

// scraper runs a port until the test's end, and asks it.
func scraper(t *testing.T, o MetricsOptions) func(path, token string) (int, string) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, before) })
	metrics, err := ListenMetrics(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error)
	go func() { done <- metrics.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	c := client(t, true)
	return func(path, token string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, metrics.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(body)
	}
}

func TestMetricsInClear(t *testing.T) {
	scrape := scraper(t, MetricsOptions{Address: "127.0.0.1:0", Registry: registry(t)})
	code, body := scrape("/metrics", "")
	for _, want := range []string{"checky_test_total 0", "go_goroutines", "certwatcher_read_certificate_errors_total"} {
		if code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%d, and no %s in:\n%.500s", code, want, body)
		}
	}
	if code, _ := scrape("/debug/pprof/", ""); code != http.StatusNotFound {
		t.Errorf("another path: %d", code)
	}
}

func TestMetricsOfOneRegistry(t *testing.T) {
	scrape := scraper(t, MetricsOptions{Address: "127.0.0.1:0", Registry: controllermetrics.Registry})
	if code, body := scrape("/metrics", ""); code != http.StatusOK || strings.Count(body, "\ngo_goroutines ") != 1 {
		t.Errorf("%d:\n%.500s", code, body)
	}
}

func TestMetricsOff(t *testing.T) {
	metrics, err := ListenMetrics(t.Context(), MetricsOptions{Address: "0"})
	if err != nil || metrics.URL() != "" || metrics.Close() != nil {
		t.Fatalf("%v, %q", err, metrics.URL())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := metrics.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestMetricsOptions(t *testing.T) {
	for name, test := range map[string]struct {
		reason  string
		options MetricsOptions
		says    string
	}{
		"no cluster": {"callers cannot be looked at without an API server", MetricsOptions{Address: "127.0.0.1:0", Secure: true}, "API server"},
		"no port":    {"an address has a port", MetricsOptions{Address: "127.0.0.1"}, "--metrics-bind-address"},
	} {
		if _, err := ListenMetrics(t.Context(), test.options); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %s: %v", name, test.reason, err)
		}
	}
}

// TestMetricsSecure asks with the tokens of real service accounts.
func TestMetricsSecure(t *testing.T) {
	cluster := controlplanetest.Start(t).RESTConfig()
	clients, err := kubernetes.NewForConfig(cluster)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	const namespace = "serve-metrics"
	_, err = clients.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = clients.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		Rules:      []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = clients.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: namespace},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: namespace},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: "scraper", Namespace: namespace}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	token := func(name string) string {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := clients.CoreV1().ServiceAccounts(namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		request, err := clients.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return request.Status.Token
	}
	asker, err := rest.HTTPClientFor(cluster)
	if err != nil {
		t.Fatal(err)
	}
	scrape := scraper(t, MetricsOptions{Address: "127.0.0.1:0", Secure: true, Cluster: cluster, Client: asker, Registry: registry(t)})
	t.Cleanup(asker.CloseIdleConnections)
	for name, test := range map[string]struct {
		reason, token string
		code          int
	}{
		"nobody":   {"who does not say who they are is asked to", "", http.StatusUnauthorized},
		"invalid":  {"a token that is none is none; controller-runtime says so by 500", "nonsense", http.StatusInternalServerError},
		"stranger": {"metrics tell of users: not everybody sees them", token("stranger"), http.StatusForbidden},
		"scraper":  {"who may get /metrics does", token("scraper"), http.StatusOK},
	} {
		code, body := scrape("/metrics", test.token)
		if code != test.code || strings.Contains(body, "checky_test_total") != (test.code == http.StatusOK) {
			t.Errorf("%s: %s: %d, want %d:\n%.300s", name, test.reason, code, test.code, body)
		}
	}
}
