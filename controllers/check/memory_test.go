package check

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	toolscache "k8s.io/client-go/tools/cache"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// judged is a failing Check as the API server gives it: its payload has some 600 bytes, six rules failed, and three passages help.
func judged(n int) *v1alpha1.Check {
	at := metav1.NewTime(time.Unix(1767225600+int64(n), 0))
	c := &v1alpha1.Check{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "Check"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "orders", Name: fmt.Sprintf("order-%06d", n), UID: types.UID(fmt.Sprintf("%08x-1111-4222-8333-%012x", n, n)),
			ResourceVersion: fmt.Sprint(100000 + n), Generation: 1, CreationTimestamp: at,
			Labels:        map[string]string{"team": fmt.Sprint(n % 20), "app.kubernetes.io/part-of": "shop"},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl", Operation: "Update", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{}}`)}},
		},
		Spec: v1alpha1.CheckSpec{
			InputJSON: fmt.Sprintf(`{"id":%d,"note":%q}`, n, strings.Repeat("x", 570)), FailOn: v1alpha1.SeverityError,
			RuleSets: []v1alpha1.RuleSetReference{{Kind: v1alpha1.KindRuleSet, Name: "orders"}},
		},
	}
	digest := fmt.Sprintf("sha256:%064x", n)
	c.Status.ObservedGeneration, c.Status.StartTime, c.Status.CompletionTime = 1, &at, &at
	c.Status.Verdict = v1alpha1.Verdict{
		Phase: v1alpha1.PhaseFailure, RuleCount: 6, Summary: &v1alpha1.Summary{Fail: 6}, InputDigest: digest,
		RulesDigest: fmt.Sprintf("sha256:%064x", 1), Alert: &v1alpha1.Alert{Key: digest, Severity: v1alpha1.SeverityError},
		Explanation: strings.Repeat("- orders/amount (error) failed at /amount: expected a number at most 10000\n", 6),
	}
	for i := range 6 {
		c.Status.Results = append(c.Status.Results, v1alpha1.Result{
			Rule: fmt.Sprintf("orders/rule-%d", i), Outcome: v1alpha1.OutcomeFail, Severity: v1alpha1.SeverityError, Path: "/amount", Message: "expected a number at most 10000",
		})
		c.Status.RulesApplied = append(c.Status.RulesApplied, fmt.Sprintf("orders/rule-%d", i))
	}
	for i := range 3 {
		c.Status.Passages = append(c.Status.Passages, v1alpha1.Passage{ID: fmt.Sprintf("rag-content.txt:%d", i), Title: "Amounts", Text: strings.Repeat("a line ", 30)})
		c.Status.Conditions = append(c.Status.Conditions, metav1.Condition{Type: fmt.Sprint(i), Status: metav1.ConditionTrue, Reason: "Evaluated", Message: "there is a verdict", LastTransitionTime: at})
	}
	return c
}

// serve is an API server that has a number of finished Checks: it tells whoever watches of them, and nothing after that.
func serve(b *testing.B, checks int) *rest.Config {
	b.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", apiruntime.ContentTypeJSON)
		encoder := json.NewEncoder(w)
		if r.URL.Query().Get("watch") != "true" {
			http.Error(w, "it streams lists", http.StatusNotAcceptable)
			return
		}
		send := func(kind watch.EventType, c *v1alpha1.Check) {
			_ = encoder.Encode(map[string]any{"type": kind, "object": c}) // who has gone reads no more
		}
		for n := range checks {
			send(watch.Added, judged(n))
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

// BenchmarkKept reports how many bytes of the controller's memory a finished Check takes: in the informer's store, in the indexes, and in the queue,
// where it waits for the end of its time.
func BenchmarkKept(b *testing.B) {
	const checks = 10_000
	for name, transform := range map[string]toolscache.TransformFunc{
		"whole":    func(object any) (any, error) { return object, nil },
		"stripped": NewStripper().Strip,
	} {
		b.Run(name, func(b *testing.B) {
			config := serve(b, checks)
			for b.Loop() {
				before := heap()
				known := keep(b, config, transform)
				queue := priorityqueue.New[reconcile.Request]("kept")
				list := &v1alpha1.CheckList{}
				if err := known.List(b.Context(), list, client.UnsafeDisableDeepCopy); err != nil || len(list.Items) != checks {
					b.Fatalf("%d Checks, %v", len(list.Items), err)
				}
				for i := range list.Items {
					queue.AddWithOpts(priorityqueue.AddOpts{After: time.Hour}, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
				}
				list = nil // what it holds besides the Checks does not count
				b.ReportMetric(float64(heap()-before)/checks, "B/check")
				runtime.KeepAlive(known)
				queue.ShutDown()
			}
		})
	}
}

// keep runs a cache as the manager does, until the benchmark ends.
func keep(b *testing.B, config *rest.Config, transform toolscache.TransformFunc) cache.Cache {
	b.Helper()
	scheme := apiruntime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		b.Fatal(err)
	}
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.GroupVersion})
	mapper.Add(v1alpha1.GroupVersion.WithKind("Check"), meta.RESTScopeNamespace)
	mapper.Add(v1alpha1.GroupVersion.WithKind("CheckList"), meta.RESTScopeNamespace)
	known, err := cache.New(config, cache.Options{
		Scheme: scheme, Mapper: mapper, ByObject: map[client.Object]cache.ByObject{&v1alpha1.Check{}: {Transform: transform}},
	})
	if err != nil {
		b.Fatal(err)
	}
	if err := indexIn(b.Context(), known); err != nil {
		b.Fatal(err)
	}
	for _, index := range []string{"as retention does", "as alertpolicy does"} {
		if err := known.IndexField(b.Context(), &v1alpha1.Check{}, index, func(client.Object) []string { return []string{"true"} }); err != nil {
			b.Fatal(err)
		}
	}
	go func() { _ = known.Start(b.Context()) }() // it ends with the benchmark
	if !known.WaitForCacheSync(b.Context()) {
		b.Fatal("the cache does not sync")
	}
	return known
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
