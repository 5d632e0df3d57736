package retention

import (
	"context"
	"fmt"
	"testing"
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

// TestLostDeletionsHinderNoOthers has the oldest Check change, and the next one go, between the count and the deletion.
func TestLostDeletionsHinderNoOthers(t *testing.T) {
	resource := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "checks"}
	var deleted []string
	c := interceptor.NewClient(nil, interceptor.Funcs{
		List: func(_ context.Context, _ client.WithWatch, list client.ObjectList, _ ...client.ListOption) error {
			for i, name := range []string{"changed", "gone", "old", "new"} {
				check := v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Name: name}}
				check.Status.CompletionTime = &metav1.Time{Time: time.Unix(int64(i), 0)}
				all := list.(*v1alpha1.CheckList) //nolint:forcetypeassert // nothing else is listed
				all.Items = append(all.Items, check)
			}
			return nil
		},
		Delete: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.DeleteOption) error {
			switch object.GetName() {
			case "changed":
				return apierrors.NewConflict(resource, "changed", nil)
			case "gone":
				return apierrors.NewNotFound(resource, "gone")
			}
			deleted = append(deleted, object.GetName())
			return nil
		},
	})
	counts, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{Client: c, Metrics: counts, Cap: 1}
	result, err := r.Reconcile(t.Context(), ctrl.Request{})
	if err != nil || result.RequeueAfter != settle {
		t.Errorf("got %+v, %v; want another count", result, err)
	}
	if diff := cmp.Diff([]string{"old"}, deleted); diff != "" {
		t.Errorf("deleted: -want +got\n%s", diff)
	}
}
