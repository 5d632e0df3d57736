package operator_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestReplacedUnseen deletes and creates a Check and a RuleSet anew while the operator sees nothing of them. It then finds
// other objects of the same names and generations.
func TestReplacedUnseen(t *testing.T) {
	c := newCluster(t)
	curtain := &curtain{}
	config := c.operatorConfig()
	config.Wrap(curtain.wrap)
	c.startAs(config, testOptions())
	c.apply(orders)
	c.apply(checkYAML("replaced", `{input: {amount: 10, customer: x}, ruleSets: [{name: orders}]}`))
	c.apply(checkYAML("user", `{input: {amount: 10, customer: x}, ruleSets: [{name: orders}]}`))
	replaced := c.verdict("replaced", v1alpha1.PhaseSuccess)
	c.verdict("user", v1alpha1.PhaseSuccess)
	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "orders"}}
	eventually(c, set, "a status", func(s *v1alpha1.RuleSet) bool { return s.Status.ObservedGeneration == s.Generation })

	curtain.close()
	for _, object := range []client.Object{replaced, set} {
		if err := c.Delete(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		c.gone(object)
	}
	c.apply(checkYAML("replaced", `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	c.apply(strings.ReplaceAll(orders, "min: 0", "min: 50"))
	curtain.open()

	c.verdict("replaced", v1alpha1.PhaseFailure)
	c.verdict("user", v1alpha1.PhaseFailure)
	eventually(c, set, "a status", func(s *v1alpha1.RuleSet) bool { return s.Status.ObservedGeneration == s.Generation })
}

// curtain hides Checks and RuleSets from an operator while it is closed. What the operator watches ends with it.
type curtain struct {
	mu      sync.Mutex
	closed  bool
	watches []io.Closer
}

func (c *curtain) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	for _, w := range c.watches {
		_ = w.Close() // it may have ended
	}
	c.watches = nil
}

func (c *curtain) open() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = false
}

func (c *curtain) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		list := strings.HasSuffix(r.URL.Path, "/checks") || strings.HasSuffix(r.URL.Path, "/rulesets")
		if r.Method != http.MethodGet || !list {
			return next.RoundTrip(r)
		}
		c.mu.Lock()
		closed := c.closed
		c.mu.Unlock()
		if closed {
			return nil, errors.New("the curtain is closed")
		}
		response, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.watches = append(c.watches, response.Body)
		return response, nil
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
