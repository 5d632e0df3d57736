package check

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

var (
	began = time.Date(2026, 1, 2, 12, 0, 0, 500, time.UTC)
	ended = time.Date(2026, 1, 2, 12, 0, 3, 700, time.UTC)
)

func success() *engine.Outcome {
	return &engine.Outcome{
		Verdict: v1alpha1.Verdict{Phase: v1alpha1.PhaseSuccess, Summary: &v1alpha1.Summary{Pass: 1}, Explanation: "Success: the one rule passed."},
		Reason:  v1alpha1.ReasonRulesPassed,
	}
}

func failure() *engine.Outcome {
	return &engine.Outcome{
		Verdict: v1alpha1.Verdict{
			Phase: v1alpha1.PhaseFailure, Summary: &v1alpha1.Summary{Fail: 1}, Explanation: "Failure: of 1 rule, 1 failed.\n- more",
			Alert: &v1alpha1.Alert{Key: "k", Severity: v1alpha1.SeverityError},
		},
		Reason: v1alpha1.ReasonRulesFailed,
	}
}

func TestConditions(t *testing.T) {
	cited := failure()
	cited.Verdict.Passages = []v1alpha1.Passage{{ID: "f:1"}}
	unsearched := failure()
	unsearched.Retrieval = errors.New("gone")
	refusal := &engine.Outcome{Verdict: v1alpha1.Verdict{Phase: v1alpha1.PhaseError, Explanation: "Error: no rules"}, Reason: v1alpha1.ReasonNoRules}
	cases := map[string]struct {
		reason string
		scope  scope
		want   []string
	}{
		"Success":    {"nothing failed, so there is nothing to explain", scope{outcome: success()}, []string{"Complete True Evaluated", "Passed True RulesPassed", "Explained True NothingToExplain"}},
		"Failure":    {"a failed payload is a healthy object", scope{outcome: failure()}, []string{"Complete True Evaluated", "Passed False RulesFailed", "Explained True NothingRelevant"}},
		"Cited":      {"a citation is told", scope{outcome: cited}, []string{"Complete True Evaluated", "Passed False RulesFailed", "Explained True PassagesCited"}},
		"Unsearched": {"failed retrieval leaves the verdict alone", scope{outcome: unsearched}, []string{"Complete True Evaluated", "Passed False RulesFailed", "Explained False RetrievalFailed"}},
		"Refused":    {"an error is complete, and neither passed nor failed", scope{outcome: refusal, refused: &engine.Obstacle{Reason: v1alpha1.ReasonNoRules, Message: "no rules"}}, []string{"Complete True NoRules", "Passed Unknown NoRules", "Explained True NothingRelevant"}},
		"Waiting":    {"what only a person can mend is stalled", scope{waiting: stalledBy(&engine.Obstacle{Reason: v1alpha1.ReasonRuleSetNotFound})}, []string{"Complete False RuleSetNotFound", "Passed Unknown RuleSetNotFound", "Stalled True RuleSetNotFound"}},
		"Suspended":  {"suspending is somebody's wish", scope{waiting: &waiting{Obstacle: engine.Obstacle{Reason: v1alpha1.ReasonSuspended}}}, []string{"Complete False Suspended", "Passed Unknown Suspended"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.scope.check = &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Generation: 3}}
			tc.scope.began = began
			status := statusOf(&tc.scope, ended)
			var got []string
			for _, c := range status.Conditions {
				got = append(got, strings.Join([]string{c.Type, string(c.Status), c.Reason}, " "))
				if c.ObservedGeneration != 3 || c.LastTransitionTime.IsZero() {
					t.Errorf("%s: generation %d at %s", c.Type, c.ObservedGeneration, c.LastTransitionTime)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.reason, diff)
			}
			if finished := status.CompletionTime != nil; finished != (tc.scope.waiting == nil) {
				t.Errorf("completion time %v", status.CompletionTime)
			}
		})
	}
}

func TestTransitionTimesStay(t *testing.T) {
	earlier := metav1.Time{Time: began.Add(-time.Hour)}
	check := &v1alpha1.Check{}
	check.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue, LastTransitionTime: earlier},
		{Type: v1alpha1.ConditionPassed, Status: metav1.ConditionTrue, LastTransitionTime: earlier},
	}
	status := statusOf(&scope{check: check, outcome: failure(), began: began}, ended)
	if got := status.Conditions[0].LastTransitionTime; !got.Equal(&earlier) {
		t.Errorf("Complete did not change, but its time did: %s", got)
	}
	if got := status.Conditions[1].LastTransitionTime; got.Equal(&earlier) {
		t.Error("Passed changed, but its time did not")
	}
}

func TestSameButTime(t *testing.T) {
	a := statusOf(&scope{check: &v1alpha1.Check{}, outcome: failure(), began: began}, ended)
	b := statusOf(&scope{check: &v1alpha1.Check{}, outcome: failure(), began: began.Add(time.Hour)}, ended.Add(time.Hour))
	if !sameButTime(&a, &b) {
		t.Error("two statuses that differ in time alone count as different")
	}
	b.Explanation = "other"
	if sameButTime(&a, &b) {
		t.Error("two statuses that differ count as the same")
	}
}

func TestTransitions(t *testing.T) {
	at := func(phase v1alpha1.Phase, key, reason string, stalled bool) v1alpha1.CheckStatus {
		s := v1alpha1.CheckStatus{Verdict: v1alpha1.Verdict{Phase: phase}}
		if key != "" {
			s.Alert = &v1alpha1.Alert{Key: key}
		}
		s.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionComplete, Reason: reason}}
		if stalled {
			s.Conditions = append(s.Conditions, metav1.Condition{Type: v1alpha1.ConditionStalled, Reason: reason, Status: metav1.ConditionTrue})
		}
		return s
	}
	fresh := v1alpha1.CheckStatus{Verdict: v1alpha1.Verdict{Phase: v1alpha1.PhasePending}}
	cases := map[string]struct {
		reason        string
		before, after v1alpha1.CheckStatus
		want          string
	}{
		"FirstSuccess": {"what is expected is no news", fresh, at("Success", "", "Evaluated", false), ""},
		"FirstFailure": {"a failure is", fresh, at("Failure", "a", "Evaluated", false), "Failed"},
		"SameFailure":  {"the same facts in other words are not", at("Failure", "a", "Evaluated", false), at("Failure", "a", "Evaluated", false), ""},
		"OtherFailure": {"other facts are", at("Failure", "a", "Evaluated", false), at("Failure", "b", "Evaluated", false), "Failed"},
		"Recovered":    {"a failure that is over is", at("Failure", "a", "Evaluated", false), at("Success", "", "Evaluated", false), "Recovered"},
		"Errored":      {"an error is", fresh, at("Error", "a", "NoRules", false), "Errored"},
		"Stalled":      {"a wait that a person must end is", fresh, at("Pending", "", "RuleSetNotFound", true), "RuleSetNotFound"},
		"StillStalled": {"once", at("Pending", "", "RuleSetNotFound", true), at("Pending", "", "RuleSetNotFound", true), ""},
		"OtherStall":   {"and again when the wait is another", at("Pending", "", "RuleSetNotFound", true), at("Pending", "", "InputNotFound", true), "InputNotFound"},
		"Suspended":    {"a wish is no news", fresh, at("Pending", "", "Suspended", false), ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := ""
			if a := transition(&tc.before, &tc.after); a != nil {
				got = a.reason
			}
			if got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

func TestNotesFitTheAPI(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		note := rapid.StringN(0, 2000, 6000).Draw(r, "note")
		got := rules.ClipBytes(note, maxNote)
		if len(got) > 1024 {
			r.Fatalf("%d bytes", len(got))
		}
		if len(note) <= maxNote && got != note {
			r.Fatalf("%q became %q", note, got)
		}
	})
}

func TestStrip(t *testing.T) {
	whole := func(phase v1alpha1.Phase, observed int64) *v1alpha1.Check {
		k := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
			Name: "a", Generation: 2, ResourceVersion: "7",
			Annotations:   map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}", "mine": "x"},
			ManagedFields: []metav1.ManagedFieldsEntry{{}},
		}}
		k.Spec.Input.Raw = []byte(`{"a":1}`)
		k.Spec.InputJSON = "1"
		k.Spec.Inputs = []v1alpha1.BatchInput{{InputJSON: "1"}}
		k.Spec.InputFrom = &v1alpha1.InputSource{} // its digest is compared
		k.Spec.RuleSets = []v1alpha1.RuleSetReference{{Name: "s"}}
		k.Status = v1alpha1.CheckStatus{ObservedGeneration: observed, Verdict: v1alpha1.Verdict{
			Phase: phase, Explanation: "long", InputDigest: "i", RulesDigest: "r", Results: []v1alpha1.Result{{}}, Batch: &v1alpha1.BatchVerdict{},
		}, CompletionTime: &metav1.Time{Time: ended}}
		return k
	}
	for name, tc := range map[string]struct {
		check    *v1alpha1.Check
		stripped bool
	}{
		"Finished": {whole(v1alpha1.PhaseFailure, 2), true},
		"Edited":   {whole(v1alpha1.PhaseFailure, 1), false},
		"Pending":  {whole(v1alpha1.PhasePending, 2), false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := NewStripper().Strip(tc.check)
			if err != nil {
				t.Fatal(err)
			}
			k := got.(*v1alpha1.Check)
			if k.ManagedFields != nil || k.Annotations["kubectl.kubernetes.io/last-applied-configuration"] != "" {
				t.Error("bookkeeping was kept")
			}
			if stripped(k) != tc.stripped || (k.Spec.Input.Raw == nil) != tc.stripped || (k.Status.Explanation == "") != tc.stripped ||
				(k.Spec.Inputs == nil) != tc.stripped || (k.Status.Batch == nil) != tc.stripped {
				t.Errorf("stripped: %v, %+v", stripped(k), k)
			}
			if k.Status.Phase == "" || k.Status.RulesDigest != "r" || k.Status.InputDigest != "i" || k.Status.CompletionTime == nil || k.Spec.RuleSets == nil || k.ResourceVersion != "7" {
				t.Errorf("something that is needed was dropped: %+v", k)
			}
		})
	}
}

// TestStripTwice holds that what was stripped stays as it is, that many Checks share what they have in common, and that of labels those are kept
// which somebody looks at.
func TestStripTwice(t *testing.T) {
	s := NewStripper()
	check := func(alert *v1alpha1.Alert) *v1alpha1.Check {
		k := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{v1alpha1.OwnerLabel: "ada", "team": "x"}}}
		k.Annotations = map[string]string{strippedAnnotation: "by a user"}
		k.Status.Phase, k.Status.InputDigest, k.Status.Alert = v1alpha1.PhaseFailure, "i", alert
		return k
	}
	strip := func(k *v1alpha1.Check) *v1alpha1.Check {
		t.Helper()
		object, err := s.Strip(k)
		if err != nil {
			t.Fatal(err)
		}
		return object.(*v1alpha1.Check)
	}
	failing := &v1alpha1.Alert{Key: "k", Severity: v1alpha1.SeverityError}
	once := strip(check(failing))
	if diff := cmp.Diff(once, strip(once.DeepCopy())); diff != "" {
		t.Errorf("stripped twice (-once +twice):\n%s", diff)
	}
	if once.Status.InputDigest != "" || once.Status.Alert.Key != "" || len(once.Labels) != 2 {
		t.Errorf("of a failing Check is kept: %+v", once)
	}
	if labels := strip(check(nil)).Labels; len(labels) != 1 || labels[v1alpha1.OwnerLabel] != "ada" {
		t.Errorf("labels %v of a Check that no policy looks at", labels)
	}
	if reflect.ValueOf(strip(check(failing)).Labels).Pointer() != reflect.ValueOf(once.Labels).Pointer() {
		t.Error("the same labels are held twice")
	}
	pending := check(failing)
	pending.Status.Phase = v1alpha1.PhasePending
	if stripped(strip(pending)) || len(mark) != 1 {
		t.Error("a user's annotation says that a Check is stripped, or took the mark of all others")
	}
}
