package check

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/test/chaos/observe"
)

// Unsettled counts the Checks that have no verdict on their spec by rule sets and sources as they are.
func Unsettled(checks []v1alpha1.Check, sets []v1alpha1.RuleSet, sources []corev1.ConfigMap) int {
	o := newOffline()
	compiled := map[string]*rules.Set{}
	for i := range sets {
		compiled[sets[i].Name] = o.library.RuleSet(&sets[i])
	}
	contents := map[string]string{} // their digests
	for i := range sources {
		contents[sources[i].Name] = digestOf(sources[i].Data[observe.SourceKey])
	}
	left := 0
	for i := range checks {
		c := &checks[i]
		if c.DeletionTimestamp != nil {
			continue
		}
		var own []*rules.Set
		for _, ref := range c.Spec.RuleSets {
			if set := compiled[ref.Name]; set != nil {
				own = append(own, set)
			}
		}
		program, err := o.library.Program(c.Spec.FailOn, own...)
		if err != nil || !c.Status.Phase.Finished() || c.Status.ObservedGeneration != c.Generation || c.Status.RulesDigest != program.Digest() {
			left++
			continue
		}
		if from := c.Spec.InputFrom; from != nil && from.ConfigMapKeyRef != nil && contents[from.ConfigMapKeyRef.Name] != c.Status.InputDigest {
			left++
		}
	}
	return left
}
