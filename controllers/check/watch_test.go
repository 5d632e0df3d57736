package check

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestUnfinishedFirst takes the lease over from a leader that left a Check behind, while new ones come.
func TestUnfinishedFirst(t *testing.T) {
	queue := priorityqueue.New[reconcile.Request]("test")
	defer queue.ShutDown()
	listed := func(name string, phase v1alpha1.Phase, observed int64, first bool) {
		check := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: name, Generation: 2}}
		check.Status.Phase, check.Status.ObservedGeneration = phase, observed
		e := event.CreateEvent{Object: check, IsInInitialList: first}
		for _, h := range []handler.EventHandler{&handler.EnqueueRequestForObject{}, unfinishedFirst()} {
			h.Create(t.Context(), e, queue)
		}
	}
	listed("finished", v1alpha1.PhaseSuccess, 2, true)
	listed("left-behind", "", 0, true)
	listed("waiting", v1alpha1.PhasePending, 2, true)
	listed("edited", v1alpha1.PhaseFailure, 1, true)
	listed("new", "", 0, false)
	got := map[string]int{}
	for range 5 {
		item, priority, _ := queue.GetWithPriority()
		got[item.Name] = priority
		queue.Done(item)
	}
	want := map[string]int{"left-behind": 0, "waiting": 0, "edited": 0, "new": 0, "finished": handler.LowPriority}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("priorities (-want +got):\n%s", diff)
	}
}
