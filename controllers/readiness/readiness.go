// Package readiness is what the reconcilers have in common that tell of an object, by its condition Ready, whether it can be used as it
// stands: how often they try, how they end where somebody else has written, and which events a changed condition makes.
//
//	err := c.Status().Update(ctx, object)
//	if err == nil {
//		readiness.Announce(recorder, object, before, after)
//	}
//	return readiness.Result(err)
//
// It writes nothing itself.
package readiness

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/checky-dev/checky/api/v1alpha1"
)

const (
	// MaxMessage is how long the message of the condition may be, in bytes. It becomes an event's note, which takes 1 kB.
	MaxMessage = 1000

	// conflictRetry is how long a write that lost waits for the cache to show the version that won.
	conflictRetry = 50 * time.Millisecond
	// firstRetry and lastRetry are how long an object waits that could not be read or written, at first and at most.
	firstRetry = 5 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Options are those of the controllers.
func Options() controller.Options {
	return controller.Options{
		RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
	}
}

// Result turns "somebody else wrote" and "it is gone" into what they are: no errors. A version that won by a label or annotation alone
// has no new generation, and so brings nothing back by itself.
func Result(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: conflictRetry}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// Announce makes an event, of action Validate, where an object stopped being usable, is unusable for another reason, or can be used
// again. after holds the condition.
func Announce(recorder events.EventRecorder, object client.Object, before, after []metav1.Condition) {
	was, is := meta.FindStatusCondition(before, v1alpha1.ConditionReady), meta.FindStatusCondition(after, v1alpha1.ConditionReady)
	switch bad := is.Status == metav1.ConditionFalse; {
	case bad && (was == nil || was.Message != is.Message):
		recorder.Eventf(object, nil, "Warning", is.Reason, "Validate", "%s", is.Message)
	case !bad && was != nil && was.Status == metav1.ConditionFalse:
		recorder.Eventf(object, nil, "Normal", is.Reason, "Validate", "%s", is.Message)
	}
}
