package alertpolicy

import (
	"context"
	"errors"
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	corev1 "k8s.io/api/core/v1"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

const (
	// settle is how long changes are gathered before a count, where the last count was a while ago.
	settle = time.Second
	// recountInterval is how long it is from one count to the next at least, and from a change to its count at most.
	recountInterval = 10 * time.Second
)

// indexFailing holds the failing Checks of the cache.
const indexFailing = "checky.failing"

func failingKeys(object client.Object) []string {
	if fails(object.(*v1alpha1.Check)) { //nolint:forcetypeassert // it is registered for Checks
		return []string{"true"}
	}
	return nil
}

// fails says whether a Check is one that policies speak of.
func fails(check *v1alpha1.Check) bool {
	phase := check.Status.Phase
	return check.Status.Alert != nil && (phase == v1alpha1.PhaseFailure || phase == v1alpha1.PhaseError)
}

// failureChanged lets through what can change a count: Checks that begin to fail or stop, and failing ones that now have other
// labels or another severity.
func failureChanged() predicate.Predicate {
	of := func(object client.Object) bool {
		check, ok := object.(*v1alpha1.Check)
		return ok && fails(check)
	}
	return predicate.Funcs{
		CreateFunc: func(e event.CreateEvent) bool { return of(e.Object) },
		DeleteFunc: func(e event.DeleteEvent) bool { return of(e.Object) },
		UpdateFunc: func(e event.UpdateEvent) bool {
			before, after := of(e.ObjectOld), of(e.ObjectNew)
			if before != after || !after {
				return before != after
			}
			return severityOf(e.ObjectOld) != severityOf(e.ObjectNew) || !maps.Equal(e.ObjectOld.GetLabels(), e.ObjectNew.GetLabels())
		},
	}
}

// severityOf is that of a failing Check.
func severityOf(object client.Object) v1alpha1.Severity {
	return object.(*v1alpha1.Check).Status.Alert.Severity //nolint:forcetypeassert // it fails, so it is a Check
}

// countSoon asks for one count, however many changes come until then. The queue keeps the earliest time that was asked for.
func (r *Reconciler) countSoon() handler.EventHandler {
	enqueue := func(queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		queue.AddAfter(reconcile.Request{}, r.untilCount())
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, _ event.CreateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			enqueue(q)
		},
		UpdateFunc: func(_ context.Context, _ event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			enqueue(q)
		},
		DeleteFunc: func(_ context.Context, _ event.DeleteEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			enqueue(q)
		},
	}
}

// untilCount is how long a change waits for its count.
func (r *Reconciler) untilCount() time.Duration {
	last := r.counted.Load()
	if last == nil {
		return settle
	}
	left := recountInterval - r.Clock.Since(*last)
	return min(max(left, settle), recountInterval) // the clock may have been set
}

// recount counts for all policies, and publishes where the count is another. Policies that were not looked at yet come by
// their own requests.
func (r *Reconciler) recount(ctx context.Context) (ctrl.Result, error) {
	now := r.Clock.Now()
	r.counted.Store(&now)
	failing, err := r.failing(ctx)
	if err != nil {
		return ctrl.Result{}, err
	}
	policies := &v1alpha1.AlertPolicyList{}
	if err := r.Client.List(ctx, policies); err != nil {
		return ctrl.Result{}, err
	}
	var (
		result   ctrl.Result
		problems []error
	)
	for i := range policies.Items {
		policy := &policies.Items[i]
		if policy.Status.ObservedGeneration != policy.Generation {
			continue
		}
		one, err := r.look(ctx, policy, failing)
		problems = append(problems, err)
		if one.RequeueAfter > 0 {
			result.RequeueAfter = recountInterval
		}
	}
	return result, errors.Join(problems...)
}

// failing lists the failing Checks as policies see them.
func (r *Reconciler) failing(ctx context.Context) ([]alerts.Subject, error) {
	namespaces, err := r.namespaceLabels(ctx)
	if err != nil {
		return nil, err
	}
	list := &v1alpha1.CheckList{}
	if err := r.Client.List(ctx, list, client.MatchingFields{indexFailing: "true"}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	subjects := make([]alerts.Subject, len(list.Items))
	for i := range list.Items {
		check := &list.Items[i]
		subjects[i] = alerts.Subject{
			Namespace: check.Namespace, Name: check.Name, Labels: alerts.Labels(check.Labels),
			NamespaceLabels: namespaces[check.Namespace], Severity: check.Status.Alert.Severity,
		}
	}
	return subjects, nil
}

func (r *Reconciler) namespaceLabels(ctx context.Context) (map[string]map[string]string, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("NamespaceList"))
	if err := r.Client.List(ctx, list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, err
	}
	labels := make(map[string]map[string]string, len(list.Items))
	for i := range list.Items {
		labels[list.Items[i].Name] = list.Items[i].Labels
	}
	return labels, nil
}

func matching(policy *alerts.Policy, failing []alerts.Subject) (n int) {
	for _, s := range failing {
		if policy.Selects(s) {
			n++
		}
	}
	return n
}
