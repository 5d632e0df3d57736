// Package alertpolicy tells of every AlertPolicy whether it can be used, whether its sounds are there and can be played, and how many
// Checks fail now that it selects.
//
//	AlertPolicy changed ------> look at it: compile, sounds, count --> status
//	ConfigMap with a sound ---> look at the policies that name it --> status
//	Checks, namespaces -------> count for all policies, at most every 10 s --> status where a count changed
//
// Which of the failures sound on a node is the alert daemon's to decide; both go by package alerts. Sounds in files of the
// daemon's own folder cannot be seen from here, and no condition speaks of them.
package alertpolicy

import (
	"context"
	"sync/atomic"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"

	corev1 "k8s.io/api/core/v1"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/check"
	"github.com/checky-dev/checky/controllers/metrics"
	"github.com/checky-dev/checky/controllers/readiness"
)

// Policies say in status whether they can work; one that selects namespaces by their labels is looked at again when these change.
//
// +kubebuilder:rbac:groups=checky.dev,resources=alertpolicies,verbs=get;list;watch
// +kubebuilder:rbac:groups=checky.dev,resources=alertpolicies/status,verbs=update
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get;list;watch

// Reconciler keeps the status of AlertPolicies. A request without a name asks for the counts of all of them. It works on one
// request at a time.
type Reconciler struct {
	// Client reads from the cache and writes.
	Client client.Client
	// Sounds reads the files that policies name.
	Sounds *Sounds
	// Metrics says how many policies there are.
	Metrics *metrics.Metrics
	// Events announces policies that cannot be used as they stand.
	Events events.EventRecorder
	// Clock tells the time.
	Clock clock.PassiveClock

	counted atomic.Pointer[time.Time] // when all policies were last counted for
}

// SetupWithManager registers the reconciler, its index and its watches.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.Check{}, indexFailing, failingKeys); err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("alertpolicy").
		For(&v1alpha1.AlertPolicy{}, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, check.Replaced()))).
		Watches(&v1alpha1.Check{}, r.countSoon(), builder.WithPredicates(failureChanged())).
		WatchesMetadata(&corev1.Namespace{}, r.countSoon(), builder.WithPredicates(predicate.LabelChangedPredicate{})).
		WatchesRawSource(source.Kind(r.Sounds.cache, soundObject(), r.soundChanged())).
		WithOptions(readiness.Options()).
		Complete(r)
}

// Reconcile brings the status of one policy, or the counts of all, up to date.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	if req.Name == "" {
		return r.recount(ctx)
	}
	if err := r.tellHowMany(ctx); err != nil {
		return ctrl.Result{}, err
	}
	policy := &v1alpha1.AlertPolicy{}
	if err := r.Client.Get(ctx, req.NamespacedName, policy); err != nil {
		if apierrors.IsNotFound(err) {
			r.Sounds.forget(req.Name)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	failing, err := r.failing(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	return r.look(ctx, policy, failing)
}

// tellHowMany counts the policies for the metric, by which an alert knows that somebody waits for tones.
func (r *Reconciler) tellHowMany(ctx context.Context) error {
	policies := &v1alpha1.AlertPolicyList{}
	if err := r.Client.List(ctx, policies, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	r.Metrics.Policies(len(policies.Items))
	return nil
}

// look gathers the facts of a policy and publishes what they come to.
func (r *Reconciler) look(ctx context.Context, policy *v1alpha1.AlertPolicy, failing []alerts.Subject) (ctrl.Result, error) {
	f := facts{generation: policy.Generation}
	var compiled *alerts.Policy
	compiled, f.invalid = alerts.Compile(policy)
	if len(f.invalid) == 0 {
		f.matching = matching(compiled, failing)
		var err error
		if f.sounds, err = r.Sounds.problems(ctx, compiled); err != nil {
			return ctrl.Result{}, err
		}
	}
	return readiness.Result(r.publish(ctx, policy, statusOf(f, &policy.Status)))
}
