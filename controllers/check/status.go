package check

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
)

// statusOf turns the facts of the scope into the status to be written. It is a pure function, and the only place
// that sets conditions.
func statusOf(s *scope, now time.Time) v1alpha1.CheckStatus {
	conditions := conditionsOf(s)
	status := v1alpha1.CheckStatus{ObservedGeneration: s.check.Generation}
	if s.waiting != nil {
		status.Phase = v1alpha1.PhasePending
	} else {
		status.Verdict = s.outcome.Verdict
		status.StartTime = &metav1.Time{Time: s.began.Truncate(time.Second)}
		status.CompletionTime = &metav1.Time{Time: now.Truncate(time.Second)}
	}
	for i := range conditions {
		conditions[i].ObservedGeneration = s.check.Generation
		conditions[i].LastTransitionTime = metav1.Time{Time: now.Truncate(time.Second)}
		old := meta.FindStatusCondition(s.check.Status.Conditions, conditions[i].Type)
		if old != nil && old.Status == conditions[i].Status {
			conditions[i].LastTransitionTime = old.LastTransitionTime
		}
	}
	status.Conditions = conditions
	return status
}

func conditionsOf(s *scope) []metav1.Condition {
	if w := s.waiting; w != nil {
		conditions := []metav1.Condition{
			{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionFalse, Reason: w.Reason, Message: w.Message},
			{Type: v1alpha1.ConditionPassed, Status: metav1.ConditionUnknown, Reason: w.Reason, Message: "there is no verdict yet"},
		}
		if w.stalled {
			conditions = append(conditions, metav1.Condition{
				Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: w.Reason, Message: w.Message,
			})
		}
		return conditions
	}
	return []metav1.Condition{complete(s), passed(s.outcome), explained(s.outcome)}
}

func complete(s *scope) metav1.Condition {
	c := metav1.Condition{
		Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue,
		Reason: v1alpha1.ReasonEvaluated, Message: "there is a verdict",
	}
	if s.outcome.Verdict.Summary == nil { // no rule was run
		c.Reason, c.Message = s.outcome.Reason, s.outcome.Headline()
	}
	return c
}

func passed(o *engine.Outcome) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionPassed, Reason: o.Reason, Status: metav1.ConditionUnknown}
	switch o.Verdict.Phase {
	case v1alpha1.PhaseSuccess:
		c.Status = metav1.ConditionTrue
	case v1alpha1.PhaseFailure:
		c.Status = metav1.ConditionFalse
	}
	c.Message = o.Headline()
	return c
}

func explained(o *engine.Outcome) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionExplained, Status: metav1.ConditionTrue}
	switch {
	case o.Retrieval != nil:
		c.Status, c.Reason = metav1.ConditionFalse, v1alpha1.ReasonRetrievalFailed
		c.Message = "the verdict stands, but the knowledge file could not be searched; see the controller's log"
	case len(o.Verdict.Passages) > 0:
		c.Reason = v1alpha1.ReasonPassagesCited
		c.Message = fmt.Sprintf("the explanation cites the knowledge file %d times", len(o.Verdict.Passages))
		if len(o.Verdict.Passages) == 1 {
			c.Message = "the explanation cites the knowledge file once"
		}
	case o.Verdict.Phase == v1alpha1.PhaseSuccess && o.Verdict.Summary.Warn == 0:
		c.Reason, c.Message = v1alpha1.ReasonNothingToExplain, "every rule that applies passed"
	default:
		c.Reason, c.Message = v1alpha1.ReasonNothingRelevant, "the knowledge file has nothing relevant to what failed"
	}
	return c
}
