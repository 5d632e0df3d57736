package alertpolicy

import (
	"context"
	"math"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/readiness"
	"github.com/checky-dev/checky/rules"
)

// facts are what a policy's status is made of.
type facts struct {
	// generation is the spec's that they are about.
	generation int64
	// invalid is what cannot work in the spec; the rest is known only if there is none.
	invalid field.ErrorList
	// sounds is what is wrong with the sounds that the spec names, in its order.
	sounds []soundProblem
	// matching is how many failing Checks the policy selects.
	matching int
}

// soundProblem is one sound that cannot be played.
type soundProblem struct {
	reason string // v1alpha1.ReasonToneNotFound or ReasonInvalidTone
	text   string // names the field and the fix
}

// statusOf is a pure function of the facts and the status there was.
func statusOf(f facts, before *v1alpha1.AlertPolicyStatus) v1alpha1.AlertPolicyStatus {
	ready := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: f.generation,
		Reason: v1alpha1.ReasonValid, Message: "the policy can be used as it stands",
	}
	switch {
	case len(f.invalid) > 0:
		ready.Status, ready.Reason = metav1.ConditionFalse, v1alpha1.ReasonInvalidPolicy
		ready.Message = "the alert daemons leave the policy out: " + f.invalid.ToAggregate().Error()
	case len(f.sounds) > 0:
		ready.Status = metav1.ConditionFalse
		ready.Reason, ready.Message = soundsMessage(f.sounds)
	}
	ready.Message = rules.ClipBytes(ready.Message, readiness.MaxMessage)
	status := v1alpha1.AlertPolicyStatus{
		ObservedGeneration: f.generation,
		MatchingChecks:     int32(min(f.matching, math.MaxInt32)), //nolint:gosec // it is bounded here
	}
	status.Conditions = append(status.Conditions, before.Conditions...)
	meta.SetStatusCondition(&status.Conditions, ready)
	return status
}

// soundsMessage tells of all sounds that cannot be played. One that is not there gives the reason, also where another is no sound.
func soundsMessage(problems []soundProblem) (reason, message string) {
	reason = v1alpha1.ReasonInvalidTone
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.text
		if p.reason == v1alpha1.ReasonToneNotFound {
			reason = p.reason
		}
	}
	return reason, strings.Join(texts, "; ") + "; until then a pattern is heard instead"
}

// publish writes the status where it says something new, and makes an event when a policy stops or starts to be usable as it
// stands.
func (r *Reconciler) publish(ctx context.Context, policy *v1alpha1.AlertPolicy, status v1alpha1.AlertPolicyStatus) error {
	if equality.Semantic.DeepEqual(policy.Status, status) {
		return nil
	}
	before := policy.Status.Conditions
	policy.Status = status
	if err := r.Client.Status().Update(ctx, policy); err != nil {
		return err
	}
	readiness.Announce(r.Events, policy, before, status.Conditions)
	return nil
}
