package check

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// announcement is an event to be made.
type announcement struct {
	kind, reason, note string
}

// announce makes an event and a log line of a transition, after the write has succeeded.
func (r *Reconciler) announce(ctx context.Context, s *scope, before v1alpha1.CheckStatus) {
	after := &s.check.Status
	if s.outcome != nil && s.outcome.Retrieval != nil {
		log.FromContext(ctx).Error(s.outcome.Retrieval, "Explained a verdict without the knowledge file")
	}
	if before.Phase != after.Phase {
		log.FromContext(ctx).Info("Verdict", "phase", after.Phase, "before", before.Phase, "generation", after.ObservedGeneration)
	}
	if a := transition(&before, after); a != nil {
		r.Events.Eventf(s.check, nil, a.kind, a.reason, "Evaluate", "%s", a.note)
	}
}

// maxNote is how long an event's note may be, in bytes; the API allows 1 kB.
const maxNote = 1000

// transition tells what is worth an event: a verdict that is bad or has become good again, and a wait that only a
// person can end. A first success is what is expected, and is no news.
func transition(before, after *v1alpha1.CheckStatus) *announcement {
	if before.Phase == after.Phase && alertKey(before) == alertKey(after) && reasonFor(before) == reasonFor(after) {
		return nil
	}
	switch after.Phase {
	case v1alpha1.PhaseFailure:
		return &announcement{corev1.EventTypeWarning, "Failed", rules.ClipBytes(note(after), maxNote)}
	case v1alpha1.PhaseError:
		return &announcement{corev1.EventTypeWarning, "Errored", rules.ClipBytes(note(after), maxNote)}
	case v1alpha1.PhaseSuccess:
		if before.Phase == v1alpha1.PhaseFailure || before.Phase == v1alpha1.PhaseError {
			return &announcement{corev1.EventTypeNormal, "Recovered", rules.ClipBytes(note(after), maxNote)}
		}
	case v1alpha1.PhasePending:
		if c := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionStalled); c != nil {
			return &announcement{corev1.EventTypeWarning, c.Reason, rules.ClipBytes(c.Message, maxNote)}
		}
	}
	return nil
}

// note tells a verdict in one line: the headline, and the names of the rules that it is owed to.
func note(status *v1alpha1.CheckStatus) string {
	line, _, _ := strings.Cut(status.Explanation, "\n")
	names := status.FailedRules()
	if len(names) == 0 {
		return line
	}
	return strings.TrimSuffix(line, ".") + ": " + strings.Join(names, ", ")
}

func alertKey(s *v1alpha1.CheckStatus) string {
	if s.Alert == nil {
		return ""
	}
	return s.Alert.Key
}

func reasonFor(s *v1alpha1.CheckStatus) string {
	if c := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionComplete); c != nil {
		return c.Reason
	}
	return ""
}
