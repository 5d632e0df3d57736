package e2e_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/checky-dev/checky/test/install/node"
)

const (
	soakTTL   = 10 * time.Minute // of the soak's Checks: deletion is part of the load
	soakKept  = 15000            // Checks that it keeps at most; config/dev lets a namespace have 20,000
	rollEvery = time.Minute
	tellEvery = 5 * time.Minute
)

// dev installs what is for one's own machine, with the alert daemon and a knowledge file.
func (c *cluster) dev() {
	c.t.Helper()
	c.kubectl("apply", "-k", "config/dev")
	c.settled(inTurn...)
}

var inTurn = []string{"deployment/checky-controller", "deployment/checky-apiserver", "daemonset/checky-alertd"}

// TestSoak keeps a load up, and rolls one component after the other meanwhile.
//
//	make e2e E2E='-run TestSoak -soak 30m'
func TestSoak(t *testing.T) {
	c := newCluster(t)
	c.dev()
	ends := c.ends()
	l := c.startLoad(*soakRate, min(soakTTL, time.Duration(soakKept / *soakRate)*time.Second))
	over := time.After(*soak)
	roll := time.NewTicker(min(rollEvery, *soak/3))
	defer roll.Stop()
	tell := time.NewTicker(tellEvery)
	defer tell.Stop()

	begun, rolls := time.Now(), 0
	report := func(n counts) {
		did(t, "after %.0f min, %d rolls: %s", time.Since(begun).Minutes(), rolls, n)
		did(t, "memory in MiB: %s", c.memory())
	}
	report(l.now())
	rollNext := func() {
		c.kubectl("-n", system, "rollout", "restart", inTurn[rolls%len(inTurn)])
		c.settled(inTurn[rolls%len(inTurn)])
		rolls++
	}
	for running := true; running; {
		select {
		case <-over:
			running = false
		case <-tell.C:
			report(l.now())
		case <-roll.C:
			rollNext()
		}
	}
	c.settled(inTurn...)
	n := l.finish()
	report(n)
	if n.held > 0 {
		t.Logf("the cluster did not keep up with %.1f checks a second: %d were held back", *soakRate, n.held)
	}
	crashed := ends.told()
	for _, what := range crashed {
		t.Error(what)
	}
	did(t, "%s at %.1f/s with %d rolls: sent %d, acknowledged %d, completed %d, lost %d, twins %d, wrong %d, containers that did not end well %d",
		*soak, *soakRate, rolls, n.sent, n.acknowledged, n.completed, n.lost, n.twins, n.wrong, len(crashed))
}

// ends is how containers of the components ended that did not end well: crashes, kills for want of memory, kills because the grace period
// was over.
type ends struct {
	mu   sync.Mutex
	what map[string]struct{}
}

// ends begins to look at them.
func (c *cluster) ends() *ends {
	c.t.Helper()
	e := &ends{what: map[string]struct{}{}}
	follow(c, &corev1.Pod{}, e.seen, e.seen, func(pod *corev1.Pod) *corev1.Pod { return pod })
	return e
}

func (e *ends) seen(pod *corev1.Pod) {
	if pod.Namespace != system {
		return
	}
	for _, status := range pod.Status.ContainerStatuses {
		for _, state := range []corev1.ContainerState{status.State, status.LastTerminationState} {
			if state.Terminated != nil && state.Terminated.ExitCode != 0 {
				e.tell("Pod %s: %s with exit code %d: %s", pod.Name, cmp.Or(state.Terminated.Reason, "ended"), state.Terminated.ExitCode, state.Terminated.Message)
			}
		}
		if status.RestartCount > 0 {
			e.tell("Pod %s: its container was restarted", pod.Name)
		}
	}
}

func (e *ends) tell(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.what) < maxTold {
		e.what[fmt.Sprintf(format, args...)] = struct{}{}
	}
}

func (e *ends) told() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.what))
}

// memory is the working set of each container, as the kubelet measures it.
func (c *cluster) memory() string {
	c.t.Helper()
	var summary struct {
		Pods []struct {
			PodRef     struct{ Name, Namespace string }
			Containers []struct {
				Memory struct{ WorkingSetBytes int64 }
			}
		}
	}
	text := c.kubectl("get", "--raw", "/api/v1/nodes/"+node.Name+"/proxy/stats/summary")
	if err := json.Unmarshal([]byte(text), &summary); err != nil {
		c.t.Fatal(err)
	}
	var all []string
	for _, pod := range summary.Pods {
		for _, container := range pod.Containers {
			if pod.PodRef.Namespace == system && container.Memory.WorkingSetBytes > 0 {
				all = append(all, fmt.Sprintf("%s %d", strings.TrimPrefix(pod.PodRef.Name, "checky-"), container.Memory.WorkingSetBytes>>20))
			}
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
