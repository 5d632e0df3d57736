package operator_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

// mixedBatch has one payload of each kind.
const mixedBatch = `{ruleSets: [{name: orders}], inputs: [
  {name: A-1, input: {amount: 10, customer: x}},
  {name: A-2, input: {amount: 20000, customer: x}},
  {name: A-3, inputJSON: '{"amount": '},
  {inputJSON: '{"amount": 10000.000000000000000000001, "customer": "y"}'},
  {name: A-5, input: {customer: z}}]}`

// offline is the verdict that the engine gives on a Check's payloads by the rule set of orders, without a cluster.
func offline(t *testing.T, c *cluster, inputs []v1alpha1.BatchInput) v1alpha1.Verdict {
	t.Helper()
	set, err := decode(c.Scheme(), orders)
	if err != nil {
		t.Fatal(err)
	}
	program, err := engine.NewProgram("", builtin.New().Compile("orders", set.(*v1alpha1.RuleSet).Spec.Rules))
	if err != nil {
		t.Fatal(err)
	}
	batch := (&engine.Engine{Retriever: shippedKnowledge(t)}).NewBatch(engine.BatchOptions{Program: program, Now: time.Now()})
	for _, item := range engine.Items(inputs) {
		batch.Add(t.Context(), []engine.Item{item})
	}
	outcome := batch.Outcome(t.Context())
	return outcome.Verdict
}

func TestBatch(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(orders)
	c.apply(checkYAML("mixed", mixedBatch))
	k := c.verdict("mixed", v1alpha1.PhaseFailure)
	if diff := cmp.Diff(text(t, offline(t, c, k.Spec.Inputs)), text(t, k.Status.Verdict)); diff != "" {
		t.Errorf("-offline +cluster\n%s", diff)
	}
	b := k.Status.Batch
	if b == nil || b.Total != 5 || b.Succeeded != 2 || b.FailedIndexes != "1,3" || b.ErroredIndexes != "2" {
		t.Fatalf("batch: %+v", b)
	}
	if !strings.Contains(b.Items[1].Results[0].Message, "10000.000000000000000000001") {
		t.Errorf("digits were lost: %s", b.Items[1].Results[0].Message)
	}
	if condition(k, "Passed") != "False RulesFailed" || condition(k, "Complete") != "True Evaluated" {
		t.Errorf("conditions: %+v", k.Status.Conditions)
	}
	c.noted("mixed", "Failed", "Failure: of 5 payloads, 2 failed, 1 could not be evaluated, 2 passed: orders/amount-range")
}

// noted waits for an Event on a Check, and compares its note.
func (c *cluster) noted(check, reason, note string) {
	c.t.Helper()
	list := &eventsv1.EventList{}
	eventually(c, c.check(check), "an Event "+reason, func(k *v1alpha1.Check) bool {
		if err := c.List(c.t.Context(), list, client.InNamespace(c.namespace)); err != nil {
			c.t.Fatal(err)
		}
		for i := range list.Items {
			if e := &list.Items[i]; e.Regarding.UID == k.UID && e.Reason == reason {
				if diff := cmp.Diff(note, e.Note); diff != "" {
					c.t.Errorf("note: -want +got\n%s", diff)
				}
				return true
			}
		}
		return false
	})
}

// TestBatchIsEvaluatedAgain changes what a batch's verdict depends on, while the controller's cache holds none of its payloads.
func TestBatchIsEvaluatedAgain(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(orders)
	c.apply(checkYAML("again", mixedBatch))
	before := c.verdict("again", v1alpha1.PhaseFailure)

	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "orders"}}
	edit(c, set, func() { set.Spec.Rules[0].Module.Params.Raw = []byte(`{"field":"$.amount","max":30000}`) })
	k := c.verdict("again", v1alpha1.PhaseError)
	if k.Status.Batch.Succeeded != 4 || k.Status.Batch.ErroredIndexes != "2" || k.Status.RulesDigest == before.Status.RulesDigest {
		t.Errorf("after the rule set was changed: %+v", k.Status.Batch)
	}
	if condition(k, "Passed") != "Unknown InvalidInput" {
		t.Errorf("conditions: %+v", k.Status.Conditions)
	}
	edit(c, k, func() { k.Spec.Inputs[2].InputJSON = `{"amount": 30001, "customer": "z"}` })
	k = c.verdict("again", v1alpha1.PhaseFailure)
	if k.Status.Batch.FailedIndexes != "2" || k.Status.Batch.Errored != 0 {
		t.Errorf("after a payload was changed: %+v", k.Status.Batch)
	}
	edit(c, k, func() { k.Spec.Inputs = k.Spec.Inputs[:2] })
	if k = c.verdict("again", v1alpha1.PhaseSuccess); k.Status.Batch.Total != 2 || len(k.Status.Batch.Items) != 0 {
		t.Errorf("after payloads were taken out: %+v", k.Status.Batch)
	}
	c.noted("again", "Recovered", "Success: all 2 payloads passed.")
	edit(c, k, func() { k.Spec.Inputs, k.Spec.InputJSON = nil, `{"amount": 1, "customer": "z"}` })
	k = eventually(c, c.check("again"), "the verdict on one payload", func(k *v1alpha1.Check) bool {
		return k.Status.Phase == v1alpha1.PhaseSuccess && k.Status.ObservedGeneration == k.Generation
	})
	if k.Status.Batch != nil || len(k.Status.Results) == 0 {
		t.Errorf("a Check that is no batch any more: %+v", k.Status.Verdict)
	}
}

func TestBatchTTL(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(orders)
	c.apply(checkYAML("short", `{ttlSecondsAfterFinished: 0, ruleSets: [{name: orders}], inputs: [{input: {amount: 10, customer: x}}]}`))
	c.gone(c.check("short"))
}

// TestLargestBatch stores batches that go up to every limit at once, each payload failing by every rule: nothing is left out for want of
// room.
func TestLargestBatch(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	c.apply(orders)
	filler := strings.Repeat("x", rules.MaxBatchBytes/rules.MaxBatchItems-len(`{"amount":99999,"note":""}`))
	payload := `{"amount":99999,"note":"` + filler + `"}`
	for name, input := range map[string]v1alpha1.BatchInput{
		"values": {Input: v1alpha1.JSON{Raw: []byte(payload)}},
		"texts":  {InputJSON: payload},
	} {
		t.Run(name, func(t *testing.T) {
			k := c.check(name)
			k.Spec.RuleSets = []v1alpha1.RuleSetReference{{Name: "orders"}}
			k.Spec.Rules = longRules(20, "m")
			for i := range rules.MaxBatchItems {
				input.Name = fmt.Sprintf("order-of-march-%04d", i)
				k.Spec.Inputs = append(k.Spec.Inputs, input)
			}
			c.create(k)
			k = c.verdict(name, v1alpha1.PhaseFailure)
			whole, err := json.Marshal(k)
			if err != nil {
				t.Fatal(err)
			}
			items, err := json.Marshal(k.Status.Batch.Items)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d bytes of JSON, %d of them items: %d payloads of %d", len(whole), len(items), len(k.Status.Batch.Items), len(k.Spec.Inputs))
			if k.Status.Batch.FailedIndexes != "0-999" || k.Status.Summary.Fail != 22*rules.MaxBatchItems {
				t.Errorf("failed: %s, %d rules", k.Status.Batch.FailedIndexes, k.Status.Summary.Fail)
			}
			if len(items) < rules.MaxBatchResultBytes*9/10 || strings.Contains(k.Status.Explanation, "left out") {
				t.Errorf("the items take %d bytes of %d: %s", len(items), rules.MaxBatchResultBytes, k.Status.Explanation)
			}
		})
	}
}

// TestBatchLeavesNoRoom has texts that take much more room as a string in JSON than they have bytes: the API server just stores them, and no
// findings beside them.
func TestBatchLeavesNoRoom(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	k := c.check("quotes")
	k.Spec.Rules = longRules(20, "<")
	text := "[" + strings.Repeat(`"",`, (rules.MaxPayloadBytes-4)/3) + `""]`
	for range rules.MaxBatchBytes / rules.MaxPayloadBytes {
		k.Spec.Inputs = append(k.Spec.Inputs, v1alpha1.BatchInput{InputJSON: text})
	}
	c.create(k)
	k = c.verdict("quotes", v1alpha1.PhaseFailure)
	want := &v1alpha1.BatchVerdict{Total: 3, Failed: 3, FailedIndexes: "0-2", Truncated: 3}
	if diff := cmp.Diff(want, k.Status.Batch); diff != "" || !strings.HasSuffix(k.Status.Explanation, "Make smaller batches, and move rules from the Check to RuleSets.") {
		t.Errorf("%s: -want +got\n%s", k.Status.Explanation, diff)
	}
	if k.Status.Summary.Fail != 60 {
		t.Errorf("summary: %+v", k.Status.Summary)
	}
}

// longRules fail every payload at great length.
func longRules(n int, letter string) []v1alpha1.Rule {
	list := make([]v1alpha1.Rule, n)
	for i := range list {
		list[i] = v1alpha1.Rule{
			Name: fmt.Sprintf("missing-%02d", i), Message: strings.Repeat(letter, 1000),
			Module: &v1alpha1.ModuleRule{Name: "required", Params: v1alpha1.JSON{Raw: []byte(`{"field":"$.missing"}`)}},
		}
	}
	return list
}

// largeInputs are so many payloads of so many bytes each.
func largeInputs(n, size int) string {
	return `{rules: [{name: x, module: {name: type, params: {field: $, type: string}}}], inputs: [` +
		strings.TrimSuffix(strings.Repeat(`{inputJSON: '"`+strings.Repeat("x", size-2)+`"'}, `, n), ", ") + `]}`
}

// TestBatchThatCannotBe has what the webhooks refuse, where none are installed.
func TestBatchThatCannotBe(t *testing.T) {
	c := newCluster(t)
	c.start(testOptions())
	for name, tc := range map[string]struct{ spec, want string }{
		"large":   {largeInputs(4, rules.MaxBatchBytes/4+1), "Error: spec.inputs: its payloads have 786436 bytes together, and one Check takes at most 786432 (768 KiB); make several Checks of them"},
		"neither": {`{inputs: [{input: 1}, {name: x}]}`, "Error: spec.inputs[1]: set exactly one of input and inputJSON"},
		"both":    {`{inputs: [{input: 1, inputJSON: "1"}]}`, "Error: spec.inputs[0]: set exactly one of input and inputJSON"},
		"beside":  {`{input: 1, inputs: [{input: 1}]}`, "Error: spec has several inputs; set exactly one of spec.input, spec.inputs, spec.inputFrom and spec.inputJSON"},
	} {
		t.Run(name, func(t *testing.T) {
			c.apply(checkYAML(name, tc.spec))
			k := c.verdict(name, v1alpha1.PhaseError)
			head, _, _ := strings.Cut(k.Status.Explanation, "\n")
			if diff := cmp.Diff(tc.want, head); diff != "" || condition(k, "Complete") != "True InvalidSpec" || k.Status.Batch != nil {
				t.Errorf("%s: -want +got\n%s", condition(k, "Complete"), diff)
			}
		})
	}
}
