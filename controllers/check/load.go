package check

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// load reads the Check from the cache. There is no scope for one that is gone or going.
func (r *Reconciler) load(ctx context.Context, req ctrl.Request) (*scope, error) {
	check := &v1alpha1.Check{}
	if err := r.Client.Get(ctx, req.NamespacedName, check); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	if check.DeletionTimestamp != nil {
		return nil, nil
	}
	return &scope{check: check, began: r.Clock.Now()}, nil
}

// loadWhole reads the Check from the API server where the cache has stripped it. What was gathered for the one in the cache
// holds for no other: its error is a conflict where the spec was changed, or the Check replaced, meanwhile.
func (r *Reconciler) loadWhole(ctx context.Context, s *scope) error {
	if !stripped(s.check) {
		return nil
	}
	whole := &v1alpha1.Check{}
	if err := r.Live.Get(ctx, client.ObjectKeyFromObject(s.check), whole); err != nil {
		return err
	}
	if whole.UID != s.check.UID || whole.Generation != s.check.Generation {
		return apierrors.NewConflict(v1alpha1.GroupVersion.WithResource("checks").GroupResource(), whole.Name, errBehind)
	}
	delete(whole.Annotations, strippedAnnotation)
	s.check = whole
	return nil
}

// errBehind is a conflict's reason.
var errBehind = errors.New("the cache is behind the API server")
