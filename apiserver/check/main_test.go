package check_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/apiserver/cluster"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
	"github.com/checky-dev/checky/controllers"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules/builtin"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	controlplanetest.Main(m)
}

// patience is how long a test waits for what should take moments.
const patience = 2 * time.Minute

var namespaces atomic.Int64

// env is a namespace of a test's own, and an administrator's client of the API server.
type env struct {
	client.WithWatch
	t         testing.TB
	namespace string
}

func newEnv(t testing.TB) *env {
	t.Helper()
	config := controlplanetest.Start(t).RESTConfig()
	config.QPS = -1
	admin, err := client.NewWithWatch(config, client.Options{Scheme: cluster.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	e := &env{WithWatch: admin, t: t, namespace: fmt.Sprintf("check-%d", namespaces.Add(1))}
	if err := e.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: e.namespace}}); err != nil {
		t.Fatal(err)
	}
	return e
}

// link is a real cluster, in which a test can break the client and hide the API server.
type link struct {
	*cluster.Cluster
	client client.Client
	away   atomic.Bool
}

func (l *link) Client() client.Client { return l.client }

func (l *link) Away() (time.Duration, bool) {
	if l.away.Load() {
		return time.Minute, true
	}
	return 0, false
}

// replica is a Service on a cache of its own.
type replica struct {
	*check.Service
	link     *link
	registry *prometheus.Registry
}

// start runs a Service until the test ends. Its client's calls go through faults.
func (e *env) start(faults interceptor.Funcs, change ...func(*check.Options)) *replica {
	e.t.Helper()
	known, err := cluster.New(controlplanetest.Start(e.t).RESTConfig(),
		cluster.Options{Namespace: e.namespace, CheckNamespace: e.namespace}, logr.Discard())
	if err != nil {
		e.t.Fatal(err)
	}
	r := &replica{link: &link{Cluster: known, client: interceptor.NewClient(e.WithWatch, faults)}, registry: prometheus.NewRegistry()}
	options := check.Options{
		Cluster: r.link, Unreachable: cluster.Unreachable,
		Engine: &engine.Engine{}, Library: engine.NewLibrary(builtin.New()),
		Namespace: e.namespace, Registerer: r.registry,
	}
	for _, f := range change {
		f(&options)
	}
	if r.Service, err = check.New(options); err != nil {
		e.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(e.t.Context()))
	if err := r.Start(ctx); err != nil {
		cancel()
		e.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- known.Start(ctx) }()
	e.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			e.t.Errorf("the cluster ended: %v", err)
		}
	})
	e.until("the cache is complete", func() bool {
		_, err := r.List(ctx, "nobody", check.Query{})
		return err == nil
	})
	return r
}

// until waits for what happens in this process, or by a watch of it.
func (e *env) until(what string, done func() bool) {
	e.t.Helper()
	err := wait.PollUntilContextTimeout(e.t.Context(), time.Millisecond, patience, true, func(context.Context) (bool, error) { return done(), nil })
	if err != nil {
		e.t.Fatalf("%s: %v", what, err)
	}
}

// operate runs the controllers until the test ends.
func (e *env) operate() {
	e.t.Helper()
	options := controllers.DefaultOptions()
	options.MetricsAddress, options.HealthAddress, options.DefaultTTL = "0", "0", 0
	ctx, cancel := context.WithCancel(context.WithoutCancel(e.t.Context()))
	mgr, err := controllers.New(ctx, controlplanetest.Start(e.t).RESTConfig(), options, prometheus.NewRegistry())
	if err != nil {
		cancel()
		e.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	e.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			e.t.Errorf("the operator ended: %v", err)
		}
	})
}

// apply creates a rule set in the test's namespace, or a ClusterRuleSet for the test's time.
func (e *env) apply(text string) {
	e.t.Helper()
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(text), &kind); err != nil {
		e.t.Fatal(err)
	}
	made, err := e.Scheme().New(kind.GroupVersionKind())
	if err != nil {
		e.t.Fatal(err)
	}
	object := made.(client.Object) //nolint:forcetypeassert // all kinds are objects
	if err := yaml.UnmarshalStrict([]byte(text), object); err != nil {
		e.t.Fatal(err)
	}
	if kind.Kind == string(v1alpha1.KindClusterRuleSet) {
		e.t.Cleanup(func() { _ = e.Delete(context.WithoutCancel(e.t.Context()), object) })
	} else {
		object.SetNamespace(e.namespace)
	}
	if err := e.Create(e.t.Context(), object); err != nil {
		e.t.Fatal(err)
	}
}

// finish writes a verdict as the controller does.
func (e *env) finish(c *v1alpha1.Check, phase v1alpha1.Phase) *v1alpha1.Check {
	e.t.Helper()
	c = c.DeepCopy()
	c.Status.Phase, c.Status.ObservedGeneration = phase, c.Generation
	if err := e.Status().Update(e.t.Context(), c); err != nil {
		e.t.Fatal(err)
	}
	return c
}

// stored lists what the API server has in the test's namespace.
func (e *env) stored() []v1alpha1.Check {
	e.t.Helper()
	list := &v1alpha1.CheckList{}
	if err := e.List(e.t.Context(), list, client.InNamespace(e.namespace)); err != nil {
		e.t.Fatal(err)
	}
	return list.Items
}

// submit stores a request that has to be accepted.
func (r *replica) submit(t testing.TB, owner string, request check.Request, key string) *v1alpha1.Check {
	t.Helper()
	c, err := r.Submit(t.Context(), owner, request, key, check.Patience{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sees waits until the cache has a Check as it is now, or does not have it any more.
func (e *env) sees(r *replica, c *v1alpha1.Check, there bool) {
	e.t.Helper()
	e.until("the cache knows the check", func() bool {
		page, err := r.List(e.t.Context(), c.Labels[v1alpha1.OwnerLabel], check.Query{Limit: check.MaxLimit})
		if err != nil {
			e.t.Fatal(err)
		}
		for _, have := range page.Checks {
			if have.UID == c.UID {
				return there && have.ResourceVersion == c.ResourceVersion
			}
		}
		return !there
	})
}

// order is a request that names one rule of its own.
func order(input string) check.Request {
	return check.Request{Input: []byte(input), Rules: []v1alpha1.Rule{{
		Name: "amount", Module: &v1alpha1.ModuleRule{Name: "range", Params: v1alpha1.JSON{Raw: []byte(`{"field":"$.amount","max":100}`)}},
	}}}
}

// annotate sets an annotation of an object.
func (e *env) annotate(object client.Object, name, value string) {
	e.t.Helper()
	patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, name, value))
	if err := e.Patch(e.t.Context(), object, patch); err != nil {
		e.t.Fatal(err)
	}
}

// wantField holds an error to being an InvalidError of one field.
func wantField(t testing.TB, err error, field string) {
	t.Helper()
	refused := (*check.InvalidError)(nil)
	if !errors.As(err, &refused) {
		t.Fatalf("error %v, want an InvalidError of %s", err, field)
	}
	if refused.Field != field || refused.Message == "" {
		t.Errorf("%s: %s, want a message on %s", refused.Field, refused.Message, field)
	}
}

var keys atomic.Int64

// newKey is an idempotency key that no test has used.
func newKey() string { return fmt.Sprintf("key-%d", keys.Add(1)) }

// last gives the error that a watch ends with.
func (r *replica) last(ctx context.Context, owner, id string) (err error) {
	for _, err = range r.Watch(ctx, owner, id) { // only the end matters
	}
	return err
}

// metric gives the first metric of a name.
func (r *replica) metric(t testing.TB, name string) *dto.Metric {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0]
		}
	}
	t.Fatalf("there is no metric %s", name)
	return nil
}
