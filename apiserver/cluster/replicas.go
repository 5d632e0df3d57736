package cluster

import (
	"sync"
	"sync/atomic"

	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
)

// replicas counts the ready endpoints of one Service. It is an event handler of its EndpointSlices.
type replicas struct {
	mu     sync.Mutex // the API's objects are few, and events come one after the other
	slices map[types.NamespacedName][]string
	count  atomic.Int64
}

var _ toolscache.ResourceEventHandler = (*replicas)(nil)

func newReplicas() *replicas {
	return &replicas{slices: make(map[types.NamespacedName][]string)}
}

// ready is how many there are, and at least one: whoever asks is one of them, even if its own readiness has
// not got around.
func (r *replicas) ready() int { return max(1, int(r.count.Load())) }

// OnAdd implements toolscache.ResourceEventHandler.
func (r *replicas) OnAdd(obj any, _ bool) { r.set(obj) }

// OnUpdate implements toolscache.ResourceEventHandler.
func (r *replicas) OnUpdate(_, obj any) { r.set(obj) }

// OnDelete implements toolscache.ResourceEventHandler.
func (r *replicas) OnDelete(obj any) {
	if unknown, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
		obj = unknown.Obj
	}
	if slice, ok := obj.(*discoveryv1.EndpointSlice); ok {
		r.put(slice, nil)
	}
}

func (r *replicas) set(obj any) {
	if slice, ok := obj.(*discoveryv1.EndpointSlice); ok {
		r.put(slice, readyIn(slice))
	}
}

func (r *replicas) put(slice *discoveryv1.EndpointSlice, ready []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := types.NamespacedName{Namespace: slice.Namespace, Name: slice.Name}
	if len(ready) == 0 {
		delete(r.slices, key)
	} else {
		r.slices[key] = ready
	}
	distinct := make(map[string]struct{})
	for _, names := range r.slices {
		for _, name := range names {
			distinct[name] = struct{}{}
		}
	}
	r.count.Store(int64(len(distinct)))
}

// readyIn names a slice's ready endpoints. One that is a Pod goes by the Pod: in a Service of two address families it is in a
// slice of each. A condition that is not given counts as true (the API's words).
func readyIn(slice *discoveryv1.EndpointSlice) []string {
	var names []string
	for i := range slice.Endpoints {
		endpoint := &slice.Endpoints[i]
		if ready := endpoint.Conditions.Ready; ready != nil && !*ready {
			continue
		}
		switch target := endpoint.TargetRef; {
		case target != nil && target.Name != "":
			names = append(names, target.Kind+"/"+target.Namespace+"/"+target.Name)
		case len(endpoint.Addresses) > 0:
			names = append(names, endpoint.Addresses[0])
		}
	}
	return names
}
