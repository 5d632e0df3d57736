//go:build linux

package alertd_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers"
)

// startController runs the operator, under its own role, until the test ends.
func (c *cluster) startController() {
	c.t.Helper()
	options := controllers.DefaultOptions()
	options.MetricsAddress, options.HealthAddress = "0", "0"
	options.MaxFinished = 0
	ctx, stop := context.WithCancel(context.WithoutCancel(c.t.Context()))
	mgr, err := controllers.New(ctx, c.as("checky-controller"), options, prometheus.NewRegistry())
	if err != nil {
		stop()
		c.t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- mgr.Start(ctx) }()
	c.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			c.t.Errorf("the controller ended: %v", err)
		}
	})
}

// orders creates the rule set of that name: an order's amount, which is an error, and its currency, which is critical.
func (c *cluster) orders() *v1alpha1.RuleSet {
	c.t.Helper()
	module := func(name, params string) *v1alpha1.ModuleRule {
		return &v1alpha1.ModuleRule{Name: name, Params: v1alpha1.JSON{Raw: []byte(params)}}
	}
	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Name: "orders", Namespace: c.namespace}}
	set.Spec.Rules = []v1alpha1.Rule{
		{Name: "amount-range", Module: module("range", `{"field": "$.amount", "max": 10000}`)},
		{Name: "currency", Severity: v1alpha1.SeverityCritical, Module: module("enum", `{"field": "$.currency", "values": ["EUR"]}`)},
	}
	c.create(set)
	c.t.Cleanup(func() {
		if err := client.IgnoreNotFound(c.Delete(context.Background(), set)); err != nil {
			c.t.Errorf("delete the rule set: %v", err)
		}
	})
	return set
}

// pay changes a Check's payload, and returns when there is a verdict on it.
func (c *cluster) pay(check *v1alpha1.Check, amount int, currency string) {
	c.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := c.Get(c.t.Context(), client.ObjectKeyFromObject(check), check); err != nil {
			return err
		}
		check.Spec.InputJSON = order(amount, currency)
		return c.Update(c.t.Context(), check)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.judged(check, func() bool { return true })
}

// judged waits for the controller's verdict on a Check as it is, and for one that holds.
func (c *cluster) judged(check *v1alpha1.Check, holds func() bool) {
	c.t.Helper()
	until(c.t, "the controller's verdict", func() bool {
		if err := c.Get(c.t.Context(), client.ObjectKeyFromObject(check), check); err != nil {
			c.t.Fatal(err)
		}
		return check.Status.ObservedGeneration == check.Generation &&
			apimeta.IsStatusConditionTrue(check.Status.Conditions, v1alpha1.ConditionComplete) && holds()
	})
}

// TestReevaluatedFiftyTimes has the real controller evaluate a failing Check again and again: another payload, or another text of the rule,
// that fails the same rule at the same place is the failure that was announced, and what fails otherwise is another one.
func TestReevaluatedFiftyTimes(t *testing.T) {
	c := newCluster(t)
	c.startController()
	set := c.orders()
	c.policy(nil)
	r := c.room()
	d := r.start(serving)
	check := c.pending("a")
	c.pay(check, 20000, "EUR")
	d.announced(1)
	first := check.Status

	const times = 50
	texts := map[string]bool{first.Explanation: true}
	for i := range times {
		if i%2 == 0 {
			c.pay(check, 20001+i, "EUR")
		} else {
			before := check.Status.RulesDigest
			patch := client.MergeFrom(set.DeepCopy())
			set.Spec.Rules[0].Message = fmt.Sprintf("amount must be at most 10000 (rule of order, edition %d)", i)
			if err := c.Patch(t.Context(), set, patch); err != nil {
				t.Fatal(err)
			}
			c.judged(check, func() bool { return check.Status.RulesDigest != before })
		}
		texts[check.Status.Explanation] = true
		if check.Status.Alert.Key != first.Alert.Key || check.Status.Phase != v1alpha1.PhaseFailure {
			t.Fatalf("evaluation %d: the facts have changed: %+v, before %+v", i, check.Status.Alert, first.Alert)
		}
	}
	if len(texts) != times+1 {
		t.Errorf("%d explanations, want %d that differ: the Check was not evaluated each time", len(texts), times+1)
	}

	// Another verdict, and the daemon, which sees changes in their order, has seen all before it by the time it is heard.
	c.pay(check, 20000, "USD")
	if check.Status.Alert.Key == first.Alert.Key {
		t.Fatal("the facts have not changed")
	}
	lines := d.announced(2)
	if got := lines[1].text("severity"); got != "critical" {
		t.Errorf("the changed verdict was announced as %s, want critical", got)
	}
	// What failed, passes, and fails as before is another failure.
	c.pay(check, 1, "EUR")
	c.pay(check, 20000, "EUR")
	d.announced(3)
	d.stop()

	var patterns []string
	for _, recording := range r.heard() {
		patterns = append(patterns, recording.Pattern)
	}
	if got := fmt.Sprint(patterns); got != "[medium high medium]" {
		t.Errorf("heard %s, want medium for the failure, high for another verdict, medium for the failure that came back", got)
	}
	notes := c.events(check)
	if len(notes) != 3 {
		t.Errorf("events: %q, want 3", notes)
	}
	t.Logf("%d evaluations with unchanged facts, and as many explanations: announced once; heard in all, with two other failures: %q",
		times+1, patterns)
}
