package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// amountOf is the amount of an order, of which every other fails, and the phase that it comes to.
func amountOf(n int) (int, v1alpha1.Phase) {
	if n%2 == 0 {
		return n % 100, v1alpha1.PhaseSuccess
	}
	return 101 + n, v1alpha1.PhaseFailure
}

// bulk has kubectl apply as many Checks in the namespace default, whose names are numbered.
func (c *cluster) bulk(name string, many int) {
	c.t.Helper()
	var text strings.Builder
	for n := range many {
		amount, _ := amountOf(n)
		fmt.Fprintf(&text, `---
apiVersion: checky.dev/v1alpha1
kind: Check
metadata: {name: %s%d, namespace: default}
spec: {input: {amount: %d}, rules: [{name: amount, module: {name: range, params: {field: $.amount, max: 100}}}]}
`, name, n, amount)
	}
	path := filepath.Join(c.t.TempDir(), "checks.yaml")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.kubectl("apply", "-f", path)
}

// decided waits until each of the applied Checks has its verdict, which is the right one.
func (c *cluster) decided(name string, many int) {
	c.t.Helper()
	c.await(fmt.Sprintf("%d verdicts of %s", many, name), func(ctx context.Context) error {
		is := map[string]v1alpha1.Phase{}
		var list v1alpha1.CheckList
		if err := c.List(ctx, &list, client.InNamespace("default")); err != nil {
			return err
		}
		for i := range list.Items {
			is[list.Items[i].Name] = list.Items[i].Status.Phase
		}
		var errs []error
		for n := range many {
			if _, want := amountOf(n); is[fmt.Sprint(name, n)] != want {
				errs = append(errs, fmt.Errorf("%s%d is %q, should be %s", name, n, is[fmt.Sprint(name, n)], want))
			}
		}
		return errors.Join(errs[:min(len(errs), 10)]...)
	})
}
