package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// refused is a RuleSet that the webhooks do not take.
const refused = `{apiVersion: checky.dev/v1alpha1, kind: RuleSet, metadata: {name: refused, namespace: default}, spec: {rules: [{name: r, cel: {expression: "1 +"}}]}}`

// TestUpgrade installs an older Checky - the last release, or what -from names - and upgrades it as docs/lifecycle.md says, and goes back, while
// Checks come in from two sides.
func TestUpgrade(t *testing.T) {
	c := newCluster(t)
	older := os.Getenv(olderEnv)
	c.load(older)
	from := filepath.Join(older, olderManifests)
	c.kubectl("apply", "-f", from)
	c.settled(inTurn...)
	name, tag := os.Getenv(olderNameEnv), os.Getenv(olderTagEnv)
	c.runs(tag, "")
	did(t, "kubectl apply of config/dev of %s, whose images have the tag %s", name, tag)
	c.bulk("before-", 50)
	c.decided("before-", 50)
	stood := c.statuses("before-")
	load := c.startLoad(20, 0)

	done := c.change(load, "in-flight-", "apply", "-k", "config/dev")
	c.runs("", tag)
	did(t, "kubectl apply -k config/dev over it, 200 Checks applied while Pods were replaced; %s", done)
	if diff := cmp.Diff(stood, c.statuses("before-")); diff != "" {
		t.Errorf("verdicts that stood are not given anew (-before +after):\n%s", diff)
	}
	c.kubectl("get", "checky", "-A", "-o", "yaml")
	// An error is a difference: the cluster has what this checkout says, roles and kinds among it.
	c.kubectl("diff", "-k", "config/dev")
	c.refuses()
	did(t, "after it %d verdicts that stood are unchanged, all objects are readable, kubectl diff finds none, webhooks refuse", len(stood))

	done = c.change(load, "going-back-", "apply", "-f", from, "-l", "app.kubernetes.io/name=checky")
	c.runs(tag, "")
	if diff := cmp.Diff(stood, c.statuses("before-")); diff != "" {
		t.Errorf("verdicts that stood are not given anew by going back (-before +after):\n%s", diff)
	}
	c.refuses()
	did(t, "going back, with the kinds left, 200 Checks applied meanwhile; %s", done)
	did(t, "upgrade and return: %s", load.finish())
	c.restFlow()
}

// change has kubectl do something that replaces all Pods, and 200 Checks applied meanwhile, and waits for their verdicts and those of the load. It returns
// what the load did in that time.
func (c *cluster) change(l *load, name string, args ...string) counts {
	c.t.Helper()
	l.calm()
	before := l.now()
	c.kubectl(args...)
	if out := c.kubectl("-n", system, "rollout", "status", inTurn[0], "--watch=false"); strings.Contains(out, "successfully") {
		c.t.Errorf("the controller was replaced before Checks are applied: %s", out)
	}
	c.bulk(name, 200)
	c.settled(inTurn...)
	c.decided(name, 200)
	l.calm()
	return l.now().since(before)
}

// runs holds all Pods to images with a tag, and without another.
func (c *cluster) runs(tag, not string) {
	c.t.Helper()
	for _, component := range []string{"controller", "apiserver", "alertd"} {
		for _, pod := range c.pods(component) {
			image := pod.Spec.Containers[0].Image
			if !strings.HasSuffix(image, tag) || not != "" && strings.HasSuffix(image, not) {
				c.t.Errorf("Pod %s runs %s", pod.Name, image)
			}
		}
	}
}

// statuses are those of Checks that were applied.
func (c *cluster) statuses(name string) map[string]v1alpha1.CheckStatus {
	c.t.Helper()
	var list v1alpha1.CheckList
	if err := c.List(c.t.Context(), &list, client.InNamespace("default")); err != nil {
		c.t.Fatal(err)
	}
	found := map[string]v1alpha1.CheckStatus{}
	for i := range list.Items {
		if strings.HasPrefix(list.Items[i].Name, name) {
			found[list.Items[i].Name] = list.Items[i].Status
		}
	}
	return found
}

// refuses waits until the webhooks do: while none can be reached, everything is taken.
func (c *cluster) refuses() {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), "refused.yaml")
	if err := os.WriteFile(path, []byte(refused), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.await("a refusal by the webhooks", func(ctx context.Context) error {
		out, err := c.command(ctx, c.KubectlPath(), "apply", "--dry-run=server", "-f", path)
		if err == nil || !strings.Contains(out, "cel.expression") {
			return fmt.Errorf("%w, %s", err, out)
		}
		return nil
	})
}
