// Package silence tells of every Silence whether it is Pending, Active or Expired, and deletes it a day after its end.
//
//	        startsAt       endsAt         endsAt + 24 h
//	Pending ---> Active ---> Expired ---> deleted
//
// A Silence wakes its reconciler at the next of these moments; between them nothing is written. Nobody waits for the status: the
// alert daemons go by the times in the spec, and their own clocks.
package silence

import (
	"context"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/check"
	"github.com/checky-dev/checky/controllers/readiness"
)

// Silences say in status whether they hold, and are deleted when they are long over.
//
// +kubebuilder:rbac:groups=checky.dev,resources=silences,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=checky.dev,resources=silences/status,verbs=update

const (
	// keepExpired is how long after its end a Silence is kept, for people to see that it was there.
	keepExpired = 24 * time.Hour
	// maxSleep is how long until a Silence is looked at again at the latest, however far away its next moment is: timers do not
	// notice that the clock was set, or that the machine was asleep.
	maxSleep = 10 * time.Minute
)

// Reconciler keeps the status of Silences.
type Reconciler struct {
	// Client reads from the cache and writes.
	Client client.Client
	// Events announces Silences that cannot work.
	Events events.EventRecorder
	// Clock tells the time.
	Clock clock.PassiveClock
}

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(mgr ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named("silence").
		For(&v1alpha1.Silence{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, check.Replaced()))).
		WithOptions(readiness.Options()).
		Complete(r)
}

// Reconcile brings one Silence's status up to date, or deletes the Silence.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	silence := &v1alpha1.Silence{}
	if err := r.Client.Get(ctx, req.NamespacedName, silence); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if silence.DeletionTimestamp != nil {
		return ctrl.Result{}, nil
	}
	now := r.Clock.Now()
	next := nextMoment(silence, now)
	if next == 0 {
		return r.remove(ctx, silence)
	}
	if err := r.publish(ctx, silence, statusOf(silence, now)); err != nil {
		return readiness.Result(err)
	}
	return ctrl.Result{RequeueAfter: min(next, maxSleep)}, nil
}

// nextMoment is how long it is until the state changes or the Silence is to be deleted. 0: it is to be deleted now.
func nextMoment(silence *v1alpha1.Silence, now time.Time) time.Duration {
	moments := []time.Time{silence.Spec.EndsAt.Time, silence.Spec.EndsAt.Add(keepExpired)}
	if starts := silence.Spec.StartsAt; starts != nil {
		moments = append([]time.Time{starts.Time}, moments...)
	}
	for _, m := range moments {
		if left := m.Sub(now); left > 0 {
			return left
		}
	}
	return 0
}

// publish writes the status where it says something new, and makes an event when a Silence cannot work, or can again.
func (r *Reconciler) publish(ctx context.Context, silence *v1alpha1.Silence, status v1alpha1.SilenceStatus) error {
	if equality.Semantic.DeepEqual(silence.Status, status) {
		return nil
	}
	before := silence.Status.Conditions
	silence.Status = status
	if err := r.Client.Status().Update(ctx, silence); err != nil {
		return err
	}
	readiness.Announce(r.Events, silence, before, status.Conditions)
	return nil
}

// remove deletes a Silence that ended a day ago, unless somebody has changed it meanwhile, for instance to prolong it.
func (r *Reconciler) remove(ctx context.Context, silence *v1alpha1.Silence) (ctrl.Result, error) {
	uid, version := silence.UID, silence.ResourceVersion
	if err := r.Client.Delete(ctx, silence, client.Preconditions{UID: &uid, ResourceVersion: &version}); err != nil {
		return readiness.Result(err)
	}
	log.FromContext(ctx).Info("Deleted an expired silence", "endsAt", silence.Spec.EndsAt.UTC().Format(time.RFC3339))
	return ctrl.Result{}, nil
}
