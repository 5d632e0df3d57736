package apiserver_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/transport"
)

// calls counts the requests that a client makes of the API server, by method and resource.
type calls struct {
	mu     sync.Mutex
	counts map[string]int
}

// counting wraps a transport. What the facade does however many requests it gets is left out: signs of life, watches, and the time of
// a token's last use, which it writes at most every 30 s.
func (c *calls) counting(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		path := r.URL.Path
		lastUse := r.Method == http.MethodPatch && strings.Contains(path, "/secrets/")
		if path != "/livez" && path != "/readyz" && r.URL.Query().Get("watch") == "" && !lastUse {
			c.mu.Lock()
			c.counts[r.Method+" "+path]++
			c.mu.Unlock()
		}
		return next.RoundTrip(r)
	})
}

func (c *calls) reset() (before map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before, c.counts = c.counts, map[string]int{}
	return before
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestOneCallPerCheck counts what the facade asks of the API server: a check that is recorded and waited for is one Create and nothing
// else, whatever it is, and reading it, listing, dry runs and a key that is sent again ask nothing at all.
func TestOneCallPerCheck(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	counted := &calls{counts: map[string]int{}}
	config := c.as("checky-apiserver")
	config.Wrap(transport.WrapperFunc(counted.counting))
	url := c.serve(config)
	token := signUp(t, url, "user@"+c.namespace+".example.com")
	post := func(key, payload, query string) *answer {
		t.Helper()
		headers := []string{"Prefer", "wait=60"}
		if key != "" {
			headers = append(headers, "Idempotency-Key", key)
		}
		a, err := send(t.Context(), http.DefaultClient, http.MethodPost, url+"/v1/check"+query, token, byOrders(payload), headers...)
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("%v %+v", err, a)
		}
		return a
	}
	eventually(t, "the facade knows the rule set", func() bool {
		a, err := send(t.Context(), http.DefaultClient, http.MethodPost, url+"/v1/check?dry_run=true", token, byOrders(goodOrder))
		return err == nil && a.status == http.StatusOK
	})
	counted.reset()

	const checks = 20
	var ids []string
	for i := range checks {
		key, payload := "", goodOrder
		if i%2 == 0 {
			key, payload = fmt.Sprint("key-", i), badOrder
		}
		ids = append(ids, *post(key, payload, "").result().ID)
	}
	if diff := cmp.Diff(map[string]int{"POST /apis/checky.dev/v1alpha1/namespaces/" + c.namespace + "/checks": checks}, counted.reset()); diff != "" {
		t.Errorf("for %d recorded checks (-want +got):\n%s", checks, diff)
	}
	for i, id := range ids {
		if a, err := send(t.Context(), http.DefaultClient, http.MethodGet, url+"/v1/status/"+id, token, ""); err != nil || a.status != http.StatusOK {
			t.Errorf("%v %+v", err, a)
		}
		if i%2 == 0 {
			if again := *post(fmt.Sprint("key-", i), badOrder, "").result().ID; again != id {
				t.Errorf("the same key gave %s, then %s", id, again)
			}
		}
		post("", goodOrder, "?dry_run=true")
	}
	listAll(t, url, token)
	if diff := cmp.Diff(map[string]int{}, counted.reset()); diff != "" {
		t.Errorf("for what needs no API server (-want +got):\n%s", diff)
	}
}
