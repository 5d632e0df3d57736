package retention

import (
	"fmt"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestOldest(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n, limit := rapid.IntRange(0, 30).Draw(r, "checks"), rapid.IntRange(1, 30).Draw(r, "cap")
		checks := make([]v1alpha1.Check, n)
		for i := range checks {
			checks[i].Name = fmt.Sprint(i)
			at := metav1.NewTime(time.Unix(rapid.Int64Range(0, 5).Draw(r, "finished"), 0))
			checks[i].Status.CompletionTime = &at
		}
		surplus := oldest(checks, limit)
		if want := max(0, n-limit); len(surplus) != want {
			r.Fatalf("%d of %d checks go at a cap of %d, want %d", len(surplus), n, limit, want)
		}
		gone := map[string]bool{}
		latest := time.Time{}
		for _, k := range surplus {
			gone[k.Name] = true
			if k.Status.CompletionTime.After(latest) {
				latest = k.Status.CompletionTime.Time
			}
		}
		for i := range checks {
			if !gone[checks[i].Name] && checks[i].Status.CompletionTime.Time.Before(latest) {
				r.Fatalf("%s stays, though it finished before one that goes", checks[i].Name)
			}
		}
	})
}
