package check

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestSchedule(t *testing.T) {
	pending := v1alpha1.CheckStatus{ObservedGeneration: 1, Verdict: v1alpha1.Verdict{Phase: v1alpha1.PhasePending}}
	verdict := func(age time.Duration) v1alpha1.CheckStatus {
		return v1alpha1.CheckStatus{
			ObservedGeneration: 1, CompletionTime: &metav1.Time{Time: began.Add(-age)}, Verdict: v1alpha1.Verdict{Phase: v1alpha1.PhaseSuccess},
		}
	}
	for name, tc := range map[string]struct {
		reason  string
		status  v1alpha1.CheckStatus
		waiting *waiting
		ttl     time.Duration
		want    time.Duration
	}{
		"Watched":          {"a watch brings it back", pending, &waiting{}, time.Hour, 0},
		"Forbidden":        {"no watch tells of a right", pending, denied("may not read pods"), time.Hour, deniedRetry},
		"Finished":         {"it goes in time", verdict(time.Minute), nil, time.Hour, 59 * time.Minute},
		"Kept":             {"it is kept", verdict(time.Minute), nil, 0, 0},
		"FinishedUnseen":   {"its input is not watched, and may have changed", verdict(time.Minute), denied("may not read pods"), time.Hour, deniedRetry},
		"KeptUnseen":       {"the same, where it is kept for ever", verdict(time.Minute), denied("may not read pods"), 0, deniedRetry},
		"LastMinuteUnseen": {"its end comes first", verdict(59*time.Minute + 30*time.Second), denied("may not read pods"), time.Hour, 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{DefaultTTL: tc.ttl, Clock: testingclock.NewFakePassiveClock(began)}
			s := &scope{check: &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Generation: 1}, Status: tc.status}, waiting: tc.waiting}
			result, err := r.schedule(t.Context(), s)
			if err != nil || result.RequeueAfter != tc.want {
				t.Errorf("%s: comes back after %s, want %s (%v)", tc.reason, result.RequeueAfter, tc.want, err)
			}
		})
	}
}

func TestOver(t *testing.T) {
	status := func(phase v1alpha1.Phase, generation int64, age time.Duration) v1alpha1.CheckStatus {
		return v1alpha1.CheckStatus{ObservedGeneration: generation, CompletionTime: &metav1.Time{Time: began.Add(-age)}, Verdict: v1alpha1.Verdict{Phase: phase}}
	}
	undated := status(v1alpha1.PhaseFailure, 2, 0)
	undated.CompletionTime = nil
	for name, tc := range map[string]struct {
		reason string
		status v1alpha1.CheckStatus
		own    *int32
		ttl    time.Duration
		want   bool
	}{
		"InTime":  {"there is some left", status(v1alpha1.PhaseFailure, 2, time.Minute-time.Second), nil, time.Minute, false},
		"Over":    {"none is left", status(v1alpha1.PhaseFailure, 2, time.Minute), nil, time.Minute, true},
		"Edited":  {"its new spec has no verdict yet", status(v1alpha1.PhaseFailure, 1, time.Hour), nil, time.Minute, false},
		"Kept":    {"it has no end", status(v1alpha1.PhaseFailure, 2, time.Hour), nil, 0, false},
		"Pending": {"it waits", status(v1alpha1.PhasePending, 2, time.Hour), nil, time.Minute, false},
		"AtOnce":  {"its own says so", status(v1alpha1.PhaseSuccess, 2, 0), new(int32), 0, true},
		"Undated": {"nobody knows since when", undated, nil, time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := &Reconciler{DefaultTTL: tc.ttl, Clock: testingclock.NewFakePassiveClock(began)}
			s := &scope{check: &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Spec: v1alpha1.CheckSpec{TTLSecondsAfterFinished: tc.own}, Status: tc.status}}
			if got := r.over(s); got != tc.want {
				t.Errorf("%s: got %t", tc.reason, got)
			}
		})
	}
}

func TestDenialHoldsForAWhile(t *testing.T) {
	w := newInputWatches(nil, nil, nil)
	pods := schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
	if known, _ := w.known(pods); known {
		t.Error("nothing was asked yet")
	}
	w.deny(pods, &NotAllowedError{"may not list pods"})
	if known, err := w.known(pods); !known || err == nil {
		t.Errorf("a denial is forgotten at once: %v, %v", known, err)
	}
	w.denied[pods] = denial{until: time.Now().Add(-time.Second)}
	if known, _ := w.known(pods); known {
		t.Error("an old denial holds")
	}
}
