//go:build linux

package alertd_test

import (
	"context"
	"flag"
	"strings"
	"testing"

	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

var many = flag.Int("checks", 1000, "how many Checks there are where a test measures the daemon's memory")

// What the daemon may take. Twice and more what was measured on amd64 with Go 1.26: some 3 KiB of heap for a failing Check, of which its
// payload, its findings and its explanation are no part.
const (
	failingHeap = 8 << 10   // bytes of heap for each failing Check
	passingHeap = 64        // bytes of heap for each that passes: none, up to what two measurements differ by
	heapSlack   = 1 << 20   // bytes by which two measurements differ whatever there is
	memoryLimit = 192 << 10 // KiB: the limit of the DaemonSet in config/alertd
)

// fill gives Checks all that a Check of some size has: 1 KiB each of payload, annotations and explanation, and ten findings.
func (c *cluster) fill(checks []*v1alpha1.Check) {
	c.t.Helper()
	kilobyte := strings.Repeat("0123456789abcdef", 64)
	each(c.t, len(checks), func(ctx context.Context, i int) error {
		check := checks[i]
		patch := client.MergeFrom(check.DeepCopy())
		check.Labels = map[string]string{"app.kubernetes.io/name": "orders", "team": "payments"}
		check.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": kilobyte}
		check.Spec.InputJSON = `{"amount": 99999, "note": "` + kilobyte + `"}`
		if err := c.Patch(ctx, check, patch); err != nil {
			return err
		}
		return retry.RetryOnConflict(retry.DefaultRetry, func() error {
			check.Status.Phase, check.Status.Explanation = v1alpha1.PhasePending, kilobyte
			check.Status.Results = nil
			for range 10 {
				check.Status.Results = append(check.Status.Results, v1alpha1.Result{
					Rule: "orders/amount-range", Outcome: v1alpha1.OutcomeFail, Severity: v1alpha1.SeverityError,
					Message: "amount must be above 0 and at most 10000; found 99999", Path: "/amount",
				})
			}
			return c.Status().Update(ctx, check)
		})
	})
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
	u.heap = d.usage().heap
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

	checks := c.manyPending(*many)
	c.fill(checks)
	judge := func(severity v1alpha1.Severity) {
		each(t, len(checks), func(ctx context.Context, i int) error { return c.verdict(ctx, checks[i], severity, "x") })
	}
	judge("")
	passing := c.measured(0)
	t.Logf("%d that pass: %v", *many, passing)
	if grown := (passing.heap - empty.heap) << 10; grown > heapSlack+*many*passingHeap {
		t.Errorf("%d Checks that pass take %d bytes of heap", *many, grown)
	}

	judge(v1alpha1.SeverityError)
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
