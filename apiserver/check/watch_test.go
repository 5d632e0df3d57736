package check_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/check"
)

// progress sets the explanation of a pending Check, so that there is a change.
func (e *env) progress(c *v1alpha1.Check, explanation string) *v1alpha1.Check {
	e.t.Helper()
	c = c.DeepCopy()
	c.Status.Explanation = explanation
	if err := e.Status().Update(e.t.Context(), c); err != nil {
		e.t.Fatal(err)
	}
	return c
}

func TestWatch(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{})
	c := r.submit(t, "ada", order(`{"amount": 1}`), "")
	var got []string
	for state, err := range r.Watch(t.Context(), "ada", c.Name) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(state.Status.Phase)+" "+state.Status.Explanation)
		switch len(got) {
		case 1: // two changes while the reader is busy: the first is left out
			c = e.progress(e.progress(c, "one"), "two")
			e.sees(r, c, true)
		case 2:
			c = e.finish(c, v1alpha1.PhaseFailure)
		}
	}
	if diff := cmp.Diff([]string{"Pending ", "Pending two", "Failure two"}, got); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}

	// One with a verdict is told at once, and that is all.
	states := 0
	for state, err := range r.Watch(t.Context(), "ada", c.Name) {
		if states++; err != nil || state.Status.Phase != v1alpha1.PhaseFailure {
			t.Errorf("state %+v, %v", state, err)
		}
	}
	if states != 1 {
		t.Errorf("%d states of a finished check", states)
	}
}

func TestWatchEnds(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{}, func(o *check.Options) { o.MaxWatchers = 1 })
	c := r.submit(t, "ada", order(`{"amount": 1}`), "")
	e.sees(r, c, true)

	var ends error
	for _, err := range r.Watch(t.Context(), "ada", c.Name) {
		if ends = err; err == nil {
			if err := r.last(t.Context(), "ada", c.Name); !errors.Is(err, check.ErrTooManyWatchers) {
				t.Errorf("the second of one: %v", err)
			}
			if err := e.Delete(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !errors.Is(ends, check.ErrNotFound) {
		t.Errorf("a deleted check ends with %v", ends)
	}

	c = r.submit(t, "ada", order(`{"amount": 1}`), "")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	states := 0
	for _, err := range r.Watch(ctx, "ada", c.Name) {
		if err != nil {
			t.Errorf("the reader's own end is no error: %v", err)
		}
		states++
		cancel()
	}
	if states != 1 {
		t.Errorf("%d states", states)
	}
	for range r.Watch(t.Context(), "ada", c.Name) {
		break // a reader who leaves makes room
	}
	for _, err := range r.Watch(t.Context(), "ada", c.Name) {
		if err != nil {
			t.Errorf("there is room: %v", err)
		}
		break
	}
}
