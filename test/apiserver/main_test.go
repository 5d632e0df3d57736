// Package apiserver_test runs the REST facade against a real kube-apiserver and etcd with a real controller, each under the role
// that it is deployed with, and talks to it over HTTP.
package apiserver_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/oapi-codegen/runtime/types"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver"
	restclient "github.com/checky-dev/checky/apiserver/client"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
	"github.com/checky-dev/checky/config"
	"github.com/checky-dev/checky/controllers"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	controlplanetest.Main(m)
}

// patience is how long a test waits for what should take moments, on a busy machine.
const patience = 2 * time.Minute

// system is the namespace that the facade is deployed in: its role is for it.
const system = "checky-system"

// orders is the rule set that tests check by: the 5 rules of an order.
const orders = `
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: orders}
spec:
  rules:
  - name: amount-range
    module: {name: range, params: {field: $.amount, min: 0, exclusiveMin: true, max: 10000}}
  - name: currency
    module: {name: enum, params: {field: $.currency, values: [EUR, GBP, USD]}}
  - name: customer-email
    module: {name: format, params: {field: $.customer.email, format: email}}
  - name: sku-form
    module: {name: pattern, params: {field: '$.items[*].sku', pattern: '^[A-Z]{3}-[0-9]{4}$'}}
  - name: sku-once
    module: {name: unique, params: {field: '$.items[*].sku'}}
`

// The payloads that tests post: some 200 bytes, of which one passes orders and one fails.
const (
	goodOrder = `{"id":"A-1041","amount":74.89,"currency":"EUR","customer":{"email":"ada@example.com","name":"Ada"},"items":[{"sku":"LMP-0042","qty":1,"price":49.9},{"sku":"BLB-0007","qty":1,"price":24.99}]}`
	badOrder  = `{"id":"A-1042","amount":99999,"currency":"eur","customer":{"email":"ada@example.com","name":"Ada"},"items":[{"sku":"LMP-0042","qty":1,"price":49.9},{"sku":"LMP-0042","qty":1,"price":24.99}]}`
)

var namespaces atomic.Int64

var installed sync.Once

// cluster is a namespace of a test's own, in which the facade makes its Checks.
type cluster struct {
	client.WithWatch
	t         testing.TB
	cp        *controlplane.ControlPlane
	namespace string
}

// newCluster gives a test its namespace. The controller runs for all tests of the package.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	cp := controlplanetest.Start(t)
	scheme, err := controllers.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	cfg := cp.RESTConfig()
	cfg.QPS = -1
	admin, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{WithWatch: admin, t: t, cp: cp, namespace: fmt.Sprintf("rest-%d", namespaces.Add(1))}
	installed.Do(func() {
		c.install()
		c.startController()
	})
	c.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.namespace}})
	c.create(&rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "checky-apiserver-checks"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "checky-apiserver-checks"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "checky-apiserver", Namespace: system}},
	})
	return c
}

// install applies the roles as they are deployed.
func (c *cluster) install() {
	c.t.Helper()
	objects, err := controlplane.Manifests(config.Files, config.Rights...)
	if err != nil {
		c.t.Fatal(err)
	}
	c.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: system}})
	if err := controlplane.Install(context.Background(), c.cp.RESTConfig(), objects); err != nil {
		c.t.Fatal(err)
	}
}

// startController runs the operator until the process ends.
func (c *cluster) startController() {
	c.t.Helper()
	options := controllers.DefaultOptions()
	options.MetricsAddress, options.HealthAddress = "0", "0"
	options.MaxFinished = 0
	mgr, err := controllers.New(context.Background(), c.as("checky-controller"), options, prometheus.NewRegistry())
	if err != nil {
		c.t.Fatal(err)
	}
	go func() { _ = mgr.Start(context.Background()) }() // It ends with the process; without it every test fails.
}

// as is a client's configuration that is one of Checky's service accounts.
func (c *cluster) as(account string) *rest.Config {
	c.t.Helper()
	cfg, err := c.cp.UserConfig("system:serviceaccount:"+system+":"+account, "system:serviceaccounts", "system:serviceaccounts:"+system)
	if err != nil {
		c.t.Fatal(err)
	}
	return cfg
}

func (c *cluster) create(objects ...client.Object) {
	c.t.Helper()
	for _, o := range objects {
		if err := c.Create(c.t.Context(), o); err != nil {
			c.t.Fatalf("create %T %s: %v", o, o.GetName(), err)
		}
	}
}

// apply creates the objects of a YAML text in the test's namespace.
func (c *cluster) apply(text string) {
	c.t.Helper()
	for _, doc := range strings.Split(text, "\n---\n") {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(doc), &kind); err != nil {
			c.t.Fatal(err)
		}
		object, err := c.Scheme().New(kind.GroupVersionKind())
		if err != nil {
			c.t.Fatal(err)
		}
		if err := yaml.UnmarshalStrict([]byte(doc), object); err != nil {
			c.t.Fatal(err)
		}
		o := object.(client.Object) //nolint:forcetypeassert // all kinds are objects
		if _, cluster := object.(*v1alpha1.ClusterRuleSet); !cluster {
			o.SetNamespace(c.namespace)
		}
		c.create(o)
	}
}

// facade is a running facade.
type facade struct {
	c    *cluster
	url  string
	log  *logBuffer
	mail *logBuffer
	// http holds each answer to the OpenAPI document, through held; a benchmark's does not.
	http *http.Client
	held *held
	stop context.CancelFunc
	done chan error
}

// options are an operator's for tests: a port of its own, limits that no test meets by chance, and mails kept for the test.
func (c *cluster) options(mail io.Writer) apiserver.Options {
	o := apiserver.DefaultOptions()
	o.Serve.Address, o.Serve.DrainDelay = "127.0.0.1:0", 0
	o.MetricsAddress = "0"
	o.Namespace, o.CheckNamespace = system, c.namespace
	o.PerMinute, o.AddressPerMinute = 100_000, 100_000
	o.Mailbox = mail
	return o
}

// start runs a facade in this process until the test ends or stop is called, and returns when it is ready.
func (c *cluster) start(change ...func(*apiserver.Options)) *facade {
	c.t.Helper()
	f, server := c.launch(c.as("checky-apiserver"), change...)
	waiting, stop := context.WithTimeout(c.t.Context(), patience)
	defer stop()
	if err := server.WaitReady(waiting); err != nil {
		c.t.Fatalf("the facade is not ready: %v\n%s", err, f.log)
	}
	return f
}

// launch is start as somebody, without waiting.
func (c *cluster) launch(config *rest.Config, change ...func(*apiserver.Options)) (*facade, *apiserver.Server) {
	c.t.Helper()
	f := &facade{c: c, log: &logBuffer{}, mail: &logBuffer{}, http: http.DefaultClient, held: newHeld(c.t), done: make(chan error, 1)}
	if _, benchmark := c.t.(*testing.B); !benchmark {
		f.http = &http.Client{Transport: f.held}
		c.t.Cleanup(f.http.CloseIdleConnections)
	}
	options := c.options(f.mail)
	for _, f := range change {
		f(&options)
	}
	log := funcr.New(func(prefix, args string) { fmt.Fprintln(f.log, prefix, args) }, funcr.Options{})
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.t.Context()))
	f.stop = cancel
	server, err := apiserver.New(ctx, config, options, log, "test")
	if err != nil {
		cancel()
		c.t.Fatal(err)
	}
	f.url = server.URL()
	go func() { f.done <- server.Run(ctx) }()
	c.t.Cleanup(f.end)
	return f, server
}

// end stops the facade and waits until it has.
func (f *facade) end() {
	f.stop()
	if err := <-f.done; err != nil && !errors.Is(err, context.Canceled) {
		f.c.t.Errorf("the facade ended: %v", err)
	}
	f.done <- nil
	for _, secret := range f.held.inLog(f.log.String()) {
		f.c.t.Errorf("the facade's log has a secret: %s", secret)
	}
}

// logBuffer keeps what is written to it, by any goroutine.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// password is one that is good enough for every user of the tests.
const password = "nine brown foxes jump over"

// user is somebody with an account and a session.
type user struct {
	*restclient.ClientWithResponses
	email, token string
}

// newUser signs somebody up and in.
func (f *facade) newUser() *user {
	f.c.t.Helper()
	email := strings.ToLower(rand.Text()) + "@example.com"
	anonymous := f.anonymous()
	signed, err := anonymous.SignUpWithResponse(f.c.t.Context(), restclient.Credentials{Email: types.Email(email), Password: password})
	if err != nil {
		f.c.t.Fatal(err)
	}
	if signed.StatusCode() != http.StatusAccepted {
		f.c.t.Fatalf("sign up: %s %s", signed.Status(), signed.Body)
	}
	session, err := anonymous.LogInWithResponse(f.c.t.Context(), restclient.Credentials{Email: types.Email(email), Password: password})
	if err != nil {
		f.c.t.Fatal(err)
	}
	if session.JSON200 == nil {
		f.c.t.Fatalf("log in: %s %s", session.Status(), session.Body)
	}
	return f.as(email, session.JSON200.Token)
}

// as is a user with a token.
func (f *facade) as(email, token string) *user {
	f.c.t.Helper()
	c, err := restclient.NewClientWithResponses(f.url, restclient.WithToken(token), restclient.WithHTTPClient(f.http))
	if err != nil {
		f.c.t.Fatal(err)
	}
	return &user{ClientWithResponses: c, email: email, token: token}
}

func (f *facade) anonymous() *restclient.ClientWithResponses {
	f.c.t.Helper()
	c, err := restclient.NewClientWithResponses(f.url, restclient.WithHTTPClient(f.http))
	if err != nil {
		f.c.t.Fatal(err)
	}
	return c
}

// check posts a payload to be checked by orders, and waits for the verdict.
func (u *user) check(t testing.TB, payload string) *restclient.CheckResult {
	t.Helper()
	patience := "wait=60"
	var byOrders restclient.CheckRequest_RuleSets_Item
	if err := byOrders.FromCheckRequestRuleSets0("orders"); err != nil {
		t.Fatal(err)
	}
	answer, err := u.CheckWithResponse(t.Context(), &restclient.CheckParams{Prefer: &patience}, restclient.CheckRequest{
		Input: json.RawMessage(payload), RuleSets: &[]restclient.CheckRequest_RuleSets_Item{byOrders},
	})
	if err != nil {
		t.Fatal(err)
	}
	if answer.JSON200 == nil {
		t.Fatalf("check: %s %s", answer.Status(), answer.Body)
	}
	return answer.JSON200
}

// do sends one request as it is.
func (f *facade) do(method, path, token, body string, headers ...string) (*http.Response, string) {
	f.c.t.Helper()
	var sent io.Reader
	if body != "" {
		sent = strings.NewReader(body)
	}
	r := f.request(method, path, token, sent)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return f.roundTrip(r)
}
