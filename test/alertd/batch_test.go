//go:build linux

package alertd_test

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// payAll changes the payloads of a batch, and returns when there is a verdict on them.
func (c *cluster) payAll(check *v1alpha1.Check, payloads ...string) {
	c.t.Helper()
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := c.Get(c.t.Context(), client.ObjectKeyFromObject(check), check); err != nil {
			return err
		}
		check.Spec.Inputs = inputs(payloads)
		return c.Update(c.t.Context(), check)
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.judged(check, func() bool { return true })
}

func inputs(payloads []string) []v1alpha1.BatchInput {
	list := make([]v1alpha1.BatchInput, len(payloads))
	for i, text := range payloads {
		list[i] = v1alpha1.BatchInput{Name: fmt.Sprintf("order %d", i), InputJSON: text}
	}
	return list
}

// TestABatchIsOneFailure has the real controller evaluate a batch of which several payloads fail: that is heard once, and again when
// another payload fails, or one fails otherwise. Other values that fail the same rules at the same places are the failure that was announced.
func TestABatchIsOneFailure(t *testing.T) {
	c := newCluster(t)
	c.startController()
	c.orders()
	c.policy(nil)
	r := c.room()
	d := r.start(serving)

	good, high := order(1, "EUR"), order(20000, "EUR")
	check := &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{Name: "batch", Namespace: c.namespace},
		Spec:       v1alpha1.CheckSpec{Inputs: inputs([]string{good, high, high, `{"amount": `}), RuleSets: []v1alpha1.RuleSetReference{{Name: "orders"}}},
	}
	c.create(check)
	c.judged(check, func() bool { return true })
	d.announced(1)
	first := check.Status.Alert.Key

	for i := range 5 {
		c.payAll(check, order(2+i, "EUR"), order(30000+i, "EUR"), order(40000+i, "EUR"), `[`)
		if check.Status.Alert.Key != first {
			t.Fatalf("evaluation %d: the facts have changed", i)
		}
	}
	// The daemon sees changes in their order: it has seen all before one by the time that is heard.
	c.payAll(check, good, high, order(20000, "USD"), `{"amount": `)
	if got := d.announced(2)[1].text("severity"); got != "critical" {
		t.Errorf("a payload that fails otherwise was announced as %s, want critical", got)
	}
	c.payAll(check, high, good, good, good)
	d.announced(3)
	c.payAll(check, good, good, good, good)
	d.stop()

	var patterns []string
	for _, recording := range r.heard() {
		patterns = append(patterns, recording.Pattern)
	}
	if got := fmt.Sprint(patterns); got != "[medium high medium]" {
		t.Errorf("heard %s, want medium for the batch, high for a payload that fails otherwise, medium for another payload", got)
	}
	if notes := c.events(check); len(notes) != 3 {
		t.Errorf("events: %q, want 3", notes)
	}
}
