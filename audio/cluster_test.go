package audio

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
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
	got, err := newStripper().check(check)
	if err != nil {
		t.Fatal(err)
	}
	want := &failure{
		Alert: dispatch.Alert{
			Name: "a", Namespace: "n", UID: "u", Labels: map[string]string{"team": "x"}, AcknowledgedBy: "ada",
			Key: "sha256:k", Severity: v1alpha1.SeverityCritical, Since: at.Time, Completed: at.Time,
		},
		resourceVersion: "7", known: true,
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(failure{})); diff != "" {
		t.Error(diff)
	}
}

// TestStripIsBounded: who may write Checks may give each a megabyte of labels, and an acknowledgement as long as a book.
func TestStripIsBounded(t *testing.T) {
	check := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
		Labels: map[string]string{}, Annotations: map[string]string{v1alpha1.AcknowledgedByAnnotation: strings.Repeat("a", 256<<10)},
	}}
	want := &failure{Alert: dispatch.Alert{Labels: map[string]string{}, AcknowledgedBy: strings.Repeat("a", dispatch.MaxAcknowledged)}}
	for i := range 10000 {
		name := fmt.Sprintf("label-%05d", i)
		check.Labels[name] = "x"
		if i < alerts.MaxLabels {
			want.Labels[name] = "x"
		}
	}
	got, err := newStripper().check(check)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(failure{})); diff != "" {
		t.Error(diff)
	}
}

func TestStripSilence(t *testing.T) {
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("%0253d", i)
	}
	ends := metav1.NewTime(time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC))
	metadata := metav1.ObjectMeta{Name: "a", Namespace: "n", UID: "u", ResourceVersion: "7", Generation: 3}
	cases := map[string]struct {
		reason     string
		spec, want v1alpha1.SilenceSpec
	}{
		"Comment": {
			"it is for people",
			v1alpha1.SilenceSpec{Checks: []string{"a"}, EndsAt: ends, CreatedBy: "ada", Comment: "long"}, v1alpha1.SilenceSpec{Checks: []string{"a"}, EndsAt: ends},
		},
		"Largest": {"as many names as may be, each as long", v1alpha1.SilenceSpec{Checks: names, EndsAt: ends}, v1alpha1.SilenceSpec{Checks: names, EndsAt: ends}},
		"Larger": {
			"it is left out, as one that cannot work",
			v1alpha1.SilenceSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"a": strings.Repeat("b", maxSilence)}}, EndsAt: ends}, v1alpha1.SilenceSpec{},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			silence := &v1alpha1.Silence{ObjectMeta: metadata, Spec: tc.spec, Status: v1alpha1.SilenceStatus{State: v1alpha1.SilenceActive}}
			silence.Annotations, silence.Labels = map[string]string{"a": "long"}, map[string]string{"a": "b"}
			got, err := stripSilence(silence)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&v1alpha1.Silence{ObjectMeta: metadata, Spec: tc.want}, got); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
	if _, problems := alerts.CompileSilence(&v1alpha1.Silence{ObjectMeta: metadata}); len(problems) == 0 {
		t.Error("what is left of one that is too large silences all")
	}
}

func TestTransformsRefuseWhatTheyDoNotKnow(t *testing.T) {
	for name, transform := range map[string]func(any) (any, error){"stripper.check": newStripper().check, "stripSilence": stripSilence, "keepLabels": keepLabels} {
		if _, err := transform(&v1alpha1.RuleSet{}); err == nil {
			t.Errorf("%s took a RuleSet", name)
		}
	}
}
