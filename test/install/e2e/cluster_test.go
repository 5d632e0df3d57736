package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/controllers"
	"github.com/checky-dev/checky/test/install/node"
)

// system is where Checky's components run, and checks where the facade makes Checks.
const (
	system = "checky-system"
	checks = "checky"
)

// cluster is a node that a test has to itself.
type cluster struct {
	*node.Node
	client.WithWatch
	t *testing.T
}

// newCluster starts a node that has Checky's images. If the test fails, it shows how things stand.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	n, err := node.Start(t.Context(), t.Output())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
	})
	scheme, err := controllers.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	config := n.RESTConfig()
	admin, err := client.NewWithWatch(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{Node: n, WithWatch: admin, t: t}
	t.Cleanup(func() {
		if t.Failed() {
			c.show()
		}
	})
	c.load(os.Getenv(imagesEnv))
	return c
}

// load makes a folder's images available on the node.
func (c *cluster) load(folder string) {
	c.t.Helper()
	for _, image := range []string{"checky", "checky-alertd"} {
		if err := c.Import(c.t.Context(), filepath.Join(folder, image+".tar")); err != nil {
			c.t.Fatal(err)
		}
	}
}

// kubectl runs it in the checkout, as the documentation does, and returns what it printed.
func (c *cluster) kubectl(args ...string) string {
	c.t.Helper()
	out, err := c.command(c.t.Context(), c.KubectlPath(), args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// helm runs it in the checkout.
func (c *cluster) helm(args ...string) string {
	c.t.Helper()
	out, err := c.command(c.t.Context(), os.Getenv(helmEnv), args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return out
}

// command runs a program as the cluster's administrator, from the checkout's root, where kubectl's plugins are found.
func (c *cluster) command(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "KUBECONFIG="+c.Kubeconfig(),
		"PATH="+strings.Join([]string{filepath.Dir(c.KubectlPath()), os.Getenv(pluginEnv), os.Getenv("PATH")}, ":"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("%s %s: %w: %s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// settled waits until every component is rolled out and all Pods are ready.
func (c *cluster) settled(workloads ...string) {
	c.t.Helper()
	for _, workload := range workloads {
		c.kubectl("-n", system, "rollout", "status", workload, "--timeout="+patience.String())
	}
}

// pods are those of a component that are not being deleted.
func (c *cluster) pods(component string) []corev1.Pod {
	c.t.Helper()
	var list corev1.PodList
	if err := c.List(c.t.Context(), &list, client.InNamespace(system), client.MatchingLabels{"app.kubernetes.io/component": component}); err != nil {
		c.t.Fatal(err)
	}
	kept := list.Items[:0]
	for i := range list.Items {
		if list.Items[i].DeletionTimestamp == nil {
			kept = append(kept, list.Items[i])
		}
	}
	return kept
}

// await asks until there is no error; the test fails with the last one.
func (c *cluster) await(what string, ask func(ctx context.Context) error) {
	c.t.Helper()
	last := errors.New("not asked")
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		last = ask(ctx)
		return last == nil, nil
	})
	if err != nil {
		c.t.Fatalf("%s: %v: %v", what, err, last)
	}
}

// get reads an object of the system's namespace.
func (c *cluster) get(object client.Object, name string) {
	c.t.Helper()
	if err := c.Get(c.t.Context(), types.NamespacedName{Namespace: system, Name: name}, object); err != nil {
		c.t.Fatal(err)
	}
}

// show writes how things stand into the test's output.
func (c *cluster) show() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, args := range []string{
		"get pods,deployments,daemonsets,services,endpointslices,secrets -A -o wide",
		"-n checky-system describe pods",
		"get events -A --sort-by=.lastTimestamp",
	} {
		out, err := c.command(ctx, c.KubectlPath(), strings.Fields(args)...)
		if err != nil {
			out = err.Error()
		}
		fmt.Fprintf(c.t.Output(), "$ kubectl %s\n%s\n", args, end(out, 20_000))
	}
	// The control plane's servers, the node's, and containers.
	for _, pattern := range []string{filepath.Join(c.Dir(), "*.log"), filepath.Join(c.Logs(), "*.log"), filepath.Join(c.Logs(), "pods/*/*/*.log")} {
		logs, _ := filepath.Glob(pattern)
		for _, path := range logs {
			text, err := os.ReadFile(path)
			if err != nil {
				text = []byte(err.Error())
			}
			fmt.Fprintf(c.t.Output(), "--- %s\n%s\n", path, end(string(text), 4_000))
		}
	}
}

// end is the last bytes of a text.
func end(text string, most int) string { return text[max(0, len(text)-most):] }
