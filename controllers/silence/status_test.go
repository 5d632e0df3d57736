package silence

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

var noon = time.Date(2026, 3, 29, 12, 0, 0, 0, time.UTC)

func silenceOf(change func(*v1alpha1.SilenceSpec)) *v1alpha1.Silence {
	starts := metav1.NewTime(noon)
	silence := &v1alpha1.Silence{
		ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "s", Generation: 3, UID: "1", ResourceVersion: "7"},
		Spec:       v1alpha1.SilenceSpec{StartsAt: &starts, EndsAt: metav1.NewTime(noon.Add(time.Hour))},
	}
	change(&silence.Spec)
	return silence
}

func asIs(*v1alpha1.SilenceSpec) {}

func badSelector(spec *v1alpha1.SilenceSpec) {
	spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "app", Operator: "Like", Values: []string{"x"}}}}
}

func TestStatusOf(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change func(*v1alpha1.SilenceSpec)
		at     time.Duration // from its start
		state  v1alpha1.SilenceState
		ready  string
	}{
		"Before":      {"it has not begun", asIs, -time.Second, v1alpha1.SilencePending, "Valid"},
		"Start":       {"its start is within it", asIs, 0, v1alpha1.SilenceActive, "Valid"},
		"Within":      {"", asIs, time.Minute, v1alpha1.SilenceActive, "Valid"},
		"End":         {"its end is not within it", asIs, time.Hour, v1alpha1.SilenceExpired, "Valid"},
		"NoStart":     {"it began at once", func(s *v1alpha1.SilenceSpec) { s.StartsAt = nil }, -time.Hour, v1alpha1.SilenceActive, "Valid"},
		"Invalid":     {"nothing is silent by it", badSelector, time.Minute, "", "InvalidSilence"},
		"InvalidOver": {"it is over all the same", badSelector, time.Hour, v1alpha1.SilenceExpired, "InvalidSilence"},
	} {
		t.Run(name, func(t *testing.T) {
			status := statusOf(silenceOf(tc.change), noon.Add(tc.at))
			ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.Reason != tc.ready || ready.ObservedGeneration != 3 || status.ObservedGeneration != 3 {
				t.Fatalf("%s: got %+v", tc.reason, status)
			}
			if status.State != tc.state {
				t.Errorf("%s: got %q, want %q", tc.reason, status.State, tc.state)
			}
			if bad := ready.Status == metav1.ConditionFalse; bad != (tc.ready == v1alpha1.ReasonInvalidSilence) {
				t.Errorf("%s: Ready is %s", tc.reason, ready.Status)
			} else if bad && !strings.Contains(ready.Message, "spec.selector.matchExpressions[0].operator") {
				t.Errorf("the message names no field: %s", ready.Message)
			}
		})
	}
}

// TestStatusIsStable looks again a minute later: there is nothing new to write.
func TestStatusIsStable(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.SilenceSpec){"Valid": asIs, "Invalid": badSelector} {
		t.Run(name, func(t *testing.T) {
			silence := silenceOf(change)
			silence.Status = statusOf(silence, noon.Add(time.Minute))
			if diff := cmp.Diff(silence.Status, statusOf(silence, noon.Add(2*time.Minute))); diff != "" {
				t.Errorf("-first +second\n%s", diff)
			}
		})
	}
}

func TestNextMoment(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change func(*v1alpha1.SilenceSpec)
		at     time.Duration // from its start
		want   time.Duration
	}{
		"Pending": {"until it starts", asIs, -time.Minute, time.Minute},
		"Active":  {"until it ends", asIs, 0, time.Hour},
		"NoStart": {"until it ends", func(s *v1alpha1.SilenceSpec) { s.StartsAt = nil }, -time.Minute, time.Hour + time.Minute},
		"Expired": {"until it is deleted", asIs, time.Hour, keepExpired},
		"Last":    {"until it is deleted", asIs, time.Hour + keepExpired - 1, 1},
		"Over":    {"it is deleted", asIs, time.Hour + keepExpired, 0},
		"LongAgo": {"it is deleted", asIs, 1000 * time.Hour, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got := nextMoment(silenceOf(tc.change), noon.Add(tc.at)); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}
