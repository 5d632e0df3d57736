//go:build linux

package alertd_test

import (
	"context"
	"flag"
	"strings"
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
)

var many = flag.Int("checks", 1000, "how many Checks there are where a test measures the daemon's memory")

// What the daemon may take. Twice and more what was measured on amd64 with Go 1.26: some 1.2 KiB of heap for a failing Check, of which its
// payload, its findings and its explanation are no part.
const (
	failingHeap = 3 << 10   // bytes of heap for each failing Check
	passingHeap = 64        // bytes of heap for each that passes: none, up to what two measurements differ by
	heapSlack   = 1 << 20   // bytes by which two measurements differ whatever there is
	memoryLimit = 256 << 10 // KiB: the limit of the DaemonSet in config/alertd
)

// manyPassing creates Checks that pass, and have all that one of some size has: 1 KiB each of payload, annotations and explanation, and ten
// results.
func (c *cluster) manyPassing(n int) []*v1alpha1.Check {
	c.t.Helper()
	kilobyte := strings.Repeat("0123456789abcdef", 64)
	checks := c.manyPending(n, func(check *v1alpha1.Check) {
		check.Labels = map[string]string{"app.kubernetes.io/name": "orders", "team": "payments"}
		check.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": kilobyte}
		check.Spec.InputJSON = `{"amount": 99999, "note": "` + kilobyte + `"}`
	})
	each(c.t, n, func(ctx context.Context, i int) error {
		status := &checks[i].Status
		status.Phase, status.Explanation = v1alpha1.PhaseSuccess, kilobyte
		for range 10 {
			status.Results = append(status.Results, v1alpha1.Result{
				Rule: "orders/amount-range", Outcome: v1alpha1.OutcomePass, Severity: v1alpha1.SeverityError,
				Message: "amount must be above 0 and at most 10000", Path: "/amount",
			})
		}
		return c.Status().Update(ctx, checks[i])
	})
	return checks
}

// measured is what a daemon takes that finds the cluster as it is, and has announced so many failures.
func (c *cluster) measured(failing int) usage {
	c.t.Helper()
	setenv := c.t.(*testing.T).Setenv //nolint:forcetypeassert // no benchmark measures this
	r := c.room()
	setenv("GOGC", "100")
	d := r.start(serving)
	d.accountsFor(failing)
	u := d.usage()
	d.stop()
	// With little garbage what is allocated is what is in use. This daemon finds all failures in its journal.
	setenv("GOGC", "5")
	d = r.start(serving)
	until(c.t, "nothing waits", func() bool { return d.metric("checky_alertd_waiting") == 0 })
	settled := d.usage()
	u.heap, u.journal = settled.heap, settled.journal
	if lines := d.logged("Announced"); len(lines) > 0 {
		c.t.Errorf("the restarted daemon announced %v", lines)
	}
	d.stop()
	return u
}

// TestMemoryOfManyChecks: Checks that pass cost the daemon nothing, since the API server doesn't even tell of them, and each that fails
// little.
func TestMemoryOfManyChecks(t *testing.T) {
	c := newCluster(t)
	c.floodPolicy()
	empty := c.measured(0)
	t.Logf("no Checks: %v", empty)

	checks := c.manyPassing(*many)
	passing := c.measured(0)
	t.Logf("%d that pass: %v", *many, passing)
	if grown := (passing.heap - empty.heap) << 10; grown > heapSlack+*many*passingHeap {
		t.Errorf("%d Checks that pass take %d bytes of heap", *many, grown)
	}

	each(t, *many, func(ctx context.Context, i int) error { return c.verdict(ctx, checks[i], v1alpha1.SeverityError, "x") })
	failing := c.measured(*many)
	grown := (failing.heap - empty.heap) << 10
	t.Logf("%d that fail: %v", *many, failing)
	t.Logf("a Check that passes takes %d bytes of heap; one that fails %d bytes of heap, %d bytes resident and %d bytes of the journal",
		((passing.heap-empty.heap)<<10) / *many, grown / *many, ((failing.resident-empty.resident)<<10) / *many,
		int(failing.journal-empty.journal) / *many)
	if grown > heapSlack+*many*failingHeap {
		t.Errorf("%d Checks that fail take %d bytes of heap", *many, grown)
	}
	if failing.resident > memoryLimit {
		t.Errorf("%d KiB resident are more than the %d KiB that the daemon is deployed with", failing.resident, memoryLimit)
	}
}
