package operator_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	watchtools "k8s.io/client-go/tools/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// killChecks is how many Checks are applied while the controller is killed.
const killChecks = 500

// TestKilledControllerLosesNothing kills the real binary (SIGKILL) while Checks are being applied and starts it
// again: every Check gets its right verdict, and each is written just once.
func TestKilledControllerLosesNothing(t *testing.T) {
	c := newCluster(t)
	binary := controlplanetest.Build(t, "checky")
	kubeconfig := writeKubeconfig(t, c.operatorConfig())
	c.apply(orders)
	seen := c.watchVerdicts()

	first := startController(t, binary, kubeconfig)
	applied := make(chan error, 1)
	go func() { applied <- c.applyMany() }()
	seen.await(t, killChecks/5)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait() // it was killed
	before := seen.count()
	if before == killChecks {
		t.Fatal("all checks had their verdict before the kill")
	}
	second := startController(t, binary, kubeconfig)
	if err := <-applied; err != nil {
		t.Fatal(err)
	}
	seen.await(t, killChecks)
	stopController(t, second)

	list := &v1alpha1.CheckList{}
	if err := c.List(t.Context(), list, client.InNamespace(c.namespace)); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != killChecks {
		t.Errorf("%d checks are left of %d", len(list.Items), killChecks)
	}
	for i := range list.Items {
		k := &list.Items[i]
		want := v1alpha1.PhaseSuccess
		if k.Labels["bad"] == "true" {
			want = v1alpha1.PhaseFailure
		}
		if k.Status.Phase != want || condition(k, "Complete") != "True Evaluated" {
			t.Errorf("%s: phase %s, want %s", k.Name, k.Status.Phase, want)
		}
		if n := seen.writes(k.Name); n != 1 {
			t.Errorf("%s was written %d times", k.Name, n)
		}
	}
	t.Logf("%d verdicts before the kill, %d after it", before, killChecks-before)
}

// applyMany creates the Checks with several clients, every third with a payload that fails.
func (c *cluster) applyMany() error {
	const clients = 8
	var group sync.WaitGroup
	problems := make(chan error, clients)
	for worker := range clients {
		group.Go(func() {
			for i := worker; i < killChecks; i += clients {
				amount, bad := i+1, "false"
				if i%3 == 0 {
					amount, bad = 20000+i, "true"
				}
				k := c.check(fmt.Sprintf("order-%03d", i))
				k.Labels = map[string]string{"bad": bad}
				k.Spec.Input.Raw = fmt.Appendf(nil, `{"amount":%d,"customer":"x"}`, amount)
				k.Spec.RuleSets = []v1alpha1.RuleSetReference{{Name: "orders"}}
				if err := c.createSurely(k); err != nil {
					problems <- err
					return
				}
			}
		})
	}
	group.Wait()
	close(problems)
	return <-problems
}

// createSurely creates a Check, again where the API server did not answer, as clients do.
func (c *cluster) createSurely(k *v1alpha1.Check) error {
	var last error
	err := wait.PollUntilContextTimeout(c.t.Context(), 100*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		last = c.Create(ctx, k.DeepCopy())
		return last == nil || apierrors.IsAlreadyExists(last), nil
	})
	return errors.Join(err, client.IgnoreAlreadyExists(last))
}

// verdicts counts the writes of Checks' status, as a watch sees them.
type verdicts struct {
	mu       sync.Mutex
	byName   map[string]int
	finished map[string]bool
	changed  chan struct{}
}

func (c *cluster) watchVerdicts() *verdicts {
	c.t.Helper()
	v := &verdicts{byName: map[string]int{}, finished: map[string]bool{}, changed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(c.t.Context()))
	list := &v1alpha1.CheckList{}
	if err := c.List(ctx, list, client.InNamespace(c.namespace)); err != nil {
		cancel()
		c.t.Fatal(err)
	}
	// A watch that ends is taken up where it was, so that no write is missed or counted twice.
	w, err := watchtools.NewRetryWatcherWithContext(ctx, list.ResourceVersion, checkWatcher{c})
	if err != nil {
		cancel()
		c.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for event := range w.ResultChan() {
			v.see(event)
		}
	}()
	c.t.Cleanup(func() { cancel(); w.Stop(); <-done })
	return v
}

// checkWatcher watches the Checks of a test's namespace.
type checkWatcher struct{ *cluster }

func (w checkWatcher) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	return w.Watch(ctx, &v1alpha1.CheckList{}, &client.ListOptions{Namespace: w.namespace, Raw: &options})
}

func (v *verdicts) see(event watch.Event) {
	k, ok := event.Object.(*v1alpha1.Check)
	if !ok || event.Type != watch.Modified {
		return
	}
	v.mu.Lock()
	v.byName[k.Name]++
	if k.Status.Phase.Finished() {
		v.finished[k.Name] = true
	}
	v.mu.Unlock()
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

func (v *verdicts) count() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.finished)
}

func (v *verdicts) writes(name string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.byName[name]
}

// await waits until a number of Checks have their verdict.
func (v *verdicts) await(t *testing.T, n int) {
	t.Helper()
	timeout := time.After(2 * patience)
	for v.count() < n {
		select {
		case <-v.changed:
		case <-timeout:
			t.Fatalf("%d checks of %d have a verdict", v.count(), n)
		}
	}
}

func startController(t *testing.T, binary, kubeconfig string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary, "controller", "--metrics-bind-address=0", "--health-probe-bind-address=0", "--max-finished-per-namespace=0")
	command.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	log, err := os.Create(filepath.Join(t.TempDir(), "controller.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the controller's log ends with:\n%s", text[max(0, len(text)-4000):])
		}
	})
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return command
}

// stopController ends the controller as Kubernetes does, and expects it to end well.
func stopController(t *testing.T, command *exec.Cmd) {
	t.Helper()
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("the controller ended with %v", err)
	}
}

// writeKubeconfig writes a kubeconfig for a client certificate's configuration.
func writeKubeconfig(t *testing.T, config *rest.Config) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := controlplane.WriteKubeconfig(path, config, "user"); err != nil {
		t.Fatal(err)
	}
	return path
}
