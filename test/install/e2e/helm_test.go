package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// recordings are the values for nodes without a sound card.
const recordings = "charts/checky/ci/recordings-values.yaml"

// TestHelm goes a release's way: installed, used, asked by helm test, changed under load, taken away, put back, and removed with all that it left.
func TestHelm(t *testing.T) {
	c := newCluster(t)
	install := []string{"install", "checky", "charts/checky", "-n", system, "--create-namespace", "-f", recordings, "--wait", "--timeout=" + patience.String()}
	notes := c.helm(install...)
	c.allReady()
	did(t, "helm install --wait: all Pods ready")
	c.samples()
	c.restFlow()
	c.heard()

	if out := c.helm("test", "checky", "-n", system, "--timeout="+patience.String()); !strings.Contains(out, "Phase:          Succeeded") {
		t.Errorf("helm test printed\n%s", out)
	}
	did(t, "helm test: the facade is well, by its Service's name and its authority")
	c.notes(notes)
	c.changeRelease()

	before := c.kubectl("get", "checks", "-A", "-o", "name")
	c.helm("uninstall", "checky", "-n", system, "--wait", "--timeout="+patience.String())
	c.podless()
	if after := c.kubectl("get", "checks", "-A", "-o", "name"); after != before {
		t.Errorf("helm uninstall: there were\n%sand are\n%s", before, after)
	}
	c.helm(install...)
	c.allReady()
	if after := c.kubectl("get", "checks", "-A", "-o", "name"); after != before {
		t.Errorf("reinstalled, there were\n%sand are\n%s", before, after)
	}
	c.restFlow()
	did(t, "helm uninstall and install: %d Checks stayed, and are served again", strings.Count(before, "\n"))
}

// allReady holds all of the system's Pods to being ready.
func (c *cluster) allReady() {
	c.t.Helper()
	c.settled("deployment/checky-controller", "deployment/checky-apiserver", "daemonset/checky-alertd")
	for component, want := range map[string]int{"controller": 2, "apiserver": 2, "alertd": 1} {
		pods := c.pods(component)
		if len(pods) < want {
			c.t.Errorf("%s has %d Pods", component, len(pods))
		}
		for i := range pods {
			if !ready(&pods[i]) {
				c.t.Errorf("Pod %s is not ready: %+v", pods[i].Name, pods[i].Status.Conditions)
			}
		}
	}
}

func ready(pod *corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}

// notes runs what the release's notes say to do, as it stands.
func (c *cluster) notes(notes string) {
	c.t.Helper()
	var script strings.Builder
	for line := range strings.Lines(notes) {
		if command, is := strings.CutPrefix(line, "    "); is {
			script.WriteString(command)
		}
	}
	out := c.script(c.t.TempDir(), script.String())
	for _, want := range []string{
		"check.checky.dev/first created", "check.checky.dev/first condition met", "Failure", `"status":"failure"`, `"rules_applied":["amount-range"]`,
		"daemon set \"checky-alertd\" successfully rolled out", "namespace/" + system + " labeled",
	} {
		if !strings.Contains(out, want) {
			c.t.Errorf("the notes' commands printed no %s:\n%s", want, out)
		}
	}
	did(c.t, "the notes' %d lines of commands, port-forward and account included, do what they say", strings.Count(script.String(), "\n"))
}

// script has bash run a script to its end or to its first error, in a folder.
func (c *cluster) script(folder, text string) string {
	c.t.Helper()
	cmd := exec.CommandContext(c.t.Context(), "bash", "-euo", "pipefail", "-c", text)
	cmd.Dir = folder
	cmd.Env = c.environment()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("%v in\n%s\nwhich printed\n%s", err, text, &out)
	}
	return out.String()
}

// environment is that of somebody who administers the cluster and has kubectl, its plugin and helm on PATH.
func (c *cluster) environment() []string {
	return append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(), "PATH="+strings.Join([]string{
		filepath.Dir(c.KubectlPath()), filepath.Dir(os.Getenv(helmEnv)), os.Getenv(pluginEnv), os.Getenv("PATH"),
	}, ":"))
}

// changeRelease upgrades a release whose controller, facade and daemon are all replaced thereby, while Checks come from two sides.
func (c *cluster) changeRelease() {
	c.t.Helper()
	c.kubectl("-n", checks, "delete", "checks", "--all") // a load counts all that there are
	load := c.startLoad(10, 0)
	c.bulk("in-flight-", 100)
	c.helm("upgrade", "checky", "charts/checky", "-n", system, "--reset-then-reuse-values", "--wait", "--timeout="+patience.String(),
		"--set=apiserver.replicas=3,controller.extraArgs={--default-ttl=1h},controller.resources.limits.memory=384Mi,alertd.resources.limits.memory=192Mi")
	c.bulk("afterwards-", 100)
	c.allReady()
	counts := load.finish()
	c.decided("in-flight-", 100)
	c.decided("afterwards-", 100)
	if pods := c.pods("apiserver"); len(pods) != 3 {
		c.t.Errorf("the facade has %d Pods, want 3", len(pods))
	}
	for _, pod := range c.pods("controller") {
		container := pod.Spec.Containers[0]
		if !slices.Contains(container.Args, "--default-ttl=1h") || container.Resources.Limits.Memory().String() != "384Mi" {
			c.t.Errorf("Pod %s has not the values of the upgrade: %v, %v", pod.Name, container.Args, container.Resources.Limits)
		}
	}
	did(c.t, "helm upgrade, which replaced all Pods, under load: 200 Checks applied; %s", counts)
}

// podless waits until none of the system's Pods is there.
func (c *cluster) podless() {
	c.t.Helper()
	c.await("the end of all Pods", func(ctx context.Context) error {
		var pods corev1.PodList
		if err := c.List(ctx, &pods, client.InNamespace(system)); err != nil {
			return err
		}
		if len(pods.Items) > 0 {
			return fmt.Errorf("there are %d Pods", len(pods.Items))
		}
		return nil
	})
}
