package check

import (
	"cmp"
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// The indexes of the cache by which a change of a rule set or an input finds the Checks that it concerns.
const (
	indexRuleSet = "checky.ruleSet"
	indexInput   = "checky.input"
)

// noRules is the index value of Checks that name no rules, and so use the namespace's defaults.
const noRules = "default"

func ruleSetKey(kind v1alpha1.RuleSetKind, name string) string {
	return string(cmp.Or(kind, v1alpha1.KindRuleSet)) + "/" + name
}

func inputKey(kind schema.GroupVersionKind, name string) string {
	return kind.GroupKind().String() + "/" + name
}

func indexIn(ctx context.Context, indexer client.FieldIndexer) error {
	if err := indexer.IndexField(ctx, &v1alpha1.Check{}, indexRuleSet, ruleSetKeys); err != nil {
		return err
	}
	return indexer.IndexField(ctx, &v1alpha1.Check{}, indexInput, inputKeys)
}

func ruleSetKeys(object client.Object) []string {
	spec := &object.(*v1alpha1.Check).Spec //nolint:forcetypeassert // it is registered for Checks
	if len(spec.RuleSets) == 0 && len(spec.Rules) == 0 {
		return []string{noRules}
	}
	keys := make([]string, len(spec.RuleSets))
	for i, ref := range spec.RuleSets {
		keys[i] = ruleSetKey(ref.Kind, ref.Name)
	}
	return keys
}

func inputKeys(object client.Object) []string {
	from := object.(*v1alpha1.Check).Spec.InputFrom //nolint:forcetypeassert // it is registered for Checks
	if from == nil {
		return nil
	}
	kind, name, err := Source(from)
	if err != nil {
		return nil
	}
	return []string{inputKey(kind, name)}
}
