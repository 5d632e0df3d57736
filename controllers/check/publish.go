package check

import (
	"context"

	"k8s.io/apimachinery/pkg/api/equality"
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
	write := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.check.Namespace, Name: s.check.Name, UID: s.check.UID,
			ResourceVersion: s.check.ResourceVersion,
		},
		Spec:   v1alpha1.CheckSpec{FailOn: s.check.Spec.FailOn},
		Status: status,
	}
	if err := r.Client.Status().Update(ctx, write); err != nil {
		return before, err
	}
	s.check.Status, s.check.ResourceVersion = status, write.ResourceVersion
	return before, nil
}

// sameButTime says whether two statuses differ in nothing but when they were written.
func sameButTime(a, b *v1alpha1.CheckStatus) bool {
	x, y := a.DeepCopy(), b.DeepCopy()
	for _, s := range []*v1alpha1.CheckStatus{x, y} {
		s.StartTime, s.CompletionTime = nil, nil
		for i := range s.Conditions {
			s.Conditions[i].LastTransitionTime = metav1.Time{}
		}
	}
	return equality.Semantic.DeepEqual(x, y)
}
