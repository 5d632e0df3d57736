package e2e_test

import (
	"context"
	"fmt"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// expectedPhase annotates each sample with the phase that it should come to.
const expectedPhase = "checky.dev/expected-phase"

// samples applies config/samples and waits for each verdict. It ends with what kubectl shows.
func (c *cluster) samples() {
	c.t.Helper()
	c.kubectl("apply", "-f", "config/samples")
	var list v1alpha1.CheckList
	c.await("the samples' verdicts", func(ctx context.Context) error {
		if err := c.List(ctx, &list, client.InNamespace("default")); err != nil {
			return err
		}
		for i := range list.Items {
			check := &list.Items[i]
			if want := check.Annotations[expectedPhase]; string(check.Status.Phase) != want {
				return fmt.Errorf("%s is %q, and should be %s", check.Name, check.Status.Phase, want)
			}
		}
		return nil
	})
	if len(list.Items) < 10 {
		c.t.Errorf("there are %d samples", len(list.Items))
	}
	table := c.kubectl("get", "checks")
	c.t.Logf("$ kubectl get checks\n%s", table)
	if rows := strings.Count(table, "\n") - 1; rows != len(list.Items) {
		c.t.Errorf("kubectl get checks shows %d of %d Checks", rows, len(list.Items))
	}
	did(c.t, "samples: %d verdicts, all as expected", len(list.Items))
}
