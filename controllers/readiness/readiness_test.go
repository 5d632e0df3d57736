package readiness

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestResult(t *testing.T) {
	resource, other := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "silences"}, errors.New("no route to host")
	for name, tc := range map[string]struct {
		reason string
		err    error
		after  time.Duration
		want   error
	}{
		"None":     {"there is nothing left to do", nil, 0, nil},
		"Conflict": {"the version that won may bring nothing back", apierrors.NewConflict(resource, "x", nil), conflictRetry, nil},
		"Gone":     {"a status of what is gone is of no use", apierrors.NewNotFound(resource, "x"), 0, nil},
		"Other":    {"the queue tries again", other, 0, other},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := Result(tc.err); got.RequeueAfter != tc.after || !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, %v", tc.reason, got, err)
			}
		})
	}
}

func TestAnnounce(t *testing.T) {
	ready := func(status metav1.ConditionStatus, message string) []metav1.Condition {
		return []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: status, Reason: "Because", Message: message}}
	}
	good, bad := ready(metav1.ConditionTrue, "good"), ready(metav1.ConditionFalse, "bad")
	for name, tc := range map[string]struct {
		reason        string
		before, after []metav1.Condition
		want          string
	}{
		"GoodFirst":  {"nobody waits to hear that all is well", nil, good, ""},
		"BadFirst":   {"it never could be used", nil, bad, "Warning Because bad"},
		"Stops":      {"it could be used", good, bad, "Warning Because bad"},
		"StaysBad":   {"it was told", bad, bad, ""},
		"OtherCause": {"what was told is no longer so", bad, ready(metav1.ConditionFalse, "worse"), "Warning Because worse"},
		"Mended":     {"whoever was told is told", bad, good, "Normal Because good"},
		"StaysGood":  {"nothing happened", good, good, ""},
	} {
		t.Run(name, func(t *testing.T) {
			recorder := events.NewFakeRecorder(1)
			Announce(recorder, &v1alpha1.Silence{}, tc.before, tc.after)
			got := ""
			select {
			case got = <-recorder.Events:
			default:
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
