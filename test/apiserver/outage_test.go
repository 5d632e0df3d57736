//go:build linux

// It stops a process by a signal, and finds it in /proc.

package apiserver_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/apiserver"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/config"
	"github.com/checky-dev/checky/controllers"
)

// outage is how long the API server is away. The default is above the time after which the facade closes connections that hang:
//
//	go test ./test/apiserver -run TestOutage -v -outage 20s
var outage = flag.Duration("outage", 8*time.Second, "how long TestOutage keeps the API server away")

const outageClients = 8

// TestOutage takes the API server away under load, etcd and the facade going on: it hangs in one case, and is killed and started again in
// the other. It has a control plane of its own, for no other test would get on with one that does this.
func TestOutage(t *testing.T) {
	alone := newClusterAlone(t)
	cases := map[string]struct {
		reason     string
		begin, end func(t *testing.T)
	}{
		"hangs": {
			reason: "SIGSTOP and SIGCONT: connections stay open, and nothing comes out of them",
			begin:  func(t *testing.T) { t.Helper(); signalAPIServer(t, alone.cp, syscall.SIGSTOP) },
			end:    func(t *testing.T) { t.Helper(); signalAPIServer(t, alone.cp, syscall.SIGCONT) },
		},
		"dies": {
			reason: "SIGKILL and another start: connections break, new ones are refused",
			begin: func(t *testing.T) {
				t.Helper()
				if err := alone.cp.StopAPIServer(); err != nil {
					t.Fatal(err)
				}
			},
			end: func(t *testing.T) {
				t.Helper()
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if err := alone.cp.StartAPIServer(ctx); err != nil {
					t.Fatal(err)
				}
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(tc.reason)
			o := newOutageTest(t, alone)
			o.before()
			tc.begin(t)
			o.during()
			tc.end(t)
			o.after()
		})
	}
}

// outageTest is a facade, and a load on it that goes on throughout.
type outageTest struct {
	*cluster
	f     *facade
	token string
	load  *load

	stop chan struct{} // closed: no more orders
	sent chan int      // how many there were, once the load has ended
	done chan error    // how it ended

	probe order  // one that is refused during the outage
	known string // the id of one that was acknowledged before it
}

func newOutageTest(t *testing.T, alone *cluster) *outageTest {
	t.Helper()
	c := *alone
	c.t, c.namespace = t, fmt.Sprintf("outage-%d", namespaces.Add(1))
	c.addNamespace()
	c.apply(orders)
	f := c.start(func(o *apiserver.Options) { o.PerMinute = 1_000_000 })
	o := &outageTest{
		cluster: &c, f: f, load: newLoad(newClient(t, outageClients), 0, f.url), token: f.newUser().token,
		stop: make(chan struct{}), sent: make(chan int, 1), done: make(chan error, 1),
	}
	o.probe = order{number: 1_000_000, token: o.token}
	eventually(t, "the facade knows the rule set", func() bool {
		return o.ask(http.MethodPost, "/v1/check?dry_run=true", byOrders(goodOrder)).status == http.StatusOK
	})
	return o
}

// ask makes a request that is answered, whatever the answer, well before the test's patience ends; each answer is held to the document.
func (o *outageTest) ask(method, path, body string, headers ...string) *answer {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience/4)
	defer cancel()
	a, err := send(ctx, o.f.http, method, o.f.url+path, o.token, body, headers...)
	if err != nil {
		o.t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

// before starts the load, and lets it run for a while.
func (o *outageTest) before() {
	o.t.Helper()
	work := make(chan order)
	go func() {
		defer close(work)
		for i := 0; ; i++ {
			select {
			case work <- order{number: i, token: o.token}:
			case <-o.stop:
				o.sent <- i
				return
			}
		}
	}()
	ctx := o.t.Context()
	go func() { o.done <- o.load.run(ctx, outageClients, work) }()
	o.await(len(o.load.seen()) + 50)
	o.known = o.load.seen()[0].id
	if a := o.ask(http.MethodGet, "/v1/status/"+o.known, ""); a.status != http.StatusOK || a.header.Get("Age") != "" {
		o.t.Errorf("before the outage: %+v", a)
	}
}

// await waits until so many orders have been acknowledged.
func (o *outageTest) await(n int) {
	o.t.Helper()
	ctx, cancel := context.WithTimeout(o.t.Context(), patience)
	defer cancel()
	if err := o.load.await(ctx, n); err != nil {
		o.t.Fatal(err)
	}
}

// during is what holds while the API server is away.
func (o *outageTest) during() {
	o.t.Helper()
	eventually(o.t, "readiness says that the API server is away", func() bool {
		a := o.ask(http.MethodGet, "/readyz", "")
		return a.status == http.StatusOK && strings.Contains(string(a.body), "cannot be reached")
	})
	acknowledged := len(o.load.seen())
	o.refuses("POST /v1/check", o.ask(http.MethodPost, "/v1/check", byOrders(o.probe.payload()), "Idempotency-Key", o.probe.key()))
	credentials := fmt.Sprintf(`{"email":"other@example.com","password":%q}`, password)
	o.refuses("POST /auth/signup", o.ask(http.MethodPost, "/auth/signup", credentials))
	o.refuses("DELETE", o.ask(http.MethodDelete, "/v1/checks/"+o.known, ""))
	o.refuses("GET of an id that the cache does not have", o.ask(http.MethodGet, "/v1/status/01jd3v9w5k8f6m2n4p7q9r1s3t", ""))
	for what, payload := range map[string]string{"success": goodOrder, "failure": badOrder} {
		a := o.ask(http.MethodPost, "/v1/check?dry_run=true", byOrders(payload))
		if r := a.result(); r == nil || string(r.Status) != what {
			o.t.Errorf("a dry run: %d %s, want %s", a.status, a.body, what)
		}
	}
	if a := o.ask(http.MethodGet, "/livez", ""); a.status != http.StatusOK {
		o.t.Errorf("liveness is %d %s", a.status, a.body)
	}
	if a := o.ask(http.MethodGet, "/v1/checks", "", "Authorization", "Bearer cky_none"); a.status != http.StatusUnauthorized {
		o.t.Errorf("a token that is none: %d %s", a.status, a.body)
	}
	for _, path := range []string{"/v1/status/" + o.known, "/v1/checks", "/v1/rule-sets"} {
		if a := o.ask(http.MethodGet, path, ""); a.status != http.StatusOK {
			o.t.Errorf("GET %s: %d %s", path, a.status, a.body)
		}
	}
	first := o.age("/v1/status/" + o.known)
	eventually(o.t, "the outage lasts long enough, by the age of what is read", func() bool {
		return o.age("/v1/status/"+o.known) > first && o.age("/v1/checks") >= int(outage.Seconds())
	})
	o.refuses("POST /v1/check", o.ask(http.MethodPost, "/v1/check", byOrders(o.probe.payload()), "Idempotency-Key", o.probe.key()))
	// Each client may have had one under way that was stored.
	if n := len(o.load.seen()) - acknowledged; n > outageClients {
		o.t.Errorf("%d checks were acknowledged while nothing could be stored", n)
	}
	o.t.Logf("%d checks were acknowledged before the outage; during it reads were up to %d s old, and %d writes were refused",
		acknowledged, o.age("/v1/checks"), o.load.retried.Load())
}

// age is the Age of an answer, in seconds.
func (o *outageTest) age(path string) int {
	o.t.Helper()
	a := o.ask(http.MethodGet, path, "")
	age, err := strconv.Atoi(a.header.Get("Age"))
	if a.status != http.StatusOK || err != nil {
		o.t.Fatalf("GET %s: %d, Age %q", path, a.status, a.header.Get("Age"))
	}
	return age
}

// refuses expects the answer to what needs the API server.
func (o *outageTest) refuses(what string, a *answer) {
	o.t.Helper()
	if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.header.Get("Content-Type") != "application/problem+json" {
		o.t.Errorf("%s: %d, Retry-After %q, %s %s", what, a.status, a.header.Get("Retry-After"), a.header.Get("Content-Type"), a.body)
	}
}

// after is what holds once the API server is back: everything, without any help.
func (o *outageTest) after() {
	o.t.Helper()
	eventually(o.t, "readiness says that all is well", func() bool { return string(o.ask(http.MethodGet, "/readyz", "").body) == "OK" })
	o.await(len(o.load.seen()) + 50)
	eventually(o.t, "what is read has no age any more", func() bool { return o.ask(http.MethodGet, "/v1/checks", "").header.Get("Age") == "" })
	if _, err := o.load.post(o.t.Context(), o.probe, 0); err != nil {
		o.t.Errorf("the key that was refused: %v", err)
	}
	o.apply(strings.Replace(orders, "name: orders", "name: later", 1))
	eventually(o.t, "the facade sees what is new", func() bool {
		return o.ask(http.MethodPost, "/v1/check?dry_run=true", `{"input":`+goodOrder+`,"rule_sets":["later"]}`).status == http.StatusOK
	})
	close(o.stop)
	if err := <-o.done; err != nil {
		o.t.Fatal(err)
	}
	sent := <-o.sent
	o.verifyAcknowledged(o.load.seen(), sent+1)
	eventually(o.t, "the facade lists each check", func() bool { return len(listAll(o.t, o.f.url, o.token)) == sent+1 })
	o.t.Logf("%d checks in all, each there once with its verdict", sent+1)
}

// newClusterAlone is a control plane of a test's own, with Checky's kinds and roles and a controller, and no namespace.
func newClusterAlone(t *testing.T) *cluster {
	t.Helper()
	cp, err := controlplane.Start(t.Context(), controlplane.Options{Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			t.Error(err)
		}
	})
	definitions, err := controlplane.Manifests(config.Files, "crd/bases")
	if err != nil {
		t.Fatal(err)
	}
	if err := controlplane.Install(t.Context(), cp.RESTConfig(), definitions); err != nil {
		t.Fatal(err)
	}
	scheme, err := controllers.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := client.NewWithWatch(cp.RESTConfig(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{WithWatch: admin, t: t, cp: cp}
	c.install()
	c.startOwnController()
	return c
}

// startOwnController runs the operator until the test ends.
func (c *cluster) startOwnController() {
	c.t.Helper()
	options := controllers.DefaultOptions()
	options.MetricsAddress, options.HealthAddress, options.MaxFinished = "0", "0", 0
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.t.Context()))
	mgr, err := controllers.New(ctx, c.as("checky-controller"), options, prometheus.NewRegistry())
	if err != nil {
		cancel()
		c.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	c.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			c.t.Errorf("the operator ended: %v", err)
		}
	})
}

// addNamespace makes the test's namespace, in which the facade may make its Checks.
func (c *cluster) addNamespace() {
	c.t.Helper()
	c.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.namespace}})
	c.create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "checky-apiserver-checks"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "checky-apiserver-checks"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "checky-apiserver", Namespace: system}},
	})
}

// signalAPIServer sends a signal to the API server of a control plane, and not to what supervises it.
func signalAPIServer(t *testing.T, cp *controlplane.ControlPlane, signal syscall.Signal) {
	t.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range processes {
		line, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended since
		}
		program, args, _ := bytes.Cut(line, []byte{0})
		if filepath.Base(string(program)) != "kube-apiserver" || !bytes.Contains(args, []byte(cp.Dir()+"/")) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, signal); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("the API server's process was not found")
}
