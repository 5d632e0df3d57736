package check

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestArrivals(t *testing.T) {
	var a arrivals
	key, other := types.NamespacedName{Name: "a"}, types.NamespacedName{Name: "b"}
	a.note(key, began.Add(time.Second))
	a.note(key, began)
	a.note(key, began.Add(time.Minute))
	if got := a.take(key, ended); !got.Equal(began) {
		t.Errorf("%s, want the earliest", got)
	}
	if got := a.take(key, ended); !got.Equal(ended) {
		t.Errorf("%s, want now: it was taken", got)
	}
	if got := a.take(other, ended); !got.Equal(ended) {
		t.Errorf("%s, want now: it never came", got)
	}
	if len(a.first) != 0 {
		t.Errorf("%d entries are left", len(a.first))
	}
}
