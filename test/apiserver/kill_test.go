package apiserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	restclient "github.com/checky-dev/checky/apiserver/client"
)

const (
	killChecks  = 1000
	killClients = 32
	killTokens  = 4
	// killAfter is how many checks are acknowledged before the kill.
	killAfter = 250
	// heldBack is how many checks are not sent before the killed replica is back, so that it gets its share of the load.
	heldBack = 250
	// sentTwice says of every so many checks that they are sent again once they have been acknowledged.
	sentTwice = 10
)

// order is one check of a load: under a key and with a payload of its own.
type order struct {
	number int
	token  string
}

func (o order) good() bool  { return o.number%2 == 0 }
func (o order) key() string { return fmt.Sprintf("order-%04d", o.number) }

func (o order) payload() string {
	amount := "74.89"
	if !o.good() {
		amount = "99999"
	}
	return fmt.Sprintf(`{"id":%q,"amount":%s,"currency":"EUR","customer":{"email":"ada@example.com"},"items":[{"sku":"LMP-0042","qty":1}]}`, o.key(), amount)
}

func (o order) phase() v1alpha1.Phase {
	if o.good() {
		return v1alpha1.PhaseSuccess
	}
	return v1alpha1.PhaseFailure
}

// byOrders is the body of POST /v1/check for a payload.
func byOrders(payload string) string { return `{"input":` + payload + `,"rule_sets":["orders"]}` }

// acknowledgement is an answer that says that a check is recorded.
type acknowledgement struct {
	order  order
	id     string
	status restclient.CheckResultStatus
	by     int // the replica
}

// load sends orders to replicas, as clients do that want each of them checked: the same key again, to the next replica, until it is
// acknowledged.
type load struct {
	client *http.Client
	urls   []string
	wait   int // seconds for the verdict

	mu           sync.Mutex
	acknowledged []acknowledgement
	changed      chan struct{}
	retried      atomic.Int64 // answers that were none, 429 or 5xx
	broken       atomic.Int64 // those among them that began and were cut, or never came
}

func newLoad(client *http.Client, wait int, urls ...string) *load {
	return &load{client: client, urls: urls, wait: wait, changed: make(chan struct{}, 1)}
}

// run sends orders by so many clients at a time until there are no more.
func (l *load) run(ctx context.Context, clients int, orders <-chan order) error {
	var group sync.WaitGroup
	problems := make(chan error, clients)
	for range clients {
		group.Go(func() {
			for o := range orders {
				if err := l.send(ctx, o); err != nil {
					problems <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(problems)
	return <-problems
}

// send sends an order until it is acknowledged, and every tenth once more, to another replica.
func (l *load) send(ctx context.Context, o order) error {
	at, err := l.post(ctx, o, o.number)
	if err == nil && o.number%sentTwice == 0 {
		_, err = l.post(ctx, o, at+1)
	}
	return err
}

// post sends an order until it is acknowledged, first to one replica, and returns which one that was in the end.
func (l *load) post(ctx context.Context, o order, first int) (at int, err error) {
	for at = first; ; at++ {
		a, err := send(ctx, l.client, http.MethodPost, l.urls[at%len(l.urls)]+"/v1/check", o.token, byOrders(o.payload()),
			"Idempotency-Key", o.key(), "Prefer", fmt.Sprint("wait=", l.wait))
		switch {
		case ctx.Err() != nil:
			return at, fmt.Errorf("%s: %w", o.key(), ctx.Err())
		case err != nil:
			l.broken.Add(1)
		case a.result() != nil:
			l.acknowledge(o, a.result(), at%len(l.urls))
			return at, nil
		case a.status != http.StatusTooManyRequests && a.status < http.StatusInternalServerError:
			return at, fmt.Errorf("%s: %d %s", o.key(), a.status, a.body)
		}
		l.retried.Add(1)
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (l *load) acknowledge(o order, r *restclient.CheckResult, by int) {
	l.mu.Lock()
	l.acknowledged = append(l.acknowledged, acknowledgement{o, *r.ID, r.Status, by})
	l.mu.Unlock()
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *load) seen() []acknowledgement {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.acknowledged)
}

// await waits until so many orders have been acknowledged.
func (l *load) await(ctx context.Context, n int) error {
	for len(l.seen()) < n {
		select {
		case <-l.changed:
		case <-ctx.Done():
			return fmt.Errorf("%d of %d orders are acknowledged: %w", len(l.seen()), n, ctx.Err())
		}
	}
	return nil
}

// TestKilledReplica kills one of two replicas, real processes, while checks are posted to both, and starts it again: each check that was
// acknowledged exists once and gets its right verdict, and no key has two.
func TestKilledReplica(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	addresses := []string{fixedAddress(t), fixedAddress(t)}
	var urls []string
	var replicas []*process
	for _, address := range addresses {
		p := c.startProcess(address)
		replicas, urls = append(replicas, p), append(urls, p.url)
	}
	tokens := make([]string, killTokens)
	for i := range tokens {
		tokens[i] = signUp(t, urls[0], fmt.Sprintf("user-%d@%s.example.com", i, c.namespace))
		awaitToken(t, urls[1], tokens[i])
	}

	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	l := newLoad(newClient(t, killClients), 2, urls...)
	work, done := make(chan order), make(chan error, 1)
	go func() { done <- l.run(ctx, killClients, work) }()
	restarted := make(chan struct{})
	go func() {
		defer close(work)
		for i := range killChecks {
			if i == killChecks-heldBack {
				<-restarted
			}
			select {
			case work <- order{number: i, token: tokens[i/2%killTokens]}:
			case <-ctx.Done():
				return
			}
		}
	}()

	if err := l.await(ctx, killAfter); err != nil {
		t.Fatal(err)
	}
	replicas[0].kill()
	atKill := len(l.seen())
	if err := l.await(ctx, atKill+killAfter/2); err != nil {
		t.Fatal(err)
	}
	again := c.startProcess(addresses[0])
	atRestart := len(l.seen())
	close(restarted)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	seen := l.seen()
	if !slices.ContainsFunc(seen[atRestart:], func(a acknowledgement) bool { return a.by == 0 }) {
		t.Error("the replica that was started again has acknowledged nothing")
	}
	if l.broken.Load() == 0 {
		t.Error("nobody noticed the kill")
	}
	c.verifyAcknowledged(seen, killChecks)
	for _, token := range tokens {
		for _, url := range []string{again.url, urls[1]} {
			eventually(t, "each user's checks are listed by each replica", func() bool { return len(listAll(t, url, token)) == killChecks/killTokens })
		}
	}
	t.Logf("%d acknowledgements: %d before the kill, %d until the replica was back, %d after it; %d requests were sent again, of which %d had had no answer",
		len(seen), atKill, atRestart-atKill, len(seen)-atRestart, l.retried.Load(), l.broken.Load())
}

// verifyAcknowledged expects that so many orders are acknowledged, each under one id, and that the namespace has just these Checks, each
// with its order's payload and, in the end, its right verdict.
func (c *cluster) verifyAcknowledged(seen []acknowledgement, want int) {
	c.t.Helper()
	ids := map[string]string{} // by key
	byID := map[string]order{}
	for _, a := range seen {
		if id, there := ids[a.order.key()]; there && id != a.id {
			c.t.Errorf("%s has two ids, %s and %s", a.order.key(), id, a.id)
		}
		if other, there := byID[a.id]; there && other != a.order {
			c.t.Errorf("%s is the id of both %s and %s", a.id, other.key(), a.order.key())
		}
		if a.status != restclient.CheckResultStatusPending && (a.status == restclient.CheckResultStatusSuccess) != a.order.good() {
			c.t.Errorf("%s was answered %s", a.order.key(), a.status)
		}
		ids[a.order.key()], byID[a.id] = a.id, a.order
	}
	if len(ids) != want {
		c.t.Errorf("%d orders are acknowledged, want %d", len(ids), want)
	}
	list := &v1alpha1.CheckList{}
	eventually(c.t, "every check has its verdict", func() bool {
		if err := c.List(c.t.Context(), list, client.InNamespace(c.namespace)); err != nil {
			c.t.Logf("list: %v", err)
			return false
		}
		return !slices.ContainsFunc(list.Items, func(k v1alpha1.Check) bool { return !k.Status.Phase.Finished() })
	})
	for i := range list.Items {
		k := &list.Items[i]
		o, there := byID[k.Name]
		switch {
		case !there:
			c.t.Errorf("%s was acknowledged to nobody: %s", k.Name, k.Spec.InputJSON)
		case k.Spec.InputJSON != o.payload():
			c.t.Errorf("%s has the payload %s, want %s", k.Name, k.Spec.InputJSON, o.payload())
		case k.Status.Phase != o.phase():
			c.t.Errorf("%s has phase %s, want %s", o.key(), k.Status.Phase, o.phase())
		}
		delete(byID, k.Name)
	}
	for id, o := range byID {
		c.t.Errorf("%s was acknowledged as %s, and is not there", o.key(), id)
	}
}

// listAll gives the ids of all of a caller's checks, page by page.
func listAll(t testing.TB, url, token string) (ids []string) {
	t.Helper()
	cursor := ""
	for {
		a, err := send(t.Context(), http.DefaultClient, http.MethodGet, url+"/v1/checks?limit=100"+cursor, token, "")
		if err != nil || a.status != http.StatusOK {
			t.Fatalf("list: %v %+v", err, a)
		}
		var page restclient.CheckList
		if err := json.Unmarshal(a.body, &page); err != nil {
			t.Fatal(err)
		}
		for _, k := range page.Checks {
			ids = append(ids, k.ID)
		}
		if page.NextCursor == nil {
			return ids
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}
