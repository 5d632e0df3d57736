package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/metrics"
)

// TestSurplus holds what goes to its promise: no more stays than the cap, nothing goes without need, an owner's oldest go first,
// and nobody loses a Check while somebody else keeps more than one more.
func TestSurplus(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n, limit := rapid.IntRange(0, 30).Draw(r, "checks"), rapid.IntRange(1, 30).Draw(r, "cap")
		checks := make([]v1alpha1.Check, n)
		kept := map[string]int{}
		for i := range checks {
			checks[i].Name = fmt.Sprint(i)
			owner := rapid.SampledFrom([]string{"", "ada", "bob", "eve"}).Draw(r, "owner")
			checks[i].Labels = map[string]string{v1alpha1.OwnerLabel: owner}
			at := metav1.NewTime(time.Unix(rapid.Int64Range(0, 5).Draw(r, "finished"), 0))
			checks[i].Status.CompletionTime = &at
			kept[owner]++
		}
		gone, lost, latest := map[string]bool{}, map[string]bool{}, map[string]time.Time{}
		for _, k := range surplus(checks, limit) {
			owner := k.Labels[v1alpha1.OwnerLabel]
			gone[k.Name], lost[owner] = true, true
			kept[owner]--
			if k.Status.CompletionTime.After(latest[owner]) {
				latest[owner] = k.Status.CompletionTime.Time
			}
		}
		if want := max(0, n-limit); len(gone) != want {
			r.Fatalf("%d of %d checks go at a cap of %d, want %d", len(gone), n, limit, want)
		}
		for i := range checks {
			owner := checks[i].Labels[v1alpha1.OwnerLabel]
			if !gone[checks[i].Name] && checks[i].Status.CompletionTime.Time.Before(latest[owner]) {
				r.Fatalf("%s stays, though it finished before one of the same owner that goes", checks[i].Name)
			}
		}
		for loser := range lost {
			for other, n := range kept {
				if n > kept[loser]+1 {
					r.Fatalf("%q keeps %d, while %q keeps %d and had more", other, n, loser, kept[loser])
				}
			}
		}
	})
}

// of gives a reconciler with a cap of one, in a namespace of so many finished Checks, of which the names count up by age.
func of(t *testing.T, checks, concurrency int, remove func(name string) error) *Reconciler {
	t.Helper()
	c := interceptor.NewClient(nil, interceptor.Funcs{
		List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
			for i := range checks {
				check := v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%05d", i)}}
				check.Status.CompletionTime = &metav1.Time{Time: time.Unix(int64(i), 0)}
				all := list.(*v1alpha1.CheckList) //nolint:forcetypeassert // nothing else is listed
				all.Items = append(all.Items, check)
			}
			return nil
		},
		Delete: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.DeleteOption) error {
			return remove(object.GetName())
		},
	})
	counts, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return &Reconciler{Client: c, Metrics: counts, Cap: 1, Concurrency: concurrency}
}

// TestDeletesSeveralAtOnce has an API server that answers to no deletion before there are as many as there may be at once.
func TestDeletesSeveralAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const concurrency = 8
		var begun, under, most atomic.Int64
		all := make(chan struct{})
		r := of(t, 100, concurrency, func(string) error {
			now := under.Add(1)
			defer under.Add(-1)
			for old := most.Load(); now > old && !most.CompareAndSwap(old, now); old = most.Load() {
			}
			if begun.Add(1) == concurrency {
				close(all)
			}
			<-all // for ever, if they come one after the other, which ends the bubble
			return nil
		})
		if result, err := r.Reconcile(t.Context(), ctrl.Request{}); err != nil || result.RequeueAfter != 0 {
			t.Errorf("got %+v, %v", result, err)
		}
		if begun.Load() != 99 || most.Load() != concurrency {
			t.Errorf("%d deletions, %d at once, want 99 and %d", begun.Load(), most.Load(), concurrency)
		}
	})
}

// TestNamespacesTakeTurns has more to delete in one than goes in its turn: the oldest go, and the rest soon.
func TestNamespacesTakeTurns(t *testing.T) {
	var deleted []string
	r := of(t, inTurn+10, 1, func(name string) error { deleted = append(deleted, name); return nil })
	result, err := r.Reconcile(t.Context(), ctrl.Request{})
	if err != nil || result.RequeueAfter != again {
		t.Errorf("got %+v, %v; want it to go on", result, err)
	}
	if len(deleted) != inTurn || deleted[0] != "00000" || !slices.IsSorted(deleted) {
		t.Errorf("%d were deleted, beginning with %q", len(deleted), deleted[0])
	}
}

// TestAnErrorEndsATurn: where the API server refuses, it is left alone until it is tried again.
func TestAnErrorEndsATurn(t *testing.T) {
	refused := errors.New("refused")
	var asked int
	r := of(t, 100, 1, func(string) error { asked++; return refused })
	if _, err := r.Reconcile(t.Context(), ctrl.Request{}); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if asked > 2 { // one more may have been on its way
		t.Errorf("it was asked %d times", asked)
	}
}

// TestLostDeletionsHinderNoOthers has the oldest Check change, and the next one go, between the count and the deletion.
func TestLostDeletionsHinderNoOthers(t *testing.T) {
	resource := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "checks"}
	var deleted []string
	r := of(t, 4, 1, func(name string) error {
		switch name {
		case "00000":
			return apierrors.NewConflict(resource, name, nil)
		case "00001":
			return apierrors.NewNotFound(resource, name)
		}
		deleted = append(deleted, name)
		return nil
	})
	result, err := r.Reconcile(t.Context(), ctrl.Request{})
	if err != nil || result.RequeueAfter != settle {
		t.Errorf("got %+v, %v; want another count", result, err)
	}
	if diff := cmp.Diff([]string{"00002"}, deleted); diff != "" {
		t.Errorf("deleted: -want +got\n%s", diff)
	}
}
