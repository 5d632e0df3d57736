package cluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/test/bench/load"
)

// Workers is how many connections a Driver creates Checks by at full speed.
const Workers = 16

// driverPatience is how long verdicts may take, beyond the time that their Checks are created in.
const driverPatience = 5 * time.Minute

// maxAttempts is how often a request is sent that the API server is too busy for, and busyPause how long it waits meanwhile.
const (
	maxAttempts = 100
	busyPause   = 100 * time.Millisecond
)

// Work says what Checks a Driver creates.
type Work struct {
	// Namespaces take the Checks in turn.
	Namespaces []string
	// Name says whose they are: it is their WorkLabel, and their names are NAME-NUMBER.
	Name string
	// Spec is the JSON of the n-th Check's spec.
	Spec func(number int) string
	// Labels are the members of the JSON of its other labels; nil: none.
	Labels func(number int) string
	// Statuses are those that the Driver writes itself, where no operator runs: that of number n is at n modulo their number. None: it
	// writes none.
	Statuses []json.RawMessage
}

// Driver creates Checks, as lean as can be: bytes on kept connections, and one watch that looks at names alone.
type Driver struct {
	Work
	// Proxy is what it reaches the API server through.
	Proxy *Proxy

	pool  *load.Pool
	watch *Watch
	seen  Gathering
	made  int
}

// Orders is the spec of a Check of an order of so many bytes, by the rule set of a kind and name.
func Orders(size int, kind, set string) func(int) string {
	return func(number int) string {
		return `{"input":` + Payload(number, size) + `,"ruleSets":[{"kind":"` + kind + `","name":"` + set + `"}]}`
	}
}

// Driver opens the connections and the watch, through a proxy of their own. They end with the cluster.
func (c *Cluster) Driver(ctx context.Context, work Work) (*Driver, error) {
	d := &Driver{Work: work}
	cfg, err := c.cp.UserConfig(benchUser)
	if err != nil {
		return nil, err
	}
	if d.Proxy, err = c.throughProxy(ctx, cfg); err != nil {
		return nil, err
	}
	config, err := rest.TLSConfigFor(cfg)
	if err != nil {
		return nil, err
	}
	config.NextProtos = []string{"http/1.1"}
	d.pool = load.NewPool(Workers, d.Proxy.Address(), withName(config))
	if d.watch, err = c.Watch(ctx, d.Name, d.Name+"-", func(s Sighting) { d.seen.See(s) }); err != nil {
		return nil, err
	}
	return d, nil
}

// Close closes the connections and the watch, before the cluster does.
func (d *Driver) Close() error {
	d.pool.Close()
	return errors.Join(d.watch.Close(), d.Proxy.Close())
}

// withName has a client look for the name that every certificate of the control plane's has.
func withName(config *tls.Config) *tls.Config {
	config.ServerName = "localhost"
	return config
}

// Keys are the last n Checks that were made, in order.
func (d *Driver) Keys(n int) []client.ObjectKey {
	keys := make([]client.ObjectKey, n)
	for i := range keys {
		number := d.made - n + i
		keys[i] = client.ObjectKey{Namespace: d.namespace(number), Name: d.nameOf(number)}
	}
	return keys
}

// Made is how many Checks there were so far: the next one's number.
func (d *Driver) Made() int { return d.made }

// Align has the next Check be of the first order.
func (d *Driver) Align() { d.made += (Variants - d.made%Variants) % Variants }

func (d *Driver) namespace(number int) string { return d.Namespaces[number%len(d.Namespaces)] }
func (d *Driver) nameOf(number int) string    { return fmt.Sprintf("%s-%07d", d.Name, number) }

// Span is from when a Check was sent to when its verdict was seen, or for a Driver with Statuses written.
type Span struct{ Sent, Done time.Time }

// Flood creates n Checks at full speed, and returns when the watch has seen the verdict of each.
func (d *Driver) Flood(ctx context.Context, n int) ([]Span, error) { return d.Stream(ctx, n, 0) }

// Stream creates n Checks at a constant rate, one every so often, whatever becomes of those before; each counts from when it was due.
// It returns when the watch has seen the verdict of each.
func (d *Driver) Stream(ctx context.Context, n int, every time.Duration) ([]Span, error) {
	ctx, cancel := bounded(ctx, time.Duration(n)*every)
	defer cancel()
	conns, giveBack, err := d.pool.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	sent, err := d.send(ctx, conns, n, every)
	if err != nil {
		return nil, err
	}
	done, err := d.seen.Wait(ctx, d.watch)
	if err != nil {
		return nil, err
	}
	spans := make([]Span, n)
	for i := range spans {
		spans[i] = Span{Sent: sent[i], Done: done[i]}
	}
	return spans, nil
}

// bounded is a context that ends when no verdict is to be waited for any longer.
func bounded(ctx context.Context, length time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, length+driverPatience, fmt.Errorf("not within %s", length+driverPatience))
}

// send creates n Checks by all connections, and returns when each was sent, or was due.
func (d *Driver) send(ctx context.Context, conns []*load.Conn, n int, every time.Duration) ([]time.Time, error) {
	first := d.made
	d.made += n
	d.seen.Expect(first, n)
	sent, began := make([]time.Time, n), time.Now()
	var next atomic.Int64
	var group sync.WaitGroup
	problems := make([]error, len(conns))
	for w, conn := range conns {
		group.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1) - 1)
				if i >= n {
					return
				}
				sent[i] = time.Now()
				if every > 0 {
					sent[i] = began.Add(time.Duration(i) * every)
					if problems[w] = sleepUntil(ctx, sent[i]); problems[w] != nil {
						return
					}
				}
				if problems[w] = d.one(ctx, conn, first+i); problems[w] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return sent, errors.Join(errors.Join(problems...), ctx.Err())
}

// Paced creates n Checks one after the other, each at its time or when the one before it is done, and returns how long each took:
// until the watch saw its verdict, or until the Driver itself has written it.
func (d *Driver) Paced(ctx context.Context, n int, every time.Duration) ([]time.Duration, error) {
	ctx, cancel := bounded(ctx, time.Duration(n)*every)
	defer cancel()
	conns, giveBack, err := d.pool.Take(ctx)
	if err != nil {
		return nil, err
	}
	defer giveBack()
	took := make([]time.Duration, n)
	began := time.Now()
	for i := range took {
		if err := sleepUntil(ctx, began.Add(time.Duration(i)*every)); err != nil {
			return nil, err
		}
		number := d.made
		d.made++
		d.seen.Expect(number, 1)
		sent := time.Now()
		if err := d.one(ctx, conns[0], number); err != nil {
			return nil, err
		}
		took[i] = time.Since(sent)
		done, err := d.seen.Wait(ctx, d.watch)
		if err != nil {
			return nil, err
		}
		if len(d.Statuses) == 0 {
			took[i] = done[0].Sub(sent)
		}
	}
	return took, nil
}

func sleepUntil(ctx context.Context, at time.Time) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(at)):
		return nil
	}
}

// one creates a Check, and writes its status where the Driver does that itself.
func (d *Driver) one(ctx context.Context, conn *load.Conn, number int) error {
	path := "/apis/checky.dev/v1alpha1/namespaces/" + d.namespace(number) + "/checks"
	labels := `"` + WorkLabel + `":"` + d.Name + `"`
	if d.Labels != nil {
		labels += "," + d.Labels(number)
	}
	body := `{"apiVersion":"checky.dev/v1alpha1","kind":"Check","metadata":{"name":"` + d.nameOf(number) + `","labels":{` + labels +
		`}},"spec":` + d.Spec(number) + `}`
	answer, err := exchange(ctx, conn, load.Request(http.MethodPost, path, []byte(body)), http.StatusCreated)
	if err != nil || len(d.Statuses) == 0 {
		return err
	}
	// As the operator writes it: the status, and of the rest what says which version of which object it is.
	write := fmt.Appendf(nil, `{"apiVersion":"checky.dev/v1alpha1","kind":"Check","metadata":{"name":%q,"namespace":%q,"uid":%q,"resourceVersion":%q},`+
		`"spec":{"failOn":"error"},"status":%s}`,
		d.nameOf(number), d.namespace(number), member(answer, "uid"), member(answer, "resourceVersion"), d.Statuses[number%len(d.Statuses)])
	_, err = exchange(ctx, conn, load.Request(http.MethodPut, path+"/"+d.nameOf(number)+"/status", write), http.StatusOK)
	return err
}

// exchange is load's, again where the API server is too busy.
func exchange(ctx context.Context, conn *load.Conn, request []byte, want int) ([]byte, error) {
	for range maxAttempts {
		status, body, err := conn.Exchange(request)
		switch {
		case err != nil:
			return nil, err
		case status == want:
			return body, nil
		case status != http.StatusTooManyRequests:
			return nil, fmt.Errorf("%.40s: status %d: %.300s", request, status, body)
		}
		if err := sleepUntil(ctx, time.Now().Add(busyPause)); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the API server stayed too busy")
}

// member is the first member of a name in a JSON text, where its value is a string without escapes.
func member(text []byte, name string) string {
	_, after, _ := bytes.Cut(text, []byte(`"`+name+`":"`))
	value, _, _ := bytes.Cut(after, []byte(`"`))
	return strings.Clone(string(value))
}
