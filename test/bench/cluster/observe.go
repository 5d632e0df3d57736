package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// maxAnswer bounds what is read of metrics and profiles, in bytes.
const maxAnswer = 64 << 20

// get reads an address.
func get(ctx context.Context, c *http.Client, url string) (status int, body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return 0, nil, err
	}
	response, err := c.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	body, err = io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	return response.StatusCode, body, err
}

// mustGet is get for what has to be answered 200.
func mustGet(ctx context.Context, c *http.Client, url string) ([]byte, error) {
	status, body, err := get(ctx, c, url)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("GET %s: status %d", url, status)
	}
	return body, err
}

// runOutput runs a program that ends by itself, and returns what it prints.
func runOutput(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput() //nolint:gosec // a program of Checky's
	return string(out), err
}

// Metrics are the values of a text of Prometheus', summed over their labels.
type Metrics map[string]float64

// Metrics are those that the program serves.
func (p *Process) Metrics(ctx context.Context) (Metrics, error) {
	text, err := mustGet(ctx, http.DefaultClient, "http://"+p.metrics+"/metrics")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", p.Name, err)
	}
	m := Metrics{}
	err = eachSample(text, "", func(name, _ string, value float64) { m[name] += value })
	return m, err
}

// Heap has a program collect its garbage, and is a profile of what is left, in pprof's format; nil where the program serves none.
func (p *Process) Heap(ctx context.Context) ([]byte, error) {
	if p.profiles == "" {
		return nil, nil
	}
	return mustGet(ctx, http.DefaultClient, "http://"+p.profiles+"/debug/pprof/heap?gc=1")
}

// Profile is a CPU profile of the program over so long, in pprof's format; nil where the program serves none.
func (p *Process) Profile(ctx context.Context, length time.Duration) ([]byte, error) {
	if p.profiles == "" {
		return nil, nil
	}
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", p.profiles, int(length.Seconds()))
	return mustGet(ctx, http.DefaultClient, url)
}

// The bounds of Settle: memory that stays within settled for settleFor counts as settled, and after settleAtMost nobody waits on.
const (
	settled      = 0.01
	settleFor    = 3 * time.Second
	settleAtMost = 20 * time.Second
)

// Settle returns what a program takes once its garbage is collected and the system has its pages back, and how much of its heap is in use
// then, in bytes. Where it serves no profiles nobody can have it collect, and the heap has garbage.
func (p *Process) Settle(ctx context.Context) (u Usage, inUse int64, err error) {
	const every = settleFor / 10
	var last []int64
	for began := time.Now(); ; {
		if len(last)%5 == 0 {
			if _, err := p.Heap(ctx); err != nil {
				return u, 0, err
			}
		}
		if u, err = Used(p.PID); err != nil {
			return u, 0, err
		}
		last = append(last, u.Anon)
		if n := len(last) - int(settleFor/every); n >= 0 && spread(last[n:]) < settled || time.Since(began) > settleAtMost {
			break
		}
		select {
		case <-ctx.Done():
			return u, 0, ctx.Err()
		case <-time.After(every):
		}
	}
	if _, err := p.Heap(ctx); err != nil {
		return u, 0, err
	}
	m, err := p.Metrics(ctx)
	return u, int64(m["go_memstats_heap_alloc_bytes"]), err
}

// spread is by how much values differ, as a share of the largest.
func spread(values []int64) float64 {
	least, most := values[0], values[0]
	for _, v := range values {
		least, most = min(least, v), max(most, v)
	}
	return float64(most-least) / float64(max(most, 1))
}

// Request is a kind of request to the API server.
type Request struct{ Verb, Resource, Subresource string }

// String is as people write it: "PUT checks/status".
func (r Request) String() string {
	if r.Subresource != "" {
		return r.Verb + " " + r.Resource + "/" + r.Subresource
	}
	return r.Verb + " " + r.Resource
}

// Writes says whether the request changes something.
func (r Request) Writes() bool {
	switch r.Verb {
	case "POST", "PUT", "PATCH", "APPLY", "DELETE", "DELETECOLLECTION":
		return true
	}
	return false
}

// Requests count what the API server has answered; a watch counts when it ends.
type Requests map[Request]int

// Since is what has come to them since an earlier count.
func (r Requests) Since(earlier Requests) Requests {
	since := Requests{}
	for request, n := range r {
		if n -= earlier[request]; n > 0 {
			since[request] = n
		}
	}
	return since
}

// Requests are those so far. Asking costs the API server some 100 ms of processor time: it is for before and after what is measured.
func (c *Cluster) Requests(ctx context.Context) (Requests, error) {
	cfg := c.cp.RESTConfig()
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	defer hc.CloseIdleConnections()
	text, err := mustGet(ctx, hc, cfg.Host+"/metrics")
	if err != nil {
		return nil, err
	}
	requests := Requests{}
	return requests, eachSample(text, "apiserver_request_total{", requests.add)
}

// add counts one sample.
func (r Requests) add(_, labels string, value float64) {
	request := Request{Verb: label(labels, "verb"), Resource: label(labels, "resource"), Subresource: label(labels, "subresource")}
	if request.Resource != "" {
		r[request] += int(value)
	}
}

// eachSample calls f for the lines of a text of Prometheus' that begin with a prefix. Labels are as they stand between the braces.
func eachSample(text []byte, prefix string, f func(name, labels string, value float64)) error {
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' || !bytes.HasPrefix(line, []byte(prefix)) {
			continue
		}
		series, number := line, ""
		if at := bytes.LastIndexByte(line, ' '); at > 0 {
			series, number = line[:at], string(line[at+1:])
		}
		value, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return errors.New("a line of metrics is not as it should be")
		}
		name, labels, _ := strings.Cut(string(series), "{")
		f(name, strings.TrimSuffix(labels, "}"), value)
	}
	return nil
}

// label is the value of one label.
func label(labels, name string) string {
	_, after, _ := strings.Cut(","+labels, ","+name+`="`)
	value, _, _ := strings.Cut(after, `"`)
	return value
}
