package audio

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestStripKeepsWhatTellsFailuresApart(t *testing.T) {
	at := metav1.NewTime(time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC))
	check := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{
			Name: "a", Namespace: "n", UID: "u", ResourceVersion: "7", Labels: map[string]string{"team": "x"},
			Annotations:   map[string]string{v1alpha1.AcknowledgedByAnnotation: "ada", "kubectl.kubernetes.io/last-applied-configuration": "long"},
			ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "m"}},
		},
		Spec: v1alpha1.CheckSpec{InputJSON: `{"amount": 1}`},
		Status: v1alpha1.CheckStatus{
			Verdict: v1alpha1.Verdict{
				Phase: v1alpha1.PhaseFailure, Explanation: "long", Results: []v1alpha1.Result{{Rule: "r"}},
				Alert: &v1alpha1.Alert{Key: "sha256:k", Severity: v1alpha1.SeverityCritical},
			},
			CompletionTime: &at,
			Conditions: []metav1.Condition{
				{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue},
				{Type: v1alpha1.ConditionPassed, Status: metav1.ConditionFalse, Message: "long", LastTransitionTime: at},
			},
		},
	}
	got, err := strip(check)
	if err != nil {
		t.Fatal(err)
	}
	want := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{
			Name: "a", Namespace: "n", UID: "u", ResourceVersion: "7", Labels: map[string]string{"team": "x"},
			Annotations: map[string]string{v1alpha1.AcknowledgedByAnnotation: "ada"},
		},
		Status: v1alpha1.CheckStatus{
			Verdict:        v1alpha1.Verdict{Phase: v1alpha1.PhaseFailure, Alert: &v1alpha1.Alert{Key: "sha256:k", Severity: v1alpha1.SeverityCritical}},
			CompletionTime: &at,
			Conditions:     []metav1.Condition{{Type: v1alpha1.ConditionPassed, LastTransitionTime: at}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTransformsRefuseWhatTheyDoNotKnow(t *testing.T) {
	for name, transform := range map[string]func(any) (any, error){"strip": strip, "keepLabels": keepLabels} {
		if _, err := transform(&v1alpha1.RuleSet{}); err == nil {
			t.Errorf("%s took a RuleSet", name)
		}
	}
}
