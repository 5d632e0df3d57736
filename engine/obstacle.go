package engine

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Obstacle is why a Check cannot be evaluated, or not yet. Whoever gathers rules and inputs, from a cluster or
// from files, tells it in these words.
type Obstacle struct {
	// Reason is one of the condition reasons.
	Reason string
	// Message says what is missing or wrong, and what to do.
	Message string
}

// NoRules is the obstacle of a Check that names no rules where none apply by default.
func NoRules(namespace string) *Obstacle {
	return &Obstacle{v1alpha1.ReasonNoRules, fmt.Sprintf(
		"no rules apply: the check names neither ruleSets nor rules, and no RuleSet in namespace %s is annotated %s: \"true\"",
		namespace, v1alpha1.DefaultRuleSetAnnotation)}
}

// Suspended is the obstacle of a Check that somebody has suspended.
func Suspended() *Obstacle {
	return &Obstacle{v1alpha1.ReasonSuspended, "spec.suspend is true; set it to false to have the check evaluated"}
}

// NoProgram is the obstacle behind an error of NewProgram, for a Check of a namespace.
func NoProgram(err error, namespace string) *Obstacle {
	switch {
	case errors.Is(err, ErrNoRules):
		return NoRules(namespace)
	case errors.Is(err, ErrTooManyRules):
		return &Obstacle{v1alpha1.ReasonTooManyRules, err.Error()}
	}
	return &Obstacle{v1alpha1.ReasonInvalidSpec, err.Error()}
}

// MissingRuleSet is the obstacle of a Check that refers to a rule set which is not there.
func MissingRuleSet(namespace string, ref v1alpha1.RuleSetReference) *Obstacle {
	where := " in namespace " + namespace
	if ref.Kind == v1alpha1.KindClusterRuleSet {
		where = ""
	}
	return &Obstacle{v1alpha1.ReasonRuleSetNotFound, fmt.Sprintf(
		"waiting for %s %s, which does not exist%s; create it, or correct spec.ruleSets", cmp.Or(ref.Kind, v1alpha1.KindRuleSet), ref.Name, where)}
}

// MissingInput is the obstacle of a Check whose input is an object that is not there.
func MissingInput(namespace, kind, name string) *Obstacle {
	return &Obstacle{v1alpha1.ReasonInputNotFound, fmt.Sprintf(
		"waiting for %s %s, which does not exist in namespace %s; create it, or correct spec.inputFrom", kind, name, namespace)}
}

// MissingKey is the obstacle of a Check whose input is a key that its object does not have.
func MissingKey(kind, name, key string) *Obstacle {
	return &Obstacle{v1alpha1.ReasonInputNotFound, fmt.Sprintf(
		"waiting for key %s of %s %s, which does not have it; add it, or correct spec.inputFrom", key, kind, name)}
}

// AmbiguousInput is the obstacle of a Check that has no input, or several of input, inputs, inputFrom and inputJSON, and of one whose
// inputs cannot be a batch. It is nil where there is one.
func AmbiguousInput(spec *v1alpha1.CheckSpec) *Obstacle {
	const remedy = "; set exactly one of spec.input, spec.inputs, spec.inputFrom and spec.inputJSON"
	switch spec.InputsGiven() {
	case 1:
		return invalidBatch(spec.Inputs)
	case 0:
		return &Obstacle{v1alpha1.ReasonInvalidSpec, "spec has no input" + remedy}
	}
	return &Obstacle{v1alpha1.ReasonInvalidSpec, "spec has several inputs" + remedy}
}
