package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

const (
	// probeInterval is how often the API server is asked for a sign of life.
	probeInterval = time.Second
	// probeTimeout is how long it has for the answer.
	probeTimeout = 2 * time.Second
	// silence is how long nothing may come back before every connection is closed. A connection that hangs is not seen as broken by
	// TCP for a quarter of an hour, and by HTTP/2's own pings for 45 seconds.
	silence = 5 * time.Second
	// probeBody bounds what is read of an answer. An answer that is read to its end leaves its connection usable.
	probeBody = 4 << 10
)

// contact asks the API server for a sign of life and closes the connections when none comes.
type contact struct {
	state *freshness
	clock clock.WithTicker
	log   logr.Logger
	ask   func(ctx context.Context, path string) error // an *answerError if there was an answer, but not a good one
	cut   func()                                       // closes every connection to the API server

	lastCut time.Time
}

// answerError is an answer that says that the API server is not well.
type answerError struct{ code int }

func (e *answerError) Error() string {
	return fmt.Sprintf("the API server answered %d %s", e.code, http.StatusText(e.code))
}

// run probes until the context ends.
func (c *contact) run(ctx context.Context) {
	ticker := c.clock.NewTicker(probeInterval)
	defer ticker.Stop()
	for {
		c.probe(ctx)
		select {
		case <-ticker.C():
		case <-ctx.Done():
			return
		}
	}
}

// probe asks once, and records the answer.
//
// A server that was away has to be ready, not just alive: one that has just started refuses watches until it has read
// the roles. Later, being alive is enough: a server that is asked to stop says at once that it is not ready, and still serves
// what it is sent.
func (c *contact) probe(ctx context.Context) {
	path := "readyz"
	if c.state.steady() {
		path = "livez"
	}
	sent := c.clock.Now()
	asking, cancel := context.WithTimeout(ctx, probeTimeout)
	err := c.ask(asking, path)
	cancel()
	if ctx.Err() != nil {
		return // the probe was ended, not failed
	}
	if err == nil {
		if c.state.hear(sent) {
			c.log.Info("The API server can be reached again")
		}
		return
	}
	first, quiet := c.state.miss()
	if first {
		c.log.Info("The API server cannot be reached; reads are answered from the cache", "error", err.Error())
	}
	if _, answered := err.(*answerError); answered { //nolint:errorlint // ask returns it as it is
		return
	}
	if now := c.clock.Now(); quiet >= silence && now.Sub(c.lastCut) >= silence {
		c.lastCut = now
		c.state.lose()
		c.cut()
	}
}

// prober returns contact's ask: a GET of a path below the API server's address. Any answer but 429 and 5xx is a good
// one, for it shows that requests are served; being denied this path is up to the cluster.
func prober(cfg *rest.Config, client *http.Client) (func(ctx context.Context, path string) error, error) {
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, path string) error { return get(ctx, client, base.JoinPath(path)) }, nil
}

func get(ctx context.Context, client *http.Client, address *url.URL) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // what matters of it is read
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, probeBody)); err != nil {
		return err
	}
	if response.StatusCode >= http.StatusInternalServerError || response.StatusCode == http.StatusTooManyRequests {
		return &answerError{code: response.StatusCode}
	}
	return nil
}
