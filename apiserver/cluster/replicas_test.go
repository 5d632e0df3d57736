package cluster

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
)

func TestReplicas(t *testing.T) {
	slice := func(name string, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
		return &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "checky-system", Name: name}, Endpoints: endpoints}
	}
	at := func(address string, ready *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
	}
	pod := func(name, address string) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{Addresses: []string{address}, TargetRef: &corev1.ObjectReference{Kind: "Pod", Name: name}}
	}
	cases := map[string]struct {
		reason string
		do     func(r *replicas)
		want   int
	}{
		"none": {reason: "whoever asks is there", do: func(*replicas) {}, want: 1},
		"ready, not ready, unsaid": {
			reason: "an endpoint whose readiness is not said is ready",
			do: func(r *replicas) {
				r.OnAdd(slice("a", at("10.0.0.1", new(true)), at("10.0.0.2", new(false)), at("10.0.0.3", nil)), true)
			},
			want: 2,
		},
		"all leave": {
			reason: "and this one is still there",
			do: func(r *replicas) {
				r.OnAdd(slice("a", at("10.0.0.1", nil), at("10.0.0.2", nil)), true)
				r.OnUpdate(nil, slice("a", at("10.0.0.1", new(false))))
			},
			want: 1,
		},
		"an address in two slices": {
			reason: "an endpoint may be in two slices while it moves",
			do: func(r *replicas) {
				r.OnAdd(slice("a", at("10.0.0.1", nil), at("10.0.0.2", nil)), true)
				r.OnAdd(slice("b", at("10.0.0.2", nil), at("10.0.0.3", nil)), true)
			},
			want: 3,
		},
		"a Pod of two address families": {
			reason: "each family has slices of its own",
			do: func(r *replicas) {
				r.OnAdd(slice("a", pod("one", "10.0.0.1"), pod("two", "10.0.0.2")), true)
				r.OnAdd(slice("b", pod("one", "fd00::1"), pod("two", "fd00::2")), true)
			},
			want: 2,
		},
		"a slice is deleted": {
			reason: "also when that is only learned from a new list",
			do: func(r *replicas) {
				r.OnAdd(slice("a", at("10.0.0.1", nil), at("10.0.0.2", nil)), true)
				r.OnAdd(slice("b", at("10.0.0.3", nil)), true)
				r.OnAdd(slice("c", at("10.0.0.4", nil)), true)
				r.OnDelete(slice("b"))
				r.OnDelete(toolscache.DeletedFinalStateUnknown{Key: "checky-system/c", Obj: slice("c")})
			},
			want: 2,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := newReplicas()
			c.do(r)
			if got := r.ready(); got != c.want {
				t.Errorf("%d replicas, want %d: %s", got, c.want, c.reason)
			}
		})
	}
}

func BenchmarkReplicas(b *testing.B) {
	r := newReplicas()
	b.ReportAllocs()
	for b.Loop() {
		_ = r.ready()
	}
}
