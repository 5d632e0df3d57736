package silence

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/readiness"
	"github.com/checky-dev/checky/rules"
)

// statusOf is a pure function of the Silence and the time.
func statusOf(silence *v1alpha1.Silence, now time.Time) v1alpha1.SilenceStatus {
	compiled, problems := alerts.CompileSilence(silence)
	ready := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: silence.Generation,
		Reason: v1alpha1.ReasonValid, Message: "the silence can be used as it stands",
		LastTransitionTime: metav1.Time{Time: now.Truncate(time.Second)},
	}
	status := v1alpha1.SilenceStatus{ObservedGeneration: silence.Generation}
	if len(problems) > 0 {
		ready.Status, ready.Reason = metav1.ConditionFalse, v1alpha1.ReasonInvalidSilence
		ready.Message = rules.ClipBytes("nothing is silent by it: "+problems.ToAggregate().Error(), readiness.MaxMessage)
		status.State = invalidState(silence, now)
	} else {
		status.State = compiled.State(now)
	}
	status.Conditions = append(status.Conditions, silence.Status.Conditions...)
	meta.SetStatusCondition(&status.Conditions, ready)
	return status
}

// invalidState is that of a Silence by which nothing is silent: it is never Active, and says that it is over when it is.
func invalidState(silence *v1alpha1.Silence, now time.Time) v1alpha1.SilenceState {
	if now.Before(silence.Spec.EndsAt.Time) {
		return ""
	}
	return v1alpha1.SilenceExpired
}
