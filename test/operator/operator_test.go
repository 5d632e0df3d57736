package operator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules/builtin"
)

const orders = `
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: orders}
spec:
  rules:
  - name: amount-range
    module: {name: range, params: {field: $.amount, min: 0, exclusiveMin: true, max: 10000}}
  - name: customer
    module: {name: required, params: {field: $.customer}}
`

func checkYAML(name, spec string) string {
	return fmt.Sprintf("apiVersion: checky.dev/v1alpha1\nkind: Check\nmetadata: {name: %s}\nspec: %s\n", name, spec)
}

func condition(k *v1alpha1.Check, kind string) string {
	c := meta.FindStatusCondition(k.Status.Conditions, kind)
	if c == nil {
		return "absent"
	}
	return string(c.Status) + " " + c.Reason
}

func TestVerdicts(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(orders)
	c.apply(checkYAML("good", `{input: {amount: 10, customer: x}, ruleSets: [{name: orders}]}`))
	c.apply(checkYAML("bad", `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	c.apply(checkYAML("own", `{input: null, rules: [{name: is-null, module: {name: type, params: {field: $, type: "null"}}}]}`))
	c.apply(checkYAML("digits", `{inputJSON: '{"n": 12345678901234567891}', rules: [{name: exact, module: {name: range, params: {field: $.n, min: "12345678901234567892"}}}]}`))
	c.apply(checkYAML("broken-rule", `{input: {}, rules: [{name: bad, module: {name: nonsense}}, {name: good, module: {name: type, params: {field: $, type: object}}}]}`))
	c.apply(checkYAML("no-rules", `{input: {}}`))

	good := c.verdict("good", v1alpha1.PhaseSuccess)
	want := []string{"True Evaluated", "True RulesPassed", "True NothingToExplain", "absent"}
	got := []string{condition(good, "Complete"), condition(good, "Passed"), condition(good, "Explained"), condition(good, "Stalled")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("conditions of a success: -want +got\n%s", diff)
	}
	bad := c.verdict("bad", v1alpha1.PhaseFailure)
	if r := bad.Status.Results[0]; r.Rule != "orders/amount-range" || r.Path != "/amount" || !strings.Contains(r.Message, "99999") {
		t.Errorf("the worst result: %+v", r)
	}
	if condition(bad, "Passed") != "False RulesFailed" || condition(bad, "Complete") != "True Evaluated" {
		t.Errorf("conditions of a failure: %+v", bad.Status.Conditions)
	}
	c.verdict("own", v1alpha1.PhaseSuccess)
	if digits := c.verdict("digits", v1alpha1.PhaseFailure); !strings.Contains(digits.Status.Results[0].Message, "12345678901234567891") {
		t.Errorf("digits were lost: %s", digits.Status.Results[0].Message)
	}
	broken := c.verdict("broken-rule", v1alpha1.PhaseError)
	if s := broken.Status.Summary; s.Error != 1 || s.Pass != 1 {
		t.Errorf("a rule that does not compile: %+v", s)
	}
	none := c.verdict("no-rules", v1alpha1.PhaseError)
	if condition(none, "Complete") != "True NoRules" || condition(none, "Passed") != "Unknown NoRules" {
		t.Errorf("conditions without rules: %+v", none.Status.Conditions)
	}
}

// TestClusterAndCommandLineAgree compares the bytes that the cluster holds with those of the engine on the text a
// file would hold.
func TestClusterAndEngineAgree(t *testing.T) {
	c := newCluster(t)
	o := testOptions()
	c.start(o)
	c.apply(orders)
	c.apply(checkYAML("same", `{input: {customer: x, amount: 12345.50, tags: [a, b]}, ruleSets: [{name: orders}]}`))
	status := c.verdict("same", v1alpha1.PhaseFailure).Status

	set, err := decode(c.Scheme(), orders)
	if err != nil {
		t.Fatal(err)
	}
	compiled := builtin.New().Compile("orders", set.(*v1alpha1.RuleSet).Spec.Rules)
	program, err := engine.NewProgram("", compiled)
	if err != nil {
		t.Fatal(err)
	}
	e := &engine.Engine{Retriever: shippedKnowledge(t)}
	outcome := e.Evaluate(t.Context(), engine.Request{Input: []byte(`{ "tags": ["a","b"], "customer": "x", "amount": 12345.50 }`), Program: program, Now: time.Now()})
	inCluster, _ := json.Marshal(status.Verdict)
	offline, _ := json.Marshal(outcome.Verdict)
	if diff := cmp.Diff(string(offline), string(inCluster)); diff != "" {
		t.Errorf("-offline +cluster\n%s", diff)
	}
}

func TestRuleSetEditFlipsVerdict(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(orders)
	c.apply(checkYAML("flip", `{input: {amount: 20000, customer: x}, ruleSets: [{name: orders}]}`))
	c.apply(checkYAML("apart", `{input: 1, rules: [{name: n, module: {name: type, params: {field: $, type: number}}}]}`))
	c.verdict("flip", v1alpha1.PhaseFailure)
	apart := c.verdict("apart", v1alpha1.PhaseSuccess)

	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "orders"}}
	edit(c, set, func() {
		set.Spec.Rules[0].Module.Params.Raw = []byte(`{"field":"$.amount","max":30000}`)
	})
	c.verdict("flip", v1alpha1.PhaseSuccess)
	edit(c, set, func() {
		set.Spec.Rules[0].Module.Params.Raw = []byte(`{"field":"$.amount","max":1}`)
	})
	c.verdict("flip", v1alpha1.PhaseFailure)

	after := c.verdict("apart", v1alpha1.PhaseSuccess)
	if after.ResourceVersion != apart.ResourceVersion {
		t.Error("a check that does not use the rule set was written")
	}
}

// edit changes an object, again if somebody else was quicker.
func edit[T client.Object](c *cluster, object T, change func()) {
	c.t.Helper()
	for {
		if err := c.Get(c.t.Context(), client.ObjectKeyFromObject(object), object); err != nil {
			c.t.Fatal(err)
		}
		change()
		err := c.Update(c.t.Context(), object)
		if err == nil {
			return
		}
		if !apierrors.IsConflict(err) {
			c.t.Fatal(err)
		}
	}
}

func TestMissingThenThere(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(checkYAML("waits", `{inputFrom: {configMapKeyRef: {name: data, key: order}}, ruleSets: [{name: orders}]}`))
	waits := eventually(c, c.check("waits"), "to wait for its rule set", func(k *v1alpha1.Check) bool {
		return condition(k, "Stalled") == "True RuleSetNotFound"
	})
	if waits.Status.Phase != v1alpha1.PhasePending || condition(waits, "Complete") != "False RuleSetNotFound" {
		t.Errorf("status: %+v", waits.Status)
	}
	c.apply(orders)
	eventually(c, c.check("waits"), "to wait for its input", func(k *v1alpha1.Check) bool {
		return condition(k, "Stalled") == "True InputNotFound"
	})
	data := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "data"}, Data: map[string]string{"other": "{}"}}
	c.create(data)
	eventually(c, c.check("waits"), "to wait for its key", func(k *v1alpha1.Check) bool {
		complete := meta.FindStatusCondition(k.Status.Conditions, "Complete")
		return complete != nil && strings.Contains(complete.Message, "key order")
	})
	edit(c, data, func() { data.Data["order"] = `{"amount": 5, "customer": "x"}` })
	done := c.verdict("waits", v1alpha1.PhaseSuccess)
	if condition(done, "Stalled") != "absent" {
		t.Error("Stalled outlives the wait")
	}
	edit(c, data, func() { data.Data["order"] = `{"amount": 50000}` })
	c.verdict("waits", v1alpha1.PhaseFailure)

	if err := c.Delete(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "orders"}}
	if err := c.Delete(t.Context(), set); err != nil {
		t.Fatal(err)
	}
	c.apply(checkYAML("later", `{input: 1, rules: [{name: n, module: {name: type, params: {field: $, type: number}}}]}`))
	c.verdict("later", v1alpha1.PhaseSuccess)
	c.verdict("waits", v1alpha1.PhaseFailure)
}

func TestDefaultRuleSets(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(orders)
	c.apply(checkYAML("bare", `{input: {amount: 99999, customer: x}}`))
	c.verdict("bare", v1alpha1.PhaseError)
	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "orders"}}
	edit(c, set, func() { set.Annotations = map[string]string{v1alpha1.DefaultRuleSetAnnotation: "true"} })
	c.verdict("bare", v1alpha1.PhaseFailure)
	edit(c, set, func() { set.Annotations = nil })
	c.verdict("bare", v1alpha1.PhaseError)
}

func TestSecretsStaySecret(t *testing.T) {
	const value = "correct-horse-battery"
	c := newCluster(t)
	c.start(testOptions())
	c.create(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "vault"},
		StringData: map[string]string{"config": `{"plan":"` + value + `","n":4711,"list":["` + value + `"]}`},
	})
	c.apply(checkYAML("secret", `
  inputFrom: {secretKeyRef: {name: vault, key: config}}
  rules:
  - {name: enum, module: {name: enum, params: {field: $.plan, values: [basic]}}}
  - {name: const, module: {name: const, params: {field: $.n, value: 1}}}
  - {name: cel, cel: {expression: "input.plan == 'x'", messageExpression: "'it is ' + input.plan"}}
  - {name: cel-error, cel: {expression: "int(input.plan) == 1"}}
  - {name: schema, jsonSchema: {properties: {plan: {const: basic}, n: {maximum: 3}}}}
  - {name: compare, module: {name: compare, params: {field: $.plan, other: $.n, operator: eq}}}
  - {name: unique, module: {name: contains, params: {field: $.list, value: x}}}
  - {name: pattern, module: {name: pattern, params: {field: $.plan, pattern: "^[0-9]+$"}}}
  - {name: sum, module: {name: sum, params: {field: $.n, equals: 1}}}`))
	k := c.verdict("secret", v1alpha1.PhaseFailure)
	text, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), value) || strings.Contains(string(text), "4711") {
		t.Errorf("the status quotes a secret value:\n%s", k.Status.Explanation)
	}
	if k.Status.Summary.Pass != 0 {
		t.Errorf("rules passed that should not have: %+v", k.Status.Results)
	}
	if k.Status.InputDigest != "" {
		t.Error("a digest lets a guess of the secret be confirmed")
	}
	events := eventsOf(c, k)
	for _, e := range events {
		if strings.Contains(e.Note, value) || strings.Contains(e.Note, "4711") {
			t.Errorf("an event quotes a secret value: %s", e.Note)
		}
	}
}

// eventsOf waits for the first events on an object.
func eventsOf(c *cluster, object client.Object) []eventsv1.Event {
	c.t.Helper()
	var events []eventsv1.Event
	err := wait.PollUntilContextTimeout(c.t.Context(), 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		list := &eventsv1.EventList{}
		if err := c.List(ctx, list, client.InNamespace(c.namespace)); err != nil {
			return false, err
		}
		events = nil
		for _, e := range list.Items {
			if e.Regarding.Name == object.GetName() && e.Regarding.UID == object.GetUID() {
				events = append(events, e)
			}
		}
		return len(events) > 0, nil
	})
	if err != nil {
		c.t.Fatalf("no event on %s: %v", object.GetName(), err)
	}
	return events
}

func TestEventsOnTransitionsOnly(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(orders)
	c.apply(checkYAML("noisy", `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	k := c.verdict("noisy", v1alpha1.PhaseFailure)
	events := eventsOf(c, k)
	if len(events) != 1 || events[0].Reason != "Failed" || events[0].Type != corev1.EventTypeWarning {
		t.Fatalf("events after the first failure: %+v", events)
	}
	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "orders"}}
	edit(c, set, func() { set.Spec.Rules[0].Message = "too much" })
	eventually(c, c.check("noisy"), "the new message", func(k *v1alpha1.Check) bool {
		return strings.Contains(k.Status.Explanation, "too much")
	})
	edit(c, set, func() { set.Spec.Rules = set.Spec.Rules[1:] })
	c.verdict("noisy", v1alpha1.PhaseSuccess)
	eventually(c, set, "an event of the recovery", func(*v1alpha1.RuleSet) bool { return len(eventsOf(c, k)) >= 2 })
	reasons := map[string]int{}
	for _, e := range eventsOf(c, k) {
		reasons[e.Reason]++
		if e.Series != nil {
			reasons[e.Reason] += int(e.Series.Count)
		}
	}
	if diff := cmp.Diff(map[string]int{"Failed": 1, "Recovered": 1}, reasons); diff != "" {
		t.Errorf("a changed wording made an event, or a recovery made none: -want +got\n%s", diff)
	}
}

func TestUnchangedWritesNothing(t *testing.T) {
	c := newCluster(t)
	op := c.start(testOptions())
	c.apply(orders)
	c.apply(checkYAML("still", `{input: {amount: 99999}, ruleSets: [{name: orders}]}`))
	c.apply(checkYAML("stuck", `{input: 1, ruleSets: [{name: nowhere}]}`))
	c.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "vault"}, StringData: map[string]string{"order": `{"amount": 99999}`}})
	c.apply(checkYAML("hidden", `{inputFrom: {secretKeyRef: {name: vault, key: order}}, ruleSets: [{name: orders}]}`))
	hidden := c.verdict("hidden", v1alpha1.PhaseFailure)
	before := c.verdict("still", v1alpha1.PhaseFailure)
	stuck := eventually(c, c.check("stuck"), "to wait", func(k *v1alpha1.Check) bool { return condition(k, "Stalled") != "absent" })
	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "orders"}}
	edit(c, set, func() { set.Labels = map[string]string{"a": "b"} })

	op.end(t)
	c.start(testOptions())
	c.apply(checkYAML("marker", `{input: {amount: 1, customer: x}, ruleSets: [{name: orders}]}`))
	c.verdict("marker", v1alpha1.PhaseSuccess)
	if after := c.verdict("still", v1alpha1.PhaseFailure); after.ResourceVersion != before.ResourceVersion {
		t.Error("a check that did not change was written after a restart")
	}
	if after := c.verdict("hidden", v1alpha1.PhaseFailure); after.ResourceVersion != hidden.ResourceVersion {
		t.Error("a check of a Secret that did not change was written after a restart")
	}
	if after := c.verdict("stuck", v1alpha1.PhasePending); after.ResourceVersion != stuck.ResourceVersion {
		t.Error("a check that waits was written after a restart")
	}
}

func TestSuspend(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(orders)
	c.apply(checkYAML("later", `{input: {amount: 1, customer: x}, ruleSets: [{name: orders}], suspend: true}`))
	k := eventually(c, c.check("later"), "to be suspended", func(k *v1alpha1.Check) bool {
		return condition(k, "Complete") == "False Suspended"
	})
	if condition(k, "Stalled") != "absent" {
		t.Error("a suspended check is not stalled")
	}
	edit(c, k, func() { k.Spec.Suspend = false })
	done := c.verdict("later", v1alpha1.PhaseSuccess)
	edit(c, done, func() { done.Spec.Suspend = true; done.Spec.Input.Raw = []byte(`{"amount": 99999}`) })
	c.apply(checkYAML("marker", `{input: {amount: 1, customer: x}, ruleSets: [{name: orders}]}`))
	c.verdict("marker", v1alpha1.PhaseSuccess)
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(done), done); err != nil || done.Status.Phase != v1alpha1.PhaseSuccess {
		t.Errorf("suspending took the verdict away: %s, %v", done.Status.Phase, err)
	}
}

func TestResourceRef(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(checkYAML("denied", `{inputFrom: {resourceRef: {apiVersion: v1, kind: Service, name: web}}, rules: [{name: r, module: {name: required, params: {field: $.spec}}}]}`))
	c.apply(checkYAML("cluster-scoped", `{inputFrom: {resourceRef: {apiVersion: v1, kind: Namespace, name: default}}, rules: [{name: r, module: {name: required, params: {field: $.spec}}}]}`))
	c.apply(checkYAML("unknown", `{inputFrom: {resourceRef: {apiVersion: example.org/v1, kind: Thing, name: x}}, rules: [{name: r, module: {name: required, params: {field: $.spec}}}]}`))
	c.apply(checkYAML("lower-case", `{inputFrom: {resourceRef: {apiVersion: v1, kind: secret, name: vault}}, rules: [{name: r, module: {name: const, params: {field: $.data.k, value: x}}}]}`))
	c.apply(checkYAML("secret-object", `{inputFrom: {resourceRef: {apiVersion: v1, kind: Secret, name: vault}}, rules: [{name: r, module: {name: const, params: {field: $.data.k, value: x}}}]}`))
	for name, reason := range map[string]string{
		"denied": "True InputForbidden", "cluster-scoped": "True InputForbidden", "unknown": "True InputNotFound", "secret-object": "True InputNotFound", "lower-case": "True InputNotFound",
	} {
		eventually(c, c.check(name), reason, func(k *v1alpha1.Check) bool { return condition(k, "Stalled") == reason })
	}
	c.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "vault"}, Data: map[string][]byte{"k": []byte("hush")}})
	waits := c.check("lower-case")
	if k := c.verdict("secret-object", v1alpha1.PhaseFailure); strings.Contains(k.Status.Explanation, "aHVzaA==") {
		t.Errorf("the status quotes a Secret: %s", k.Status.Explanation)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(c.check("lower-case")), waits); err != nil || waits.Status.Phase != v1alpha1.PhasePending {
		t.Errorf("the lower-case kind came to %s, %v: %s", waits.Status.Phase, err, waits.Status.Explanation)
	}
}

// TestImpossibleReferences covers inputs that can never be there: each is an Error at once.
func TestImpossibleReferences(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	for name, from := range map[string]string{
		"itself":     `resourceRef: {apiVersion: checky.dev/v1alpha1, kind: Check, name: itself}`,
		"no-version": `resourceRef: {apiVersion: "/", kind: Secret, name: x}`,
		"elsewhere":  `resourceRef: {apiVersion: ../v1, kind: Secret, name: x}`,
		"slash":      `configMapKeyRef: {name: a/b, key: k}`,
		"dots":       `secretKeyRef: {name: .., key: k}`,
	} {
		c.apply(checkYAML(name, `{inputFrom: {`+from+`}, rules: [{name: r, module: {name: required, params: {field: $.spec}}}]}`))
		if k := c.verdict(name, v1alpha1.PhaseError); condition(k, "Complete") != "True InvalidSpec" {
			t.Errorf("%s: %+v", name, k.Status.Conditions)
		}
	}
}
