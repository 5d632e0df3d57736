package cluster_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/cluster"
	"github.com/checky-dev/checky/apiserver/cluster/packed"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	controlplanetest.Main(m)
}

// patience is how long a test waits for what should take moments.
const patience = 3 * time.Minute

var namespaces atomic.Int64

// world is a running Cluster, and an administrator who reaches the API server by another way.
type world struct {
	*cluster.Cluster
	t         *testing.T
	admin     client.WithWatch
	namespace string
	registry  *prometheus.Registry
	seen      recorder // of Secrets
	checks    recorder
	stop      func() // ends the Cluster, and waits for its end
}

// newWorld starts a Cluster over one configuration, for a namespace that is made over the other.
func newWorld(t *testing.T, cfg, direct *rest.Config) *world {
	t.Helper()
	w := prepare(t, cfg, direct)
	w.start()
	w.settle()
	return w
}

// prepare makes a world whose Cluster is not started.
func prepare(t *testing.T, cfg, direct *rest.Config) *world {
	t.Helper()
	w := &world{t: t, namespace: fmt.Sprintf("cluster-%d", namespaces.Add(1)), registry: prometheus.NewRegistry()}
	w.admin = administrator(t, direct)
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: w.namespace}})
	log := funcr.New(func(prefix, args string) { t.Log(prefix, args) }, funcr.Options{LogTimestamp: true})
	var err error
	w.Cluster, err = cluster.New(cfg, cluster.Options{
		Namespace: w.namespace, CheckNamespace: w.namespace, Service: "checky-apiserver", Registerer: w.registry,
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	for object, seen := range map[client.Object]*recorder{&corev1.Secret{}: &w.seen, &v1alpha1.Check{}: &w.checks} {
		informer, err := w.Cache().GetInformer(t.Context(), object)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := informer.AddEventHandler(seen); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Start(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.t.Errorf("Start: %v", err)
		}
	})
	w.t.Cleanup(w.stop)
}

// settle waits until all is known and nothing is away.
func (w *world) settle() {
	w.t.Helper()
	begun := time.Now()
	w.eventually("all is synced and nothing is away", func() bool {
		_, away := w.Away()
		return w.Synced() && !away
	})
	w.t.Logf("settled after %s, at %s", time.Since(begun).Round(10*time.Millisecond), time.Now().Format(time.TimeOnly+".000"))
}

// leave waits until the API server counts as away.
func (w *world) leave() {
	w.t.Helper()
	begun := time.Now()
	w.eventually("the API server counts as away", func() bool {
		_, away := w.Away()
		return away
	})
	w.t.Logf("away after %s", time.Since(begun).Round(10*time.Millisecond))
}

func administrator(t *testing.T, cfg *rest.Config) client.WithWatch {
	t.Helper()
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	scheme := cluster.Scheme()
	admin, err := client.NewWithWatch(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return admin
}

// create creates objects; an API server that has just started may refuse some for a moment.
func (w *world) create(objects ...client.Object) {
	w.t.Helper()
	for _, o := range objects {
		w.eventually("an object is created", func() bool {
			err := w.admin.Create(w.t.Context(), o)
			if err != nil {
				w.t.Logf("create: %v", err)
			}
			return client.IgnoreAlreadyExists(err) == nil
		})
	}
}

func (w *world) secret(name string) *corev1.Secret {
	return &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{cluster.FacadeLabel: "account"}},
		Data:       map[string][]byte{"key": []byte("value")},
	}
}

func (w *world) check(name string) *v1alpha1.Check {
	return &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: name, Labels: map[string]string{v1alpha1.OwnerLabel: "somebody"}},
		Spec:       v1alpha1.CheckSpec{InputJSON: `{"amount": 1}`},
	}
}

// cached tells whether the cache holds an object.
func (w *world) cached(object client.Object) bool {
	w.t.Helper()
	if check, ok := object.(*v1alpha1.Check); ok { // they are held packed, and followed instead of read
		whole := w.checks.held(check.Name)
		if whole != nil {
			whole.DeepCopyInto(check)
		}
		return whole != nil
	}
	err := w.Cache().Get(w.t.Context(), client.ObjectKeyFromObject(object), object)
	if client.IgnoreNotFound(err) != nil {
		w.t.Fatalf("read from the cache: %v", err)
	}
	return err == nil
}

func (w *world) eventually(what string, condition func() bool) {
	w.t.Helper()
	err := wait.PollUntilContextTimeout(w.t.Context(), 20*time.Millisecond, patience, true,
		func(context.Context) (bool, error) { return condition(), nil })
	if err != nil {
		w.t.Fatalf("%s: %v", what, err)
	}
}

// gauge reads a metric; kind is empty for one without labels.
func (w *world) gauge(name, kind string) float64 {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == name && (kind == "" || metric.GetLabel()[0].GetValue() == kind) {
				return metric.GetGauge().GetValue()
			}
		}
	}
	w.t.Fatalf("there is no metric %s of %q", name, kind)
	return 0
}

// recorder keeps the events of an informer by name of the object.
type recorder struct {
	mu     sync.Mutex
	events map[string][]string
	checks map[string]*packed.Check
}

func (r *recorder) OnAdd(obj any, _ bool) { r.note("add", obj) }
func (r *recorder) OnUpdate(_, obj any)   { r.note("update", obj) }
func (r *recorder) OnDelete(obj any) {
	if unknown, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
		obj = unknown.Obj
	}
	r.note("delete", obj)
}

func (r *recorder) note(what string, obj any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.events == nil {
		r.events, r.checks = make(map[string][]string), make(map[string]*packed.Check)
	}
	object, err := meta.Accessor(obj)
	if err != nil {
		panic(err)
	}
	name := object.GetName()
	r.events[name] = append(r.events[name], what)
	if c, ok := obj.(*packed.Check); ok {
		r.checks[name] = c
		if what == "delete" {
			delete(r.checks, name)
		}
	}
}

// held is a Check as the informer last told of it; nil: it was deleted, or never there.
func (r *recorder) held(name string) *v1alpha1.Check {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.checks[name]; c != nil {
		return c.Whole()
	}
	return nil
}

func (r *recorder) last(name string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events[name]
	if len(events) == 0 {
		return ""
	}
	return events[len(events)-1]
}

func (r *recorder) count(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.events[name])
}
