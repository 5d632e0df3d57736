package check

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// publish writes the status, once, and only if it says something new. It gives back the status as it was before. The
// write names the version that was read, so that of two writers one loses whole; it carries the status alone, since a
// status update leaves the rest of the object as it is.
func (r *Reconciler) publish(ctx context.Context, s *scope) (before v1alpha1.CheckStatus, err error) {
	before = s.check.Status
	status := statusOf(s, r.Clock.Now())
	if sameButTime(&before, &status) {
		return before, nil
	}
	err = r.write(ctx, s, status)
	if isTooLarge(err) {
		withoutResults(&status)
		if sameButTime(&before, &status) {
			return before, nil
		}
		err = r.write(ctx, s, status)
	}
	return before, err
}

// write replaces the status.
func (r *Reconciler) write(ctx context.Context, s *scope, status v1alpha1.CheckStatus) error {
	version, err := r.Statuses.WriteStatus(ctx, s.check, &status)
	if err != nil {
		return err
	}
	s.check.Status, s.check.ResourceVersion = status, version
	return nil
}

// isTooLarge knows the refusals of an object that is larger than the API server takes, or than etcd does: 1.5 MiB.
func isTooLarge(err error) bool {
	return apierrors.IsRequestEntityTooLargeError(err) || err != nil && strings.Contains(err.Error(), "request is too large")
}

// withoutResults leaves out what makes a status large. It is bounded, but the spec that it is stored with is so only by
// what the API server takes.
func withoutResults(status *v1alpha1.CheckStatus) {
	status.Truncated += int32(len(status.Results)) //nolint:gosec // at most rules.MaxResults
	status.Results, status.Passages, status.RulesApplied = nil, nil, nil
	remedy := "Move rules from the Check to RuleSets."
	if status.Batch != nil {
		batch := *status.Batch
		batch.Truncated += int32(len(batch.Items)) //nolint:gosec // at most rules.MaxBatchResults
		batch.Items = nil
		status.Batch = &batch
		remedy = "Make smaller batches, and move rules from the Check to RuleSets."
	}
	headline, _, _ := strings.Cut(status.Explanation, "\n")
	status.Explanation = headline + "\nThe results are left out: with this spec they are more than the API server stores. " + remedy
}

// sameButTime says whether two statuses differ in nothing but when they were written.
func sameButTime(a, b *v1alpha1.CheckStatus) bool {
	if a.Phase != b.Phase || a.ObservedGeneration != b.ObservedGeneration {
		return false // as of each new Check: there is no need to compare the rest
	}
	x, y := a.DeepCopy(), b.DeepCopy()
	for _, s := range []*v1alpha1.CheckStatus{x, y} {
		s.StartTime, s.CompletionTime = nil, nil
		for i := range s.Conditions {
			s.Conditions[i].LastTransitionTime = metav1.Time{}
		}
	}
	return equality.Semantic.DeepEqual(x, y)
}
