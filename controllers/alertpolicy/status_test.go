package alertpolicy

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/readiness"
)

var (
	zoneProblem = field.ErrorList{field.Invalid(field.NewPath("spec", "quietHours").Index(0).Child("timeZone"), "Mars", "no such zone")}
	missing     = soundProblem{v1alpha1.ReasonToneNotFound, "spec.tones.error.configMapKeyRef: there is none"}
	garbled     = soundProblem{v1alpha1.ReasonInvalidTone, "spec.tones.critical.configMapKeyRef: it is no sound"}
)

func TestStatusOf(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		facts   facts
		ready   string
		message []string
	}{
		"Valid":   {"it can be used", facts{matching: 2}, "Valid", []string{"can be used"}},
		"Invalid": {"the field is named", facts{invalid: zoneProblem}, "InvalidPolicy", []string{"leave the policy out", "spec.quietHours[0].timeZone"}},
		"Missing": {"the field is named", facts{matching: 1, sounds: []soundProblem{missing}}, "ToneNotFound", []string{missing.text, "a pattern is heard instead"}},
		"Garbled": {"the field is named", facts{matching: 1, sounds: []soundProblem{garbled}}, "InvalidTone", []string{garbled.text}},
		"Both":    {"all are told", facts{sounds: []soundProblem{garbled, missing}}, "ToneNotFound", []string{garbled.text + "; " + missing.text}},
		"TwoBad":  {"all are told", facts{sounds: []soundProblem{garbled, garbled}}, "InvalidTone", []string{garbled.text + "; " + garbled.text}},
		"Long": {
			"the message fits into an event", facts{sounds: []soundProblem{{v1alpha1.ReasonInvalidTone, strings.Repeat("x", 5000)}}},
			"InvalidTone", []string{"xxx..."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tc.facts.generation = 4
			before := v1alpha1.AlertPolicyStatus{}
			status := statusOf(tc.facts, &before)
			ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
			if ready == nil || ready.Reason != tc.ready || ready.ObservedGeneration != 4 || status.ObservedGeneration != 4 {
				t.Fatalf("%s: got %+v", tc.reason, status)
			}
			if (ready.Status == metav1.ConditionTrue) != (tc.ready == v1alpha1.ReasonValid) {
				t.Errorf("%s: Ready is %s", tc.reason, ready.Status)
			}
			for _, want := range tc.message {
				if !strings.Contains(ready.Message, want) || len(ready.Message) > readiness.MaxMessage {
					t.Errorf("%s: the message is %q, want %q in it", tc.reason, ready.Message, want)
				}
			}
			if int(status.MatchingChecks) != tc.facts.matching {
				t.Errorf("%s: %d match", tc.reason, status.MatchingChecks)
			}
			if diff := cmp.Diff(status, statusOf(tc.facts, &status)); diff != "" {
				t.Errorf("the same facts a second time: -first +second\n%s", diff)
			}
		})
	}
}

// TestPublish tells of changes of readiness by events, and of changed counts by none; what is not new is not written.
func TestPublish(t *testing.T) {
	writes := 0
	var refusal error
	c := interceptor.NewClient(nil, interceptor.Funcs{
		SubResourceUpdate: func(context.Context, client.Client, string, client.Object, ...client.SubResourceUpdateOption) error {
			writes++
			return refusal
		},
	})
	recorder := events.NewFakeRecorder(10)
	r := &Reconciler{Client: c, Events: recorder}
	policy := &v1alpha1.AlertPolicy{}
	for _, step := range []struct {
		reason string
		facts  facts
		writes int
		event  string
	}{
		{"the first look", facts{}, 1, ""},
		{"nothing is new", facts{}, 1, ""},
		{"a count is no event", facts{matching: 3}, 2, ""},
		{"it stops", facts{sounds: []soundProblem{missing}}, 3, "Warning ToneNotFound"},
		{"a count is no event", facts{sounds: []soundProblem{missing}, matching: 1}, 4, ""},
		{"it is another problem", facts{sounds: []soundProblem{garbled}}, 5, "Warning InvalidTone"},
		{"it is mended", facts{}, 6, "Normal Valid"},
	} {
		if err := r.publish(t.Context(), policy, statusOf(step.facts, &policy.Status)); err != nil {
			t.Fatal(err)
		}
		got := ""
		select {
		case got = <-recorder.Events:
		default:
		}
		if writes != step.writes || !strings.HasPrefix(got, step.event) || (got == "") != (step.event == "") {
			t.Errorf("%s: %d writes, want %d; event %q, want %q", step.reason, writes, step.writes, got, step.event)
		}
	}

	refusal = apierrors.NewConflict(schema.GroupResource{Resource: "alertpolicies"}, "p", nil)
	err := r.publish(t.Context(), policy, statusOf(facts{invalid: zoneProblem}, &policy.Status))
	if !apierrors.IsConflict(err) || len(recorder.Events) > 0 {
		t.Errorf("a write that lost: %v, %d events", err, len(recorder.Events))
	}
}
