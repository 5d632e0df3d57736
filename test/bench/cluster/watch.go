package cluster

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// checksPath is the API server's path of all Checks.
const checksPath = "/apis/checky.dev/v1alpha1/checks"

// Bounds of a watch: how large an event may be, how long the API server keeps it open, and how often it is opened.
const (
	maxEvent      = 8 << 20
	watchSeconds  = 4 * 60 * 60
	firstListSize = 1
	maxReopened   = 20
)

// Sighting is what a watch tells of a Check that has its verdict.
type Sighting struct {
	// Number is that of its name.
	Number int
	// At is when the event was read.
	At time.Time
	// Event is the watch's line, good for the call alone.
	Event []byte
}

// Watch tells of finished Checks.
type Watch struct {
	hc      *http.Client
	url     string // of the watch, without where it begins
	name    []byte // how a Check's own name stands in an event
	f       func(Sighting)
	version string // of the last object that was seen
	stop    context.CancelFunc
	done    chan struct{}
	err     error // why it ended, once done is closed
}

// WorkLabel is on each Check that a Driver makes, and says whose it is.
const WorkLabel = "bench"

// Watch calls f, from one goroutine, for each Check that has its verdict, the work's label, and as its name the prefix and a number, from
// now on. The API server sends no others: a new Check, which has no phase yet, makes no event. It ends with the cluster, or is closed.
func (c *Cluster) Watch(ctx context.Context, work, prefix string, f func(Sighting)) (*Watch, error) {
	cfg, err := c.cp.UserConfig(benchUser)
	if err != nil {
		return nil, err
	}
	config, err := rest.TLSConfigFor(cfg)
	if err != nil {
		return nil, err
	}
	query := url.Values{
		"watch": {"1"}, "timeoutSeconds": {strconv.Itoa(watchSeconds)},
		"fieldSelector": {"status.phase!=Pending,status.phase!="}, "labelSelector": {WorkLabel + "=" + work},
	}
	w := &Watch{
		// Without HTTP/2: one connection, and no window to be filled.
		hc:  &http.Client{Transport: &http.Transport{TLSClientConfig: config, ReadBufferSize: 64 << 10}},
		url: cfg.Host + checksPath + "?" + query.Encode(), name: []byte(`"name":"` + prefix), f: f, done: make(chan struct{}),
	}
	text, err := mustGet(ctx, w.hc, fmt.Sprintf("%s%s?limit=%d", cfg.Host, checksPath, firstListSize))
	if err != nil {
		return nil, err
	}
	var list struct {
		Metadata struct {
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, err
	}
	w.version = list.Metadata.ResourceVersion
	ctx, w.stop = context.WithCancel(context.WithoutCancel(ctx))
	response, err := w.open(ctx) //nolint:bodyclose // run closes it
	if err != nil {
		w.stop()
		return nil, err
	}
	go w.run(ctx, response)
	c.closeAtEnd(w)
	return w, nil
}

// open begins where the last object was seen.
func (w *Watch) open(ctx context.Context) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"&resourceVersion="+w.version, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := w.hc.Do(request)
	if err == nil && response.StatusCode != http.StatusOK {
		return nil, errors.Join(fmt.Errorf("watch: status %d", response.StatusCode), response.Body.Close())
	}
	return response, err
}

// run takes events in until the watch ends for good. The API server ends watches in order, too, such as those of a kind whose definition it
// has just learned more of: such a one is taken up where it was.
func (w *Watch) run(ctx context.Context, response *http.Response) {
	defer close(w.done)
	defer w.hc.CloseIdleConnections()
	for range maxReopened {
		w.err = errors.Join(w.read(response), response.Body.Close())
		if w.err == nil {
			response, w.err = w.open(ctx) //nolint:bodyclose // the next turn closes it
		}
		if w.err != nil {
			return
		}
	}
	w.err = errors.Join(errors.New("the API server ended the watch again and again"), response.Body.Close())
}

// read takes events in until the API server ends the watch.
func (w *Watch) read(response *http.Response) error {
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(make([]byte, 1<<20), maxEvent)
	for lines.Scan() {
		line := lines.Bytes()
		if bytes.HasPrefix(line, []byte(`{"type":"ERROR"`)) {
			return errors.New("the API server ended the watch with an error")
		}
		// The object's own name comes first, and its version: keys are in alphabetical order, and metadata before spec.
		at := bytes.Index(line, w.name)
		w.version = member(line, "resourceVersion")
		if at < 0 || bytes.HasPrefix(line, []byte(`{"type":"DELETED"`)) {
			continue
		}
		number := 0
		for _, digit := range line[at+len(w.name):] {
			if digit < '0' || digit > '9' {
				break
			}
			number = 10*number + int(digit-'0')
		}
		w.f(Sighting{Number: number, At: time.Now(), Event: line})
	}
	return lines.Err()
}

// Close ends the watch, and returns when f is not called any more.
func (w *Watch) Close() error {
	w.stop()
	<-w.done
	return nil
}

// Gathering waits for the Checks of a range of numbers.
type Gathering struct {
	mu    sync.Mutex
	first int
	at    []time.Time // when each was seen first; mu guards it
	left  int         // mu guards it
	all   chan struct{}
}

// Expect begins to wait for n Checks from a number on.
func (g *Gathering) Expect(first, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.first, g.at, g.left, g.all = first, make([]time.Time, n), n, make(chan struct{})
}

// See notes a sighting, and says whether it was the first of its Check.
func (g *Gathering) See(s Sighting) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := s.Number - g.first
	if i < 0 || i >= len(g.at) || !g.at[i].IsZero() {
		return false
	}
	g.at[i] = s.At
	if g.left--; g.left == 0 {
		close(g.all)
	}
	return true
}

// Wait returns when all have been seen, and tells when each was.
func (g *Gathering) Wait(ctx context.Context, w *Watch) ([]time.Time, error) {
	g.mu.Lock()
	all := g.all
	g.mu.Unlock()
	select {
	case <-all:
		return g.at, nil // nobody writes to it any more
	case <-w.done:
		return nil, errors.Join(errors.New("the watch ended early"), w.err, ctx.Err())
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		return nil, fmt.Errorf("%d of %d checks have no verdict: %w", g.left, len(g.at), context.Cause(ctx))
	}
}
