package operator_test

import (
	"context"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// tries is how often an informer is to have tried in vain: client-go's own back-off takes some minutes for as many.
const tries = 10

// TestOutage takes the API server away for as long as informers take to try often: they go on trying at the same pace, so that the operator works
// again as soon as the API server does.
func TestOutage(t *testing.T) {
	c := newCluster(t)
	_, tr := c.startCounted()
	c.apply(orders)
	c.apply(checkYAML("before", `{input: {amount: 1, customer: x}, ruleSets: [{name: orders}]}`))
	c.verdict("before", v1alpha1.PhaseSuccess)

	cp := controlplanetest.Start(t)
	if err := cp.StopAPIServer(); err != nil {
		t.Fatal(err)
	}
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return tr.unanswered("GET checks") >= tries && tr.unanswered("GET rulesets") >= tries, nil
	})
	if startErr := cp.StartAPIServer(context.WithoutCancel(t.Context())); startErr != nil {
		t.Fatal(startErr)
	}
	if err != nil {
		t.Fatalf("informers do not go on trying: %v", err)
	}
	began := time.Now()
	eventually(c, c.check("before"), "the API server serves", func(*v1alpha1.Check) bool { return true })
	c.apply(checkYAML("after", `{input: {amount: 1, customer: x}, ruleSets: [{name: orders}]}`))
	c.verdict("after", v1alpha1.PhaseSuccess)
	t.Logf("a verdict came %s after the API server was back", time.Since(began).Round(10*time.Millisecond))
}
