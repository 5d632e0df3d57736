package check_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/check"
)

// TestDoubt asks a replica whose cache is behind for a Check that has its verdict: it looks, unless the Check is too young, the API server
// is away, or it has looked too often.
func TestDoubt(t *testing.T) {
	e := newEnv(t)
	var reads atomic.Int64
	clock := clocktesting.NewFakeClock(time.Now())
	r := e.start(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
			err := c.Get(ctx, key, object, opts...)
			if k, ok := object.(*v1alpha1.Check); ok && err == nil { // as it is by now, but for this replica's watch
				reads.Add(1)
				k.Status.Phase, k.Status.ObservedGeneration = v1alpha1.PhaseSuccess, k.Generation
			}
			return err
		},
	}, func(o *check.Options) { o.Clock = clock })
	c := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
		Namespace: e.namespace, Name: "01jd3v9w5k8f6m2n4p7q9r1s3t", Labels: map[string]string{v1alpha1.OwnerLabel: "ada"},
	}}
	c.Spec.InputJSON = "1"
	if err := e.Create(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	e.sees(r, c, true)
	look := func() v1alpha1.Phase {
		t.Helper()
		got, err := r.Get(t.Context(), "ada", c.Name)
		if err != nil {
			t.Fatal(err)
		}
		return got.Status.Phase
	}

	clock.SetTime(c.CreationTimestamp.Time)
	if phase := look(); phase.Finished() || reads.Load() > 0 {
		t.Errorf("a Check that was just made is read from the API server: %s", phase)
	}
	clock.SetTime(c.CreationTimestamp.Add(time.Minute))
	if phase := look(); phase != v1alpha1.PhaseSuccess {
		t.Errorf("phase %q a minute later", phase)
	}
	r.link.away.Store(true)
	if phase := look(); phase.Finished() || reads.Load() != 1 {
		t.Errorf("an API server that is away is asked: %s", phase)
	}
	r.link.away.Store(false)
	finished := 0
	for range 100 {
		if look().Finished() {
			finished++
		}
	}
	if finished == 0 || finished > 20 || reads.Load() > 21 {
		t.Errorf("%d of 100 looks at once are answered by the API server", finished)
	}
	if _, err := r.Get(t.Context(), "bob", c.Name); err == nil {
		t.Error("somebody else's Check is found")
	}
	if err := e.Delete(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	e.sees(r, c, false)
}

// TestNothingOlder asks a replica whose watch is behind for a Check whose verdict it has told: it says nothing older.
func TestNothingOlder(t *testing.T) {
	e := newEnv(t)
	clock := clocktesting.NewFakeClock(time.Now())
	r := e.start(interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
			err := c.Get(ctx, key, object, opts...)
			if k, ok := object.(*v1alpha1.Check); ok && err == nil { // as it is by now, but for this replica's watch
				k.ResourceVersion += "0"
				k.Status.Phase, k.Status.ObservedGeneration = v1alpha1.PhaseSuccess, k.Generation
			}
			return err
		},
	}, func(o *check.Options) { o.Clock = clock })
	c := r.submit(t, "ada", order(`{"amount": 1}`), "key")
	e.sees(r, c, true)
	clock.SetTime(c.CreationTimestamp.Add(time.Minute))
	for i := range 100 {
		got, err := r.Get(t.Context(), "ada", c.Name)
		if err != nil || !got.Status.Phase.Finished() {
			t.Fatalf("look %d: %+v, %v", i, got, err)
		}
	}
	if again := r.submit(t, "ada", order(`{"amount": 1}`), "key"); again.UID != c.UID || !again.Status.Phase.Finished() {
		t.Errorf("the same key again: %s", again.Status.Phase)
	}
	r.link.away.Store(true)
	if got, err := r.Get(t.Context(), "ada", c.Name); !errors.Is(err, check.ErrUnavailable) {
		t.Errorf("while nobody can be asked: %+v, %v", got, err)
	}
}
