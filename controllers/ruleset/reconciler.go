// Package ruleset tells every RuleSet and ClusterRuleSet whether its rules compile.
package ruleset

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/check"
	"github.com/checky-dev/checky/controllers/readiness"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// Rule sets say in status whether they compile. What reads them has their reading among its own rights.
//
// +kubebuilder:rbac:groups=checky.dev,resources=rulesets/status;clusterrulesets/status,verbs=update

// Setup registers the two reconcilers.
func Setup(mgr ctrl.Manager, library *engine.Library, recorder events.EventRecorder) error {
	namespaced := func(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
		set := &v1alpha1.RuleSet{}
		if err := mgr.GetClient().Get(ctx, req.NamespacedName, set); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
		status := statusOf(set.Generation, library.RuleSet(set), &set.Status)
		return publish(ctx, mgr.GetClient(), recorder, set, &set.Status, status)
	}
	if err := register(mgr, "ruleset", &v1alpha1.RuleSet{}, namespaced); err != nil {
		return err
	}
	cluster := func(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
		set := &v1alpha1.ClusterRuleSet{}
		if err := mgr.GetClient().Get(ctx, req.NamespacedName, set); err != nil {
			return ctrl.Result{}, client.IgnoreNotFound(err)
		}
		status := statusOf(set.Generation, library.ClusterRuleSet(set), &set.Status)
		return publish(ctx, mgr.GetClient(), recorder, set, &set.Status, status)
	}
	return register(mgr, "clusterruleset", &v1alpha1.ClusterRuleSet{}, cluster)
}

type reconcileFunc func(context.Context, ctrl.Request) (ctrl.Result, error)

func (f reconcileFunc) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	return f(ctx, req)
}

func register(mgr ctrl.Manager, name string, object client.Object, f reconcileFunc) error {
	return ctrl.NewControllerManagedBy(mgr).
		Named(name).
		For(object, builder.WithPredicates(predicate.Or(predicate.GenerationChangedPredicate{}, check.Replaced()))).
		Complete(f)
}

// publish writes the status where it says something new, and makes an event when a set stops or starts to compile.
func publish(ctx context.Context, c client.Client, recorder events.EventRecorder, set client.Object, current *v1alpha1.RuleSetStatus, status v1alpha1.RuleSetStatus) (ctrl.Result, error) {
	if equality.Semantic.DeepEqual(*current, status) {
		return ctrl.Result{}, nil
	}
	was := meta.IsStatusConditionFalse(current.Conditions, v1alpha1.ConditionReady)
	*current = status
	if err := c.Status().Update(ctx, set); err != nil {
		return readiness.Result(err)
	}
	ready := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionReady)
	switch bad := ready.Status == metav1.ConditionFalse; {
	case bad:
		recorder.Eventf(set, nil, "Warning", ready.Reason, "Compile", "%s", ready.Message)
	case was:
		recorder.Eventf(set, nil, "Normal", ready.Reason, "Compile", "%s", ready.Message)
	}
	return ctrl.Result{}, nil
}

// statusOf is a pure function of the compiled set and the conditions there were.
func statusOf(generation int64, set *rules.Set, before *v1alpha1.RuleSetStatus) v1alpha1.RuleSetStatus {
	status := v1alpha1.RuleSetStatus{
		ObservedGeneration: generation,
		RuleCount:          int32(len(set.Rules)), //nolint:gosec // at most rules.MaxRulesPerSet
		Errors:             set.Errors,
	}
	ready := metav1.Condition{
		Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue, ObservedGeneration: generation,
		Reason: v1alpha1.ReasonCompiled, Message: "every rule compiles",
	}
	if n := len(set.Errors); n > 0 {
		ready.Status, ready.Reason = metav1.ConditionFalse, v1alpha1.ReasonInvalidRules
		ready.Message = fmt.Sprintf("%d of %d rules do not compile; the first is %s: %s", n, len(set.Rules), set.Errors[0].Rule, set.Errors[0].Message)
	}
	status.Conditions = append(status.Conditions, before.Conditions...)
	meta.SetStatusCondition(&status.Conditions, ready)
	return status
}
