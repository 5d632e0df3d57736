package check

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
)

// arrivals remembers when the Checks in the queue came into it, for the time from there to the verdict. It holds one
// entry for each Check that is waiting, as the queue does. Its zero value is ready.
type arrivals struct {
	mu    sync.Mutex
	first map[types.NamespacedName]time.Time
}

// note remembers a time, unless there is an earlier one.
func (a *arrivals) note(key types.NamespacedName, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.first == nil {
		a.first = map[types.NamespacedName]time.Time{}
	}
	if earlier, ok := a.first[key]; !ok || at.Before(earlier) {
		a.first[key] = at
	}
}

// take forgets a Check, and gives the time that was remembered; now where there is none, as after a retry.
func (a *arrivals) take(key types.NamespacedName, now time.Time) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	at, ok := a.first[key]
	if !ok {
		return now
	}
	delete(a.first, key)
	return at
}

// noted is a predicate that lets everything through and notes it. It must be the last.
func (r *Reconciler) noted() predicate.Predicate {
	note := func(object client.Object) bool {
		r.arrived.note(client.ObjectKeyFromObject(object), r.Clock.Now())
		return true
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return note(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool { return note(e.ObjectNew) },
	}
}
