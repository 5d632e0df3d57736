package plugin_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

// troubles stands between the plugin and the API server, and makes what a real one does not on demand.
type troubles struct {
	*httputil.ReverseProxy
	// before may answer a request itself.
	before func(w http.ResponseWriter, r *http.Request) (answered bool)

	watches atomic.Int64
	mu      sync.Mutex
	cuts    map[int64]context.CancelFunc
}

func isWatch(r *http.Request) bool { return r.URL.Query().Get("watch") == "true" }

// ServeHTTP implements http.Handler.
func (p *troubles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p.before != nil && p.before(w, r) {
		return
	}
	if isWatch(r) {
		ctx, cut := context.WithCancel(r.Context())
		defer cut()
		p.mu.Lock()
		p.cuts[p.watches.Add(1)] = cut
		p.mu.Unlock()
		r = r.WithContext(ctx)
	}
	defer func() { _ = recover() }() // a connection that is cut
	p.ReverseProxy.ServeHTTP(w, r)
}

// await waits until a watch is open.
func (p *troubles) await(t *testing.T) {
	t.Helper()
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.cuts) > 0, nil
	})
	if err != nil {
		t.Fatalf("there is no watch: %v", err)
	}
}

// cut ends every watch that is open.
func (p *troubles) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, cut := range p.cuts {
		cut()
	}
	clear(p.cuts)
}

// through sends the plugin through troubles.
func (c *cluster) through(before func(http.ResponseWriter, *http.Request) bool) *troubles {
	c.t.Helper()
	config := c.cp.RESTConfig()
	address, err := url.Parse(config.Host)
	if err != nil {
		c.t.Fatal(err)
	}
	transport, err := rest.TransportFor(config)
	if err != nil {
		c.t.Fatal(err)
	}
	p := &troubles{ReverseProxy: httputil.NewSingleHostReverseProxy(address), before: before, cuts: map[int64]context.CancelFunc{}}
	p.Transport, p.FlushInterval = transport, -1
	p.ErrorHandler = func(http.ResponseWriter, *http.Request, error) {} // a connection that is cut before it answers
	server := httptest.NewServer(p)
	c.t.Cleanup(server.Close)
	kubeconfig := filepath.Join(c.t.TempDir(), "kubeconfig")
	if err := controlplane.WriteKubeconfig(kubeconfig, &rest.Config{Host: server.URL}, "nobody"); err != nil {
		c.t.Fatal(err)
	}
	c.env = append(c.env, "KUBECONFIG="+kubeconfig)
	return p
}

// TestWatchesAreResumed: whatever ends a watch, no verdict is missed and none told twice.
func TestWatchesAreResumed(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	var gone atomic.Bool
	p := c.through(func(w http.ResponseWriter, r *http.Request) bool {
		if !isWatch(r) || !gone.CompareAndSwap(true, false) {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old","reason":"Expired","code":410}}`+"\n")
		return true
	})
	c.create(c.payload("first", `{"amount": 1}`))
	c.phase("first", v1alpha1.PhaseSuccess)
	f := c.follow("--phase", "Success")
	f.sees("PHASE")
	f.sees("Success", "first")
	for round, trouble := range []func(){p.cut, func() { gone.Store(true); p.cut() }, p.cut} {
		p.await(t)
		trouble()
		name := fmt.Sprintf("then-%d", round)
		c.create(c.payload(name, `{"amount": 1}`))
		f.sees("Success", name)
	}
	if p.await(t); p.watches.Load() != 4 {
		t.Errorf("there were %d watches, want 4", p.watches.Load())
	}
}

// TestRunOutlastsTrouble: a verdict is waited for over watches that end, that are too old, and over an API server that is busy.
func TestRunOutlastsTrouble(t *testing.T) {
	c := newCluster(t)
	c.operate()
	var tries atomic.Int64
	p := c.through(func(w http.ResponseWriter, r *http.Request) bool {
		if !isWatch(r) {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		switch tries.Add(1) {
		case 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 2:
			w.WriteHeader(http.StatusGone)
			_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}`)
		case 3:
			_, _ = io.WriteString(w, `{"type":"ADDED","object":{"ki`)
		default:
			return false
		}
		return true
	})
	c.file("order.json", `{"amount": 1}`)
	done := make(chan answer, 1)
	go func() {
		done <- c.run("run", "-f", "order.json", "--rule-set", "orders", "--name", "order", "--timeout", "2m")
	}()
	c.until("order", "it waits for its rule set", func(k *v1alpha1.Check) bool { return len(k.Status.Conditions) > 0 })
	p.await(t) // the fourth is a real one
	p.cut()
	c.orders()
	if a := <-done; a.code != 0 || a.err != "" || !strings.HasPrefix(a.out, "Success") {
		t.Errorf("it ended with %+v", a)
	}
}

// TestRunOfADeletedCheck ends at once, and says so.
func TestRunOfADeletedCheck(t *testing.T) {
	c := newCluster(t)
	p := c.through(nil)
	c.file("order.json", `{"amount": 1}`)
	done := make(chan answer, 1)
	go func() { done <- c.run("run", "-f", "order.json", "--name", "order") }()
	check := c.until("order", "it is there", func(*v1alpha1.Check) bool { return true })
	p.await(t)
	if err := c.Delete(t.Context(), check); err != nil {
		t.Fatal(err)
	}
	if a := <-done; a.code != 2 || !strings.Contains(a.err, "it was deleted before it had a verdict") {
		t.Errorf("it ended with %+v", a)
	}
}

// TestAckOfAChangingCheck: somebody else's change between reading and writing is looked at before anything is acknowledged.
func TestAckOfAChangingCheck(t *testing.T) {
	c := newCluster(t)
	c.orders()
	c.operate()
	c.create(c.payload("order", `{"amount": 99999}`))
	c.phase("order", v1alpha1.PhaseFailure)
	var patches atomic.Int64
	c.through(func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPatch && patches.Add(1) == 1 {
			check := c.phase("order", v1alpha1.PhaseFailure)
			check.Spec.InputJSON = `{"amount": 1}`
			if err := c.Update(context.WithoutCancel(r.Context()), check); err != nil {
				t.Error(err)
			}
			c.phase("order", v1alpha1.PhaseSuccess)
		}
		return false
	})
	a := c.run("ack", "order", "--by", "ada")
	if a.code != 2 || !strings.Contains(a.err, "does not fail (Success)") || patches.Load() != 1 {
		t.Errorf("after %d patches: %+v", patches.Load(), a)
	}
	if _, there := c.phase("order", v1alpha1.PhaseSuccess).Annotations[v1alpha1.AcknowledgedByAnnotation]; there {
		t.Error("a Check that passes is acknowledged")
	}
}

// TestNoCluster: what keeps the plugin from a cluster, or the cluster from Checky, is said in one line, with what to do.
func TestNoCluster(t *testing.T) {
	c := newCluster(t)
	bare, err := controlplane.Start(t.Context(), controlplane.Options{Log: io.Discard, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := bare.Stop(); err != nil {
			t.Error(err)
		}
	})
	stranger, err := c.cp.UserConfig("stranger")
	if err != nil {
		t.Fatal(err)
	}
	forbidden := filepath.Join(t.TempDir(), "stranger")
	if err := controlplane.WriteKubeconfig(forbidden, stranger, "stranger"); err != nil {
		t.Fatal(err)
	}
	c.file("order.json", `{"amount": 1}`)
	commands := [][]string{
		{"run", "-f", "order.json", "--rule-set", "orders"}, {"explain", "order"}, {"results"}, {"results", "-w"}, {"silence", "order", "--for", "1h"},
		{"silence", "--list"}, {"ack", "order", "--by", "ada"},
	}
	for name, test := range map[string]struct {
		kubeconfig string
		args       []string
		says       string
	}{
		"not installed":    {bare.Kubeconfig(), nil, "Checky is not installed in this cluster"},
		"forbidden":        {forbidden, nil, "the roles checky-viewer and checky-editor allow it"},
		"no kubeconfig":    {filepath.Join(t.TempDir(), "none"), nil, "there is no cluster: set KUBECONFIG or --kubeconfig"},
		"no such context":  {c.cp.Kubeconfig(), []string{"--context", "nonsense"}, "there is no cluster: correct the kubeconfig or the flags"},
		"nobody listens":   {c.cp.Kubeconfig(), []string{"--server", "https://127.0.0.1:1"}, "the cluster does not answer"},
		"not logged in":    {c.cp.Kubeconfig(), []string{"--client-certificate", "", "--client-key", "", "--token", "nonsense", "--user", "nobody"}, "there is no cluster"},
		"no such resource": {c.cp.Kubeconfig(), []string{"--server", "https://127.0.0.1:1", "--request-timeout", "nonsense"}, "there is no cluster: correct"},
	} {
		for _, command := range commands {
			t.Run(name+"/"+strings.Join(command, " "), func(t *testing.T) {
				c := *c
				c.t = t
				c.env = append(c.env, "KUBECONFIG="+test.kubeconfig)
				a := c.run(append(command, test.args...)...)
				if a.code != 2 || a.out != "" || !strings.Contains(a.err, test.says) || strings.Count(a.err, "\n") != 1 {
					t.Errorf("exit code %d\n%s%s", a.code, a.err, a.out)
				}
			})
		}
	}
}
