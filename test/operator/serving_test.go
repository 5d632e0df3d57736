package operator_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestServing looks at what the operator serves: probes to all, metrics to those whom the API server lets.
func TestServing(t *testing.T) {
	c := newCluster(t)
	o := testOptions()
	health, scrape := freePort(t), freePort(t)
	o.HealthAddress = fmt.Sprintf("127.0.0.1:%d", health)
	o.MetricsAddress = fmt.Sprintf("127.0.0.1:%d", scrape)
	c.start(o)
	c.apply(orders)
	c.apply(checkYAML("counted", `{input: {amount: 1, customer: x}, ruleSets: [{name: orders}]}`))
	c.verdict("counted", v1alpha1.PhaseSuccess)

	for _, path := range []string{"/healthz", "/readyz"} {
		if code, _ := get(t, fmt.Sprintf("http://127.0.0.1:%d%s", health, path), ""); code != http.StatusOK {
			t.Errorf("%s: %d", path, code)
		}
	}
	reader := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "test-metrics-reader"},
		Rules:      []rbacv1.PolicyRule{{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}}},
	}
	binding := bindTo(reader.Name)
	binding.Subjects = []rbacv1.Subject{{Kind: "ServiceAccount", Name: "scraper", Namespace: c.namespace}}
	c.create(reader, binding)
	url := fmt.Sprintf("https://127.0.0.1:%d/metrics", scrape)
	for who, want := range map[string]int{"": http.StatusUnauthorized, "stranger": http.StatusForbidden, "scraper": http.StatusOK} {
		token := ""
		if who != "" {
			token = c.token(who)
		}
		code, body := get(t, url, token)
		if code != want {
			t.Errorf("metrics for %q: %d, want %d", who, code, want)
		}
		if want == http.StatusOK && !strings.Contains(body, "workqueue_depth") {
			t.Errorf("the metrics lack the queue's:\n%.500s", body)
		}
	}
}

// token makes a service account and a token for it.
func (c *cluster) token(name string) string {
	c.t.Helper()
	account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}
	c.create(account)
	request := &authenticationv1.TokenRequest{}
	if err := c.SubResource("token").Create(c.t.Context(), account, request); err != nil {
		c.t.Fatal(err)
	}
	return request.Status.Token
}

// get asks an operator that has just started, until it answers.
func get(t *testing.T, url, token string) (code int, body string) {
	t.Helper()
	// The certificate is one that the operator made for itself.
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true}
	browser := &http.Client{Transport: transport}
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false, err
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := browser.Do(request)
		if err != nil {
			return false, nil //nolint:nilerr // it is not listening yet
		}
		text, err := io.ReadAll(response.Body)
		code, body = response.StatusCode, string(text)
		return true, errors.Join(err, response.Body.Close())
	})
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	return code, body
}

// TestKnowledgeReload replaces the knowledge file as a mounted ConfigMap is, first by garbage and then by a good file.
func TestKnowledgeReload(t *testing.T) {
	c := newCluster(t)
	o := testOptions()
	dir := t.TempDir()
	o.Knowledge = filepath.Join(dir, "facts.txt")
	o.PodName, o.PodNamespace = "checky-0", c.namespace
	mount(t, dir, "one", "## Amounts\nAn amount in a range is checked by hand: ask the first clerk.\n")
	op := c.start(o)
	c.apply(orders)
	c.apply(checkYAML("a", `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	if k := c.verdict("a", v1alpha1.PhaseFailure); !strings.Contains(k.Status.Explanation, "first clerk") {
		t.Errorf("explanation: %s", k.Status.Explanation)
	}

	mount(t, dir, "two", "\xff\x00 garbage")
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "checky-0"}}
	if events := eventsOf(c, pod); events[0].Reason != "KnowledgeReloadFailed" {
		t.Errorf("events: %+v", events)
	}
	c.apply(checkYAML("b", `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	if k := c.verdict("b", v1alpha1.PhaseFailure); !strings.Contains(k.Status.Explanation, "first clerk") {
		t.Errorf("the last good file is not used: %s", k.Status.Explanation)
	}

	mount(t, dir, "three", "## Amounts\nAn amount in a range is checked by hand: ask the second clerk.\n")
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return counter(t, op, "checky_knowledge_reloads_total", "success") > 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := counter(t, op, "checky_knowledge_reloads_total", "failure"); n != 1 {
		t.Errorf("%v failed reloads were counted, want 1", n)
	}
	c.apply(checkYAML("c", `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	if k := c.verdict("c", v1alpha1.PhaseFailure); !strings.Contains(k.Status.Explanation, "second clerk") {
		t.Errorf("the new file is not used: %s", k.Status.Explanation)
	}
}

// mount puts a version of the file in place as the kubelet does: a folder of its own, and a link that is swapped.
func mount(t *testing.T, dir, version, text string) {
	t.Helper()
	if err := os.Mkdir(filepath.Join(dir, version), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, version, "facts.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	fresh := filepath.Join(dir, "..fresh")
	if err := os.Symlink(version, fresh); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fresh, filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "facts.txt")
	if _, err := os.Lstat(file); err != nil {
		if err := os.Symlink(filepath.Join("..data", "facts.txt"), file); err != nil {
			t.Fatal(err)
		}
	}
}
