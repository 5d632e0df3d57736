package check

import (
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// Unsettled counts the Checks that have no verdict on their spec by rule sets as they are.
func Unsettled(checks []v1alpha1.Check, sets []v1alpha1.RuleSet) int {
	o := newOffline()
	compiled := map[string]*rules.Set{}
	for i := range sets {
		compiled[sets[i].Name] = o.library.RuleSet(&sets[i])
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
		}
	}
	return left
}
