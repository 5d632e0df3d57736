// Package admission refuses, at the API server, what the controller would only report afterwards: rules that do
// not compile, Checks that contradict themselves, and AlertPolicies and Silences that cannot work. It shares the compilation with
// the controller, and everything works without it.
package admission

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// +kubebuilder:webhook:path=/validate-checky-dev-v1alpha1-ruleset,mutating=false,failurePolicy=ignore,sideEffects=None,groups=checky.dev,resources=rulesets,verbs=create;update,versions=v1alpha1,name=ruleset.checky.dev,admissionReviewVersions=v1
// +kubebuilder:webhook:path=/validate-checky-dev-v1alpha1-clusterruleset,mutating=false,failurePolicy=ignore,sideEffects=None,groups=checky.dev,resources=clusterrulesets,verbs=create;update,versions=v1alpha1,name=clusterruleset.checky.dev,admissionReviewVersions=v1
// +kubebuilder:webhook:path=/validate-checky-dev-v1alpha1-check,mutating=false,failurePolicy=ignore,sideEffects=None,groups=checky.dev,resources=checks,verbs=create;update,versions=v1alpha1,name=check.checky.dev,admissionReviewVersions=v1
// +kubebuilder:webhook:path=/validate-checky-dev-v1alpha1-alertpolicy,mutating=false,failurePolicy=ignore,sideEffects=None,groups=checky.dev,resources=alertpolicies,verbs=create;update,versions=v1alpha1,name=alertpolicy.checky.dev,admissionReviewVersions=v1
// +kubebuilder:webhook:path=/validate-checky-dev-v1alpha1-silence,mutating=false,failurePolicy=ignore,sideEffects=None,groups=checky.dev,resources=silences,verbs=create;update,versions=v1alpha1,name=silence.checky.dev,admissionReviewVersions=v1

// Setup registers the validating webhooks.
func Setup(mgr ctrl.Manager, library *engine.Library, now clock.PassiveClock) error {
	return errors.Join(
		ctrl.NewWebhookManagedBy(mgr, &v1alpha1.RuleSet{}).WithValidator(&validator[*v1alpha1.RuleSet]{
			problems: func(set *v1alpha1.RuleSet) field.ErrorList {
				return ruleProblems(library.Rules(set.Name, set.Spec.Rules), specRules)
			},
		}).Complete(),
		ctrl.NewWebhookManagedBy(mgr, &v1alpha1.ClusterRuleSet{}).WithValidator(&validator[*v1alpha1.ClusterRuleSet]{
			problems: func(set *v1alpha1.ClusterRuleSet) field.ErrorList {
				return ruleProblems(library.Rules(set.Name, set.Spec.Rules), specRules)
			},
		}).Complete(),
		ctrl.NewWebhookManagedBy(mgr, &v1alpha1.Check{}).WithValidator(&validator[*v1alpha1.Check]{
			problems: func(check *v1alpha1.Check) field.ErrorList { return CheckProblems(library, check) },
		}).Complete(),
		ctrl.NewWebhookManagedBy(mgr, &v1alpha1.AlertPolicy{}).WithValidator(&validator[*v1alpha1.AlertPolicy]{
			problems: policyProblems,
			sameSpec: samePolicy,
		}).Complete(),
		ctrl.NewWebhookManagedBy(mgr, &v1alpha1.Silence{}).WithValidator(&validator[*v1alpha1.Silence]{
			problems: silenceProblems,
			sameSpec: sameSilence,
			warnings: func(silence *v1alpha1.Silence) admission.Warnings { return silenceWarnings(silence, now.Now()) },
		}).Complete(),
	)
}

var specRules = field.NewPath("spec", "rules")

// ruleProblems lists the rules of a set that do not compile.
func ruleProblems(set *rules.Set, path *field.Path) field.ErrorList {
	var list field.ErrorList
	for _, e := range set.Errors {
		list = append(list, field.Invalid(path.Key(e.Rule), field.OmitValueType{}, e.Message))
	}
	return list
}

// CheckProblems lists what contradicts itself in a Check, and its own rules that do not compile.
func CheckProblems(library *engine.Library, check *v1alpha1.Check) field.ErrorList {
	var list field.ErrorList
	spec, path := &check.Spec, field.NewPath("spec")
	switch given := spec.InputsGiven(); {
	case given == 0:
		list = append(list, field.Required(path.Child("input"), oneInput))
	case given > 1:
		list = append(list, field.Forbidden(path.Child("input"), oneInput))
	case len(spec.Inputs) > 0:
		list = append(list, batchProblems(spec.Inputs, path.Child("inputs"))...)
	case spec.InputFrom == nil:
		if _, err := rules.Decode(spec.InputText()); err != nil {
			list = append(list, field.Invalid(path.Child("input"), field.OmitValueType{}, err.Error()))
		}
	}
	if len(spec.Rules) > 0 {
		list = append(list, ruleProblems(library.Rules("", spec.Rules), specRules)...)
	}
	return list
}

const oneInput = "set exactly one of input, inputs, inputFrom and inputJSON"

// batchProblems lists what is wrong with several payloads as a whole, and which of them are none. What cannot be read among them is a
// matter of the verdict.
func batchProblems(inputs []v1alpha1.BatchInput, path *field.Path) field.ErrorList {
	var list field.ErrorList
	for _, p := range engine.BatchProblems(inputs) {
		at := path
		if p.Index >= 0 {
			at = path.Index(p.Index)
		}
		list = append(list, field.Invalid(at, field.OmitValueType{}, p.Problem))
	}
	return list
}

// validator refuses objects with problems. An update that leaves the spec as it is always passes, so that an object that
// was admitted earlier can still be labelled or deleted.
type validator[T client.Object] struct {
	problems func(T) field.ErrorList
	warnings func(T) admission.Warnings // of an object without problems; nil: there are none
	sameSpec func(before, after T) bool // nil: the generation tells
}

// ValidateCreate refuses an object with problems.
func (v *validator[T]) ValidateCreate(_ context.Context, object T) (admission.Warnings, error) {
	return v.judge(object)
}

// ValidateUpdate refuses a changed object with problems.
func (v *validator[T]) ValidateUpdate(_ context.Context, before, after T) (admission.Warnings, error) {
	if before.GetGeneration() == after.GetGeneration() && before.GetGeneration() != 0 || v.sameSpec != nil && v.sameSpec(before, after) {
		return nil, nil
	}
	return v.judge(after)
}

// ValidateDelete lets everything go.
func (v *validator[T]) ValidateDelete(context.Context, T) (admission.Warnings, error) {
	return nil, nil
}

func (v *validator[T]) judge(object T) (admission.Warnings, error) {
	if problems := v.problems(object); len(problems) > 0 {
		return nil, apierrors.NewInvalid(kindOf(object), object.GetName(), problems)
	}
	if v.warnings == nil {
		return nil, nil
	}
	return v.warnings(object), nil
}

func kindOf(object runtime.Object) schema.GroupKind {
	kind := fmt.Sprintf("%T", object)
	switch object.(type) {
	case *v1alpha1.RuleSet:
		kind = "RuleSet"
	case *v1alpha1.ClusterRuleSet:
		kind = "ClusterRuleSet"
	case *v1alpha1.Check:
		kind = "Check"
	case *v1alpha1.AlertPolicy:
		kind = "AlertPolicy"
	case *v1alpha1.Silence:
		kind = "Silence"
	}
	return schema.GroupKind{Group: v1alpha1.GroupVersion.Group, Kind: kind}
}
