package check

import (
	"context"
	"time"

	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/priorityqueue"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Checks get their verdicts in status, and are deleted when their time is over; rule sets decide; events tell of what changed. Before a kind of
// inputs is watched, the API server is asked whether the controller may.
//
// +kubebuilder:rbac:groups=checky.dev,resources=checks,verbs=get;list;watch;delete
// +kubebuilder:rbac:groups=checky.dev,resources=checks/status,verbs=update
// +kubebuilder:rbac:groups=checky.dev,resources=rulesets;clusterrulesets,verbs=list;watch
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=selfsubjectaccessreviews,verbs=create

// How long a Check waits that could not be read or written, at first and at most. The usual 17 minutes at most would leave Checks
// without a verdict for as long as that after the API server is back.
const (
	firstRetry = 5 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// SetupWithManager registers the reconciler, its indexes and its watches. A Check's own status updates do not bring it
// back: only a changed spec does.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager, concurrency int) error {
	if err := indexIn(ctx, mgr.GetFieldIndexer()); err != nil {
		return err
	}
	edited := predicate.Or(predicate.GenerationChangedPredicate{}, Replaced())
	changed := predicate.Or(edited, predicate.AnnotationChangedPredicate{})
	built, err := ctrl.NewControllerManagedBy(mgr).
		Named("check").
		For(&v1alpha1.Check{}, builder.WithPredicates(edited, noDeletions(), r.noted())).
		Watches(&v1alpha1.Check{}, unfinishedFirst()).
		Watches(&v1alpha1.RuleSet{}, r.concerned(setConcerns(v1alpha1.KindRuleSet)), builder.WithPredicates(changed)).
		Watches(&v1alpha1.ClusterRuleSet{}, r.concerned(setConcerns(v1alpha1.KindClusterRuleSet)), builder.WithPredicates(changed)).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		}).
		Build(r)
	if err != nil {
		return err
	}
	r.Inputs = newInputWatches(mgr, built, r.concerned(inputConcerns))
	return nil
}

// Replaced lets through an update that is another object of the same name. A cache that has to list anew, as after the API server was
// away, sees a deletion and creation as one update, and both objects may be of the same generation.
func Replaced() predicate.Predicate {
	return predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool { return e.ObjectOld.GetUID() != e.ObjectNew.GetUID() }}
}

func noDeletions() predicate.Predicate {
	return predicate.Funcs{DeleteFunc: func(event.DeleteEvent) bool { return false }}
}

// unfinishedFirst raises those Checks of the first list that have no verdict to the priority of new ones. All of a first list come behind
// what is new, and where there is always something new, those that were waiting when the last leader went would wait for ever.
func unfinishedFirst() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			check, ok := e.Object.(*v1alpha1.Check)
			if !ok || !e.IsInInitialList || check.Status.Phase.Finished() && check.Status.ObservedGeneration == check.Generation {
				return
			}
			if prioritised, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
				prioritised.AddWithOpts(priorityqueue.AddOpts{Priority: new(0)}, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(check)})
			}
		},
	}
}

// concerns tells which index holds the Checks that an object concerns, and under which keys.
type concerns func(client.Object) (index string, keys []string)

func setConcerns(kind v1alpha1.RuleSetKind) concerns {
	return func(object client.Object) (string, []string) {
		keys := []string{ruleSetKey(kind, object.GetName())}
		if kind == v1alpha1.KindRuleSet {
			keys = append(keys, noRules)
		}
		return indexRuleSet, keys
	}
}

func inputConcerns(object client.Object) (string, []string) {
	return indexInput, []string{inputKey(object.GetObjectKind().GroupVersionKind(), object.GetName())}
}

// concerned brings back the Checks that a changed object concerns, behind those that were never
// evaluated: a wave of re-evaluations starves no new work.
func (r *Reconciler) concerned(find concerns) handler.EventHandler {
	enqueue := func(ctx context.Context, object client.Object, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		index, keys := find(object)
		for _, key := range keys {
			list := &v1alpha1.CheckList{}
			err := r.Client.List(ctx, list, client.InNamespace(object.GetNamespace()), client.MatchingFields{index: key}, client.UnsafeDisableDeepCopy)
			if err != nil {
				log.FromContext(ctx).Error(err, "Could not list the checks that a change concerns", "index", index)
				continue
			}
			for i := range list.Items {
				key := client.ObjectKeyFromObject(&list.Items[i])
				r.arrived.note(key, r.Clock.Now())
				addLow(queue, reconcile.Request{NamespacedName: key})
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			enqueue(ctx, e.Object, q)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			enqueue(ctx, e.ObjectNew, q)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			enqueue(ctx, e.Object, q)
		},
	}
}

func addLow(queue workqueue.TypedRateLimitingInterface[reconcile.Request], request reconcile.Request) {
	if prioritised, ok := queue.(priorityqueue.PriorityQueue[reconcile.Request]); ok {
		prioritised.AddWithOpts(priorityqueue.AddOpts{Priority: new(handler.LowPriority)}, request)
		return
	}
	queue.Add(request)
}
