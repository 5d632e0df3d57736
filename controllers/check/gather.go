package check

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// settle is how long a new Check may be in the queue before it is said that its rules are not there. Rule sets come by watches of their own: one
// that was made just before a Check may be known just after it, and then the Check gets its verdict in one write.
const settle = 500 * time.Millisecond

// tooEarly is for how long it is too early to say of a Check that was never looked at that its rules are not there; 0: it is not. A rule set that comes
// meanwhile brings the Check back at once.
func (r *Reconciler) tooEarly(s *scope, arrived time.Time) time.Duration {
	missing := s.waiting != nil && s.waiting.Reason == v1alpha1.ReasonRuleSetNotFound || s.refused != nil && s.refused.Reason == v1alpha1.ReasonNoRules
	status := &s.check.Status
	if !missing || status.Phase.Finished() || len(status.Conditions) > 0 { // finished ones are held without their conditions
		return 0
	}
	return max(0, settle-r.Clock.Since(arrived))
}

// gather brings the rules and the input together, or finds what is missing.
func (r *Reconciler) gather(ctx context.Context, s *scope) error {
	if s.check.Spec.Suspend {
		s.waiting = &waiting{Obstacle: *engine.Suspended()}
		return nil
	}
	if !stripped(s.check) {
		if s.refused = engine.AmbiguousInput(&s.check.Spec); s.refused != nil {
			return nil
		}
	}
	if err := r.gatherRules(ctx, s); err != nil || s.decided() {
		return err
	}
	return r.gatherInput(ctx, s)
}

func (r *Reconciler) gatherRules(ctx context.Context, s *scope) error {
	spec := &s.check.Spec
	var sets []*rules.Set
	var err error
	if len(spec.RuleSets) == 0 && len(spec.Rules) == 0 {
		sets, err = r.defaultSets(ctx, s.check.Namespace)
	} else {
		sets, err = r.namedSets(ctx, s)
	}
	if err != nil || s.decided() {
		return err
	}
	if len(spec.Rules) > 0 {
		sets = append(sets, r.Library.Rules("", spec.Rules))
	}
	s.program, err = r.Library.Program(spec.FailOn, sets...)
	if err != nil {
		s.refused = engine.NoProgram(err, s.check.Namespace)
	}
	return nil
}

// defaultSets are the namespace's rule sets that apply where a Check names no rules.
func (r *Reconciler) defaultSets(ctx context.Context, namespace string) ([]*rules.Set, error) {
	list := &v1alpha1.RuleSetList{}
	if err := r.Client.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, err
	}
	var sets []*rules.Set
	for i := range list.Items {
		if IsDefault(&list.Items[i]) {
			sets = append(sets, r.Library.RuleSet(&list.Items[i]))
		}
	}
	return sets, nil
}

// IsDefault says whether a rule set applies to Checks that name no rules.
func IsDefault(object client.Object) bool {
	return object.GetAnnotations()[v1alpha1.DefaultRuleSetAnnotation] == "true"
}

func (r *Reconciler) namedSets(ctx context.Context, s *scope) ([]*rules.Set, error) {
	sets := make([]*rules.Set, 0, len(s.check.Spec.RuleSets)+1)
	for _, ref := range s.check.Spec.RuleSets {
		set, err := r.namedSet(ctx, s.check.Namespace, ref)
		if apierrors.IsNotFound(err) {
			s.waiting = stalledBy(engine.MissingRuleSet(s.check.Namespace, ref))
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	return sets, nil
}

func (r *Reconciler) namedSet(ctx context.Context, namespace string, ref v1alpha1.RuleSetReference) (*rules.Set, error) {
	if ref.Kind == v1alpha1.KindClusterRuleSet {
		set := &v1alpha1.ClusterRuleSet{}
		if err := r.Client.Get(ctx, types.NamespacedName{Name: ref.Name}, set); err != nil {
			return nil, err
		}
		return r.Library.ClusterRuleSet(set), nil
	}
	set := &v1alpha1.RuleSet{}
	if err := r.Client.Get(ctx, types.NamespacedName{Namespace: namespace, Name: ref.Name}, set); err != nil {
		return nil, err
	}
	return r.Library.RuleSet(set), nil
}
