//go:build linux

package audio

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

// failingCheck is one as the API server gives it, in as far as the daemon looks at it, and a payload besides.
func failingCheck(n int) *v1alpha1.Check {
	at := metav1.NewTime(time.Unix(1767225600+int64(n), 0))
	c := &v1alpha1.Check{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Check"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "orders", Name: fmt.Sprintf("order-%06d", n), UID: types.UID(fmt.Sprintf("%08x-1111-4222-8333-%012x", n, n)),
			ResourceVersion: fmt.Sprint(100000 + n), Generation: 1, CreationTimestamp: at,
			Labels: map[string]string{"team": fmt.Sprint(n % 20), "app.kubernetes.io/part-of": "shop"},
		},
		Spec: v1alpha1.CheckSpec{InputJSON: fmt.Sprintf(`{"id":%d,"note":%q}`, n, strings.Repeat("x", 570))},
	}
	c.Status.Phase, c.Status.CompletionTime = v1alpha1.PhaseFailure, &at
	c.Status.Alert = &v1alpha1.Alert{Key: fmt.Sprintf("sha256:%064x", n), Severity: v1alpha1.SeverityError}
	for _, kind := range []string{v1alpha1.ConditionComplete, v1alpha1.ConditionPassed} {
		c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: "RulesFailed", LastTransitionTime: at})
	}
	return c
}

// serveFailures is an API server with a number of failing Checks: it tells whoever watches of them, and nothing after that.
func serveFailures(b *testing.B, checks int) *rest.Config {
	b.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", apiruntime.ContentTypeJSON)
		if r.URL.Query().Get("watch") != "true" {
			http.Error(w, "it streams lists", http.StatusNotAcceptable)
			return
		}
		encoder := json.NewEncoder(w)
		send := func(kind watch.EventType, c *v1alpha1.Check) {
			_ = encoder.Encode(map[string]any{"type": kind, "object": c}) // who has gone reads no more
		}
		for n := range checks {
			send(watch.Added, failingCheck(n))
		}
		send(watch.Bookmark, &v1alpha1.Check{
			TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Check"},
			ObjectMeta: metav1.ObjectMeta{ResourceVersion: "200000", Annotations: map[string]string{metav1.InitialEventsAnnotationKey: "true"}},
		})
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	b.Cleanup(server.Close)
	return &rest.Config{Host: server.URL, QPS: -1}
}

// BenchmarkFollowed reports how many bytes of the daemon's memory a failing Check takes: in the informer's store, and in the state that decides
// what sounds.
func BenchmarkFollowed(b *testing.B) {
	const checks = 10_000
	config := serveFailures(b, checks)
	for b.Loop() {
		before := heap()
		scheme, err := newScheme()
		if err != nil {
			b.Fatal(err)
		}
		known, err := newCache(config, scheme, logr.Discard(), "node", "checky-system", nil)
		if err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		now := func() dispatch.Moment { return dispatch.Moment{Mono: time.Since(began), Wall: time.Now()} }
		var mu sync.Mutex
		state := dispatch.New(dispatch.Options{})
		state.SetPolicies(now(), []*alerts.Policy{alerts.Default()})
		go func() { _ = known.Start(b.Context()) }() // it ends with the benchmark
		informer, err := known.GetInformer(b.Context(), &v1alpha1.Check{})
		if err != nil {
			b.Fatal(err)
		}
		registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerDetailedFuncs{AddFunc: func(object any, initial bool) {
			mu.Lock()
			defer mu.Unlock()
			state.Observe(now(), object.(*failure).Alert, initial)
		}})
		if err != nil {
			b.Fatal(err)
		}
		if !toolscache.WaitForCacheSync(b.Context().Done(), registration.HasSynced) {
			b.Fatal("the cache does not sync")
		}
		mu.Lock()
		state.Next(now())
		mu.Unlock()
		b.ReportMetric(float64(heap()-before)/checks, "B/check")
		runtime.KeepAlive(known)
		runtime.KeepAlive(state)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
