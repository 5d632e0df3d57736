package operator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

const trivialRules = `rules: [{name: n, module: {name: type, params: {field: $, type: number}}}]`

func TestTTL(t *testing.T) {
	c := newCluster(t)
	o := testOptions()
	o.DefaultTTL = 2 * time.Second
	c.start(o)
	c.apply(checkYAML("own", "{input: 1, ttlSecondsAfterFinished: 1, "+trivialRules+"}"))
	c.apply(checkYAML("at-once", "{input: 1, ttlSecondsAfterFinished: 0, "+trivialRules+"}"))
	c.apply(checkYAML("default", "{input: 1, "+trivialRules+"}"))
	c.apply(checkYAML("kept", "{input: 1, ttlSecondsAfterFinished: 3600, "+trivialRules+"}"))
	c.apply(checkYAML("waiting", "{input: 1, ruleSets: [{name: nowhere}], ttlSecondsAfterFinished: 0}"))
	for _, name := range []string{"own", "at-once", "default"} {
		c.gone(c.check(name))
	}
	c.verdict("kept", v1alpha1.PhaseSuccess)
	c.verdict("waiting", v1alpha1.PhasePending)
}

// TestTTLAfterRestart lets the time of a Check run out while no operator runs, and its rules be edited: it goes, and gets no verdict before.
func TestTTLAfterRestart(t *testing.T) {
	c := newCluster(t)
	c.apply("{apiVersion: checky.dev/v1alpha1, kind: RuleSet, metadata: {name: edited}, spec: {" + trivialRules + "}}")
	op := c.start(testOptions())
	c.apply(checkYAML("old", "{input: 1, ttlSecondsAfterFinished: 3, ruleSets: [{name: edited}]}"))
	k := c.verdict("old", v1alpha1.PhaseSuccess)
	op.end(t)
	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "edited"}}
	edit(c, set, func() { set.Spec.Rules[0].Module.Params.Raw = []byte(`{"field":"$","type":"string"}`) })
	if left := time.Until(k.Status.CompletionTime.Add(4 * time.Second)); left > 0 {
		timer := time.NewTimer(left) // the clock itself is what is waited for
		<-timer.C
	}
	changes, err := c.Watch(t.Context(), &v1alpha1.CheckList{}, &client.ListOptions{
		Namespace: c.namespace, Raw: &metav1.ListOptions{ResourceVersion: k.ResourceVersion},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer changes.Stop()
	c.start(testOptions())
	c.gone(k)
	if first := <-changes.ResultChan(); first.Type != watch.Deleted {
		t.Errorf("before it went: %s %+v", first.Type, first.Object)
	}
}

func TestCapKeepsTheNewest(t *testing.T) {
	c := newCluster(t)
	o := testOptions()
	o.MaxFinished = 3
	c.start(o)
	c.apply(checkYAML("waiting", "{input: 1, ruleSets: [{name: nowhere}]}"))
	for i := range 3 {
		c.apply(checkYAML(fmt.Sprintf("old-%d", i), "{input: 1, "+trivialRules+"}"))
	}
	for i := range 3 {
		c.verdict(fmt.Sprintf("old-%d", i), v1alpha1.PhaseSuccess)
	}
	newest := c.check("old-0")
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(newest), newest); err != nil {
		t.Fatal(err)
	}
	timer := time.NewTimer(time.Until(newest.Status.CompletionTime.Add(2 * time.Second))) // completion times have seconds
	<-timer.C
	for i := range 3 {
		c.apply(checkYAML(fmt.Sprintf("new-%d", i), "{input: 1, "+trivialRules+"}"))
	}
	for i := range 3 {
		c.gone(c.check(fmt.Sprintf("old-%d", i)))
	}
	list := &v1alpha1.CheckList{}
	if err := c.List(t.Context(), list, client.InNamespace(c.namespace), client.MatchingFields{"status.phase": "Success"}); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 3 {
		t.Errorf("%d finished checks are left, want 3", len(list.Items))
	}
	c.verdict("waiting", v1alpha1.PhasePending)
}

// TestSchemaRefuses covers what the API server itself refuses.
func TestSchemaRefuses(t *testing.T) {
	c := newCluster(t)
	for name, spec := range map[string]string{
		"TwoInputs":      `{inputJSON: "1", inputFrom: {configMapKeyRef: {name: a, key: b}}}`,
		"InputsAndJSON":  `{inputJSON: "1", inputs: [{input: 1}]}`,
		"TooManyInputs":  `{inputs: [` + strings.Repeat("{input: 1}, ", 1000) + `{input: 1}]}`,
		"TwoSources":     `{inputFrom: {configMapKeyRef: {name: a, key: b}, secretKeyRef: {name: a, key: b}}}`,
		"NoSource":       `{inputFrom: {}}`,
		"SameSetTwice":   `{input: 1, ruleSets: [{name: a}, {name: a}]}`,
		"SameNameTwice":  `{input: 1, ruleSets: [{name: a}, {name: a, kind: ClusterRuleSet}]}`,
		"BadKind":        `{input: 1, ruleSets: [{name: a, kind: Set}]}`,
		"BadSeverity":    `{input: 1, failOn: fatal}`,
		"TwoWays":        `{input: 1, rules: [{name: a, cel: {expression: "true"}, module: {name: type}}]}`,
		"NoWay":          `{input: 1, rules: [{name: a}]}`,
		"BadRuleName":    `{input: 1, rules: [{name: "A b", cel: {expression: "true"}}]}`,
		"NegativeTTL":    `{input: 1, ttlSecondsAfterFinished: -1}`,
		"SchemaNoObject": `{input: 1, rules: [{name: a, jsonSchema: 3}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			object, err := decode(c.Scheme(), checkYAML("refused", spec))
			if err != nil {
				t.Fatal(err)
			}
			object.SetNamespace(c.namespace)
			if err := c.Create(t.Context(), object); err == nil {
				t.Error("the API server took it")
				_ = c.Delete(t.Context(), object)
			} else {
				t.Log(err)
			}
		})
	}
}

// TestFreshCheckReadsWell looks at a Check before any operator has seen it.
func TestFreshCheckReadsWell(t *testing.T) {
	c := newCluster(t)
	c.apply(checkYAML("fresh", "{input: 1, "+trivialRules+"}"))
	k := c.check("fresh")
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(k), k); err != nil {
		t.Fatal(err)
	}
	if k.Status.Phase != v1alpha1.PhasePending || k.Status.ObservedGeneration != -1 || k.Spec.FailOn != v1alpha1.SeverityError {
		t.Errorf("phase %s, observed %d, failOn %s", k.Status.Phase, k.Status.ObservedGeneration, k.Spec.FailOn)
	}
}

func TestRuleSetStatus(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(`
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: mixed}
spec:
  rules:
  - {name: good, cel: {expression: "input.a > 1"}}
  - {name: bad, cel: {expression: "input.a >"}}
  - {name: worse, module: {name: range, params: {field: "$.a[", min: x}}}`)
	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "mixed"}}
	eventually(c, set, "a status", func(s *v1alpha1.RuleSet) bool { return s.Status.ObservedGeneration == s.Generation })
	if set.Status.RuleCount != 3 || len(set.Status.Errors) != 2 || set.Status.Errors[0].Rule != "bad" || set.Status.Errors[1].Rule != "worse" {
		t.Errorf("status: %+v", set.Status)
	}
	if ready := set.Status.Conditions[0]; ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ReasonInvalidRules {
		t.Errorf("condition: %+v", ready)
	}
	edit(c, set, func() { set.Spec.Rules = set.Spec.Rules[:1] })
	eventually(c, set, "Ready", func(s *v1alpha1.RuleSet) bool {
		return s.Status.ObservedGeneration == s.Generation && s.Status.Conditions[0].Status == metav1.ConditionTrue && len(s.Status.Errors) == 0
	})
}

// TestSpecLeavesNoRoom has a spec that the API server just stores, and a status that does not fit beside it.
func TestSpecLeavesNoRoom(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	rules := make([]string, 24)
	for i := range rules {
		rules[i] = fmt.Sprintf(`{name: r%d, message: %s, jsonSchema: {$comment: %s, items: {type: string}}}`, i, strings.Repeat("m", 1000), strings.Repeat("x", 60_000))
	}
	c.apply(checkYAML("large", "{input: ["+strings.Repeat("1, ", 19)+"1], rules: ["+strings.Join(rules, ", ")+"]}"))
	k := c.verdict("large", v1alpha1.PhaseFailure)
	if s := &k.Status; s.Summary.Fail != 24 || len(s.Results) != 0 || s.Truncated != 24*20 || !strings.Contains(s.Explanation, "left out") {
		t.Errorf("%d results of %+v, %d truncated: %s", len(s.Results), s.Summary, s.Truncated, s.Explanation)
	}
}
