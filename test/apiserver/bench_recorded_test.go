package apiserver_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	goruntime "runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/config"
)

const (
	recordClients = 32
	recordChecks  = 500 // a round
)

// BenchmarkRecorded is recorded checks, 32 clients at a time that each wait for the verdict, by three ways:
//
//	facade     POST /v1/check with a wait
//	operator   a bare client creates the Check, and watches for the controller's verdict
//	ceiling    a bare client creates a Check of the same size and writes its status itself, once, to another API server, which has no
//	           controller
func BenchmarkRecorded(b *testing.B) {
	c := newCluster(b)
	c.apply(orders)
	url := c.serve(c.as("checky-apiserver"))
	var requests [][]byte
	for i := range 4 {
		token := signUp(b, url, fmt.Sprintf("user-%d@%s.example.com", i, c.namespace))
		requests = append(requests, rawRequest("/v1/check", byOrders(goodOrder), "Authorization: Bearer "+token+"\r\nPrefer: wait=60"))
	}
	connections := dial(b, strings.TrimPrefix(url, "http://"), recordClients)
	facade := func(n int) round {
		defer c.deleteChecks()
		return runRound(b, connections, requests, n)
	}
	operator := newApplied(b)
	if _, _, err := connections[0].exchange(requests[0]); err != nil {
		b.Fatal(err)
	}
	bare := newBare(b, c.Scheme(), c.finishedCheck())

	var byFacade, byOperator, byBare []round
	facade(recordChecks / 4)
	operator.round(b, recordChecks/4)
	bare.round(b, recordChecks/4)
	for b.Loop() {
		byFacade = append(byFacade, facade(recordChecks))
		byOperator = append(byOperator, operator.round(b, recordChecks))
		byBare = append(byBare, bare.round(b, recordChecks))
	}
	for prefix, rounds := range map[string][]round{"": byFacade, "operator-": byOperator, "ceiling-": byBare} {
		b.ReportMetric(medianOf(rounds, round.perSecond), prefix+"checks/s")
		b.ReportMetric(medianOf(rounds, round.medianMicros)/1000, prefix+"p50-ms")
		b.ReportMetric(medianOf(rounds, round.slowMicros)/1000, prefix+"p99-ms")
	}
	b.ReportMetric(medianOf(byFacade, round.perSecond)/medianOf(byOperator, round.perSecond), "of-operator")
	b.ReportMetric(medianOf(byFacade, round.perSecond)/medianOf(byBare, round.perSecond), "of-ceiling")
	b.ReportMetric(0, "ns/op")
	b.Logf("payload %d bytes, %d rounds of %d checks by %d clients; etcd does not wait for the disk; clients, facade, controller, API servers and etcd share %d cores",
		len(goodOrder), len(byFacade), recordChecks, recordClients, goruntime.GOMAXPROCS(0))
}

// finishedCheck is the one Check that there is, as the facade and the controller have made it.
func (c *cluster) finishedCheck() *v1alpha1.Check {
	c.t.Helper()
	defer c.deleteChecks()
	list := &v1alpha1.CheckList{}
	if err := c.List(c.t.Context(), list, client.InNamespace(c.namespace)); err != nil {
		c.t.Fatal(err)
	}
	if len(list.Items) != 1 || !list.Items[0].Status.Phase.Finished() {
		c.t.Fatalf("%d checks, want one with its verdict", len(list.Items))
	}
	return &list.Items[0]
}

// deleteChecks deletes the Checks of the test's namespace, so that each round begins alike.
func (c *cluster) deleteChecks() {
	c.t.Helper()
	deleteChecks(c.t, c, c.namespace)
}

func deleteChecks(t testing.TB, c client.Client, namespace string) {
	t.Helper()
	if err := c.DeleteAllOf(t.Context(), &v1alpha1.Check{}, client.InNamespace(namespace)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the checks are deleted", func() bool {
		list := &v1alpha1.CheckList{}
		return c.List(t.Context(), list, client.InNamespace(namespace)) == nil && len(list.Items) == 0
	})
}

// applied is a client without a facade, which waits for the controller's verdicts by one watch. To the API server it is who the facade
// is: an administrator's requests are neither authorized nor queued.
type applied struct {
	*cluster
	client  client.WithWatch
	made    atomic.Int64
	mu      sync.Mutex
	waiting map[string]chan struct{}
}

func newApplied(b *testing.B) *applied {
	b.Helper()
	a := &applied{cluster: newCluster(b), waiting: map[string]chan struct{}{}}
	a.apply(orders)
	var err error
	if a.client, err = client.NewWithWatch(a.as("checky-apiserver"), client.Options{Scheme: a.Scheme()}); err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	w, err := a.client.Watch(ctx, &v1alpha1.CheckList{}, client.InNamespace(a.namespace))
	if err != nil {
		cancel()
		b.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range w.ResultChan() {
			if k, ok := event.Object.(*v1alpha1.Check); ok && k.Status.Phase.Finished() {
				a.finished(k.Name)
			}
		}
	}()
	b.Cleanup(func() { cancel(); w.Stop(); <-done })
	return a
}

func (a *applied) finished(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if waiting, there := a.waiting[name]; there {
		close(waiting)
		delete(a.waiting, name)
	}
}

func (a *applied) round(b *testing.B, n int) round {
	b.Helper()
	defer a.deleteChecks()
	return measure(b, recordClients, n, func(int) error {
		k := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: a.namespace, Name: fmt.Sprintf("order-%d", a.made.Add(1))}}
		k.Spec.InputJSON = goodOrder
		k.Spec.RuleSets = []v1alpha1.RuleSetReference{{Name: "orders"}}
		verdict := make(chan struct{})
		a.mu.Lock()
		a.waiting[k.Name] = verdict
		a.mu.Unlock()
		if err := a.client.Create(b.Context(), k); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(b.Context(), patience)
		defer cancel()
		select {
		case <-verdict:
			return nil
		case <-ctx.Done():
			return errors.New("no verdict came")
		}
	})
}

// bare is a client of an API server that nobody else uses.
type bare struct {
	client   client.Client
	finished *v1alpha1.Check
	made     atomic.Int64
}

// newBare starts an API server with Checky's kinds and nothing else, for a client that makes copies of a Check.
func newBare(b *testing.B, scheme *runtime.Scheme, finished *v1alpha1.Check) *bare {
	b.Helper()
	cp, err := controlplane.Start(b.Context(), controlplane.Options{Log: os.Stderr})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := cp.Stop(); err != nil {
			b.Error(err)
		}
	})
	definitions, err := controlplane.Manifests(config.Files, "crd/bases")
	if err != nil {
		b.Fatal(err)
	}
	if err := controlplane.Install(b.Context(), cp.RESTConfig(), definitions); err != nil {
		b.Fatal(err)
	}
	admin, err := client.New(cp.RESTConfig(), client.Options{Scheme: scheme})
	if err != nil {
		b.Fatal(err)
	}
	if err := admin.Create(b.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: finished.Namespace}}); err != nil {
		b.Fatal(err)
	}
	return &bare{client: admin, finished: finished}
}

func (r *bare) round(b *testing.B, n int) round {
	b.Helper()
	defer deleteChecks(b, r.client, r.finished.Namespace)
	return measure(b, recordClients, n, func(int) error {
		k := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
			Namespace: r.finished.Namespace, Name: fmt.Sprintf("order-%d", r.made.Add(1)),
			Labels: r.finished.Labels, Annotations: r.finished.Annotations,
		}}
		r.finished.Spec.DeepCopyInto(&k.Spec)
		if err := r.client.Create(b.Context(), k); err != nil {
			return err
		}
		r.finished.Status.DeepCopyInto(&k.Status)
		return r.client.Status().Update(b.Context(), k)
	})
}
