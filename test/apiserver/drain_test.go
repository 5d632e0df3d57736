package apiserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

const (
	drainClients = 16
	// drainAfter is how many answers there are before the replica is told to end.
	drainAfter = 200
)

// TestDrain ends one of two replicas, real processes, by SIGTERM under load: every request that it has looked at gets its whole answer,
// those that wait for a verdict that does not come and the open stream of events among them; whoever comes later is served by the other
// one; and the process ends well.
func TestDrain(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	leaving, staying := c.startProcess(fixedAddress(t), "--drain-delay=1s"), c.startProcess(fixedAddress(t))
	token := signUp(t, leaving.url, "user@"+c.namespace+".example.com")
	awaitToken(t, staying.url, token)
	stream, ended := openEvents(t, c, leaving.url, token)

	l := &drainLoad{token: token, urls: []string{leaving.url, staying.url}, client: newClient(t, drainClients)}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- l.run(ctx) }()
	eventually(t, "the load is under way", func() bool { return l.whole[0].Load() >= drainAfter })
	if err := leaving.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	before := l.whole[0].Load()
	select {
	case <-leaving.done:
	case <-ctx.Done():
		t.Fatal("the replica does not end")
	}
	if leaving.err != nil {
		t.Errorf("the replica ended with %v", leaving.err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the stream of events: %v", err)
	}
	if text := stream.String(); !strings.HasPrefix(text, "event: result\n") || !strings.HasSuffix(text, "\n\n") {
		t.Errorf("the stream of events is not whole: %q", text)
	}
	begun := leaving.begun(t) // a client may have its last answer, and be about to count it
	eventually(t, fmt.Sprintf("each of the %d requests that the replica has worked on has a whole answer", begun), func() bool { return l.whole[0].Load() == begun })
	gone := l.whole[1].Load()
	eventually(t, "the load goes on at the other replica", func() bool { return l.whole[1].Load() >= gone+drainAfter })
	l.stop.Store(true)
	if err := <-done; err != nil {
		t.Error(err)
	}
	t.Logf("%d whole answers before SIGTERM, %d after it, %d by the other replica; %d requests went to the other one before a byte of an answer, %d answers said that the connection ends",
		before, l.whole[0].Load()-before, l.whole[1].Load(), l.moved.Load(), l.closing.Load())
}

// begun is how many checks and dry runs a facade's access log tells of, but for that of openEvents.
func (p *process) begun(t *testing.T) (n int64) {
	t.Helper()
	text, err := os.ReadFile(p.log)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " msg=request method=POST route=/v1/check ") {
			n++
		}
	}
	return n - 1
}

// openEvents follows a check that gets no verdict, and returns what comes, and how it ends.
func openEvents(t *testing.T, c *cluster, url, token string) (text *logBuffer, ended <-chan error) {
	t.Helper()
	waiting, err := send(t.Context(), http.DefaultClient, http.MethodPost, url+"/v1/check", token, `{"input":1,"rule_sets":["not-there"]}`, "Prefer", "wait=0")
	if err != nil || waiting.status != http.StatusAccepted {
		t.Fatalf("%v %+v", err, waiting)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/v1/status/"+*waiting.result().ID+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("events: %s", answer.Status)
	}
	text = &logBuffer{}
	done := make(chan error, 1)
	go func() {
		defer answer.Body.Close()
		_, err := io.Copy(text, bufio.NewReader(answer.Body))
		done <- err
	}()
	eventually(t, "the first event comes", func() bool { return strings.Contains(text.String(), "\n\n") })
	return text, done
}

// drainLoad is clients that keep their connections, and prefer the first replica for as long as it takes requests.
type drainLoad struct {
	token  string
	urls   []string
	client *http.Client

	stop    atomic.Bool
	whole   [2]atomic.Int64 // whole answers, by replica
	moved   atomic.Int64    // requests that the first replica took no notice of
	closing atomic.Int64    // answers of it that said that the connection ends
}

// run sends until stop is set. An answer that is not whole, or is none that a client should see of a replica that ends, is an error.
func (l *drainLoad) run(ctx context.Context) error {
	var group sync.WaitGroup
	problems := make(chan error, drainClients)
	for client := range drainClients {
		group.Go(func() {
			for n := 0; !l.stop.Load(); n++ {
				if err := l.one(ctx, client, n); err != nil {
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

// one sends one request: each client its own kind, so that all kinds are under way at any time.
func (l *drainLoad) one(ctx context.Context, client, n int) error {
	path, body, headers := "/v1/check", byOrders(goodOrder), []string(nil)
	switch client % 4 {
	case 0:
		path += "?dry_run=true"
	case 1: // waits for a verdict that does not come
		body, headers = `{"input":1,"rule_sets":["not-there"]}`, []string{"Prefer", "wait=1"}
	default:
		headers = []string{"Prefer", "wait=60"}
	}
	headers = append(headers, "Idempotency-Key", fmt.Sprintf("drain-%d-%d", client, n))
	for replica, url := range l.urls {
		a, err := send(ctx, l.client, http.MethodPost, url+path, l.token, body, headers...)
		switch {
		case err != nil && replica == 0 && untouched(err):
			l.moved.Add(1)
			continue
		case err != nil:
			return fmt.Errorf("replica %d: %w", replica, err)
		case a.result() == nil:
			return fmt.Errorf("replica %d: %d %s", replica, a.status, a.body)
		}
		if replica == 0 && a.last {
			l.closing.Add(1)
		}
		l.whole[replica].Add(1)
		return nil
	}
	return errors.New("neither replica took a request")
}

// untouched tells whether a request may not have been looked at: nobody listens any more, or an idle connection was closed in the moment
// that it was sent on it (RFC 9112, section 9.6). That it was not is what the access log shows.
func untouched(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF)
}
