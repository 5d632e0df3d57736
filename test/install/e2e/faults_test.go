package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/test/install/node"
)

// faultsRate is the load's, in checks a second.
const faultsRate = 20

// drainTime is how long a drain tries; on one node it never succeeds.
const drainTime = "20s"

// TestFaults has everything happen that happens in clusters, under a load that accounts for every check.
func TestFaults(t *testing.T) {
	c := newCluster(t)
	c.dev()
	l := c.startLoad(faultsRate, 0)
	l.calm()
	last := l.now()
	did(t, "%d checks a second: %s", faultsRate, last)
	for _, fault := range []struct {
		name    string
		happens func()
		// graceful: no request is without an answer or with one of the 5xx meanwhile.
		graceful bool
	}{
		{"the leading controller's Pod was deleted by force", func() { c.lead(c.kill) }, false},
		{"the leading controller's process was killed", func() { c.lead(c.crash) }, false},
		{"a process of the facade was killed", func() { c.crash(c.pods("apiserver")[0].Name) }, false},
		{"a Pod of the facade was deleted by force", func() { c.kill(c.pods("apiserver")[0].Name) }, false},
		{"the alert daemon's Pod was deleted by force", func() { c.kill(c.pods("alertd")[0].Name) }, false},
		{"the controller was rolled", func() { c.roll("deployment/checky-controller") }, true},
		{"the facade was rolled", func() { c.roll("deployment/checky-apiserver") }, true},
		{"the facade was scaled to 3 and back to 2", func() { c.scale(3); c.scale(2) }, true},
		{"the node was drained, as far as the budgets let it, and uncordoned", c.drain, true},
		{"both certificates' Secrets were deleted", func() { c.newCertificates(l.f) }, true},
		{"the facade got a certificate of its owner's, and went back", func() { c.ownCertificate(l.f) }, true},
		{"the knowledge file was changed, spoiled and put back", c.changeKnowledge, true},
		{"the ConfigMap of an input was changed", c.changeInput, true},
	} {
		fault.happens()
		c.whole()
		l.calm()
		now := l.now()
		n := now.since(last)
		last = now
		did(t, "%s: %s", fault.name, n)
		if fault.graceful && n.failed() > 0 {
			t.Errorf("%s, and %d requests failed", fault.name, n.failed())
		}
	}
	did(t, "in all: %s", l.finish())
}

// whole waits until each component has all of its Pods, ready, and no other: those that were to end have ended.
func (c *cluster) whole() {
	c.t.Helper()
	for component, want := range map[string]int{"controller": 2, "apiserver": 2, "alertd": 1} {
		c.await(component+" is whole", func(ctx context.Context) error {
			var list corev1.PodList
			err := c.List(ctx, &list, client.InNamespace(system), client.MatchingLabels{"app.kubernetes.io/component": component})
			if err != nil {
				return err
			}
			if len(list.Items) != want {
				return fmt.Errorf("there are %d Pods, should be %d", len(list.Items), want)
			}
			for i := range list.Items {
				if pod := &list.Items[i]; pod.DeletionTimestamp != nil || !ready(pod) {
					return fmt.Errorf("Pod %s is not ready", pod.Name)
				}
			}
			return nil
		})
	}
}

// kill has the API server forget a Pod at once; the kubelet gives its processes a moment to end.
func (c *cluster) kill(pod string) {
	c.t.Helper()
	c.kubectl("-n", system, "delete", "pod", pod, "--force", "--grace-period=0")
}

// holder is who holds the controller's lease: a Pod's name, "_", and a number of the process's own.
func (c *cluster) holder(ctx context.Context) (string, error) {
	var lease coordinationv1.Lease
	if err := c.Get(ctx, client.ObjectKey{Namespace: system, Name: "checky-controller"}, &lease); err != nil {
		return "", err
	}
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		return "", errors.New("nobody holds the lease")
	}
	return *lease.Spec.HolderIdentity, nil
}

// crash kills the process of a Pod's container, without a moment for anything, and waits until the kubelet has started it anew.
func (c *cluster) crash(name string) {
	c.t.Helper()
	var pod corev1.Pod
	c.get(&pod, name)
	before := pod.Status.ContainerStatuses[0]
	id := strings.TrimPrefix(before.ContainerID, "containerd://")
	args := []string{"--address", "/run/containerd.sock", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", id}
	if _, err := c.command(c.t.Context(), "ctr", args...); err != nil {
		c.t.Fatal(err)
	}
	c.await("the container is started anew", func(ctx context.Context) error {
		if err := c.Get(ctx, client.ObjectKeyFromObject(&pod), &pod); err != nil {
			return err
		}
		if now := pod.Status.ContainerStatuses[0]; now.RestartCount == before.RestartCount || !now.Ready {
			return fmt.Errorf("%d restarts, ready is %t", now.RestartCount, now.Ready)
		}
		return nil
	})
}

// lead has something happen to the Pod of the controller that holds the lease, and waits until another process has it.
func (c *cluster) lead(happens func(pod string)) {
	c.t.Helper()
	before, err := c.holder(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	pod, _, _ := strings.Cut(before, "_")
	happens(pod)
	c.await("another leader", func(ctx context.Context) error {
		now, err := c.holder(ctx)
		if err == nil && now == before {
			err = fmt.Errorf("%s holds the lease", now)
		}
		return err
	})
}

// roll replaces a component's Pods, one after the other.
func (c *cluster) roll(workload string) {
	c.t.Helper()
	c.kubectl("-n", system, "rollout", "restart", workload)
	c.settled(workload)
}

// scale has so many replicas of the facade.
func (c *cluster) scale(replicas int) {
	c.t.Helper()
	c.kubectl("-n", system, "scale", "deployment/checky-apiserver", "--replicas="+strconv.Itoa(replicas))
	c.await("the facade's replicas", func(ctx context.Context) error {
		var d appsv1.Deployment
		if err := c.Get(ctx, client.ObjectKey{Namespace: system, Name: "checky-apiserver"}, &d); err != nil {
			return err
		}
		if s := d.Status; s.ObservedGeneration != d.Generation || s.Replicas != int32(replicas) || s.ReadyReplicas != int32(replicas) {
			return fmt.Errorf("%d of %d are ready", s.ReadyReplicas, s.Replicas)
		}
		return nil
	})
}

// drain has the only node drained: a Pod of each Deployment is evicted, finds no node, and the other has to stay.
func (c *cluster) drain() {
	c.t.Helper()
	out, err := c.command(c.t.Context(), c.KubectlPath(), "drain", node.Name, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout="+drainTime)
	if err == nil || !strings.Contains(out, "disruption budget") {
		c.t.Errorf("the only node was drained: %v: %s", err, out)
	}
	for _, component := range []string{"controller", "apiserver"} {
		pods, serving := c.pods(component), 0
		for i := range pods {
			if ready(&pods[i]) {
				serving++
			}
		}
		if serving != 1 || len(pods) != 2 {
			c.t.Errorf("%s: %d of %d Pods are ready, should be 1 of 2", component, serving, len(pods))
		}
	}
	c.kubectl("uncordon", node.Name)
}
