// Package kind_test holds what kind.sh tells kind, docker and kubectl to do, and in which order. The three are stand-ins
// that write down how they were called: a machine that runs these tests need have no container engine. That the install
// itself works is shown on a real node by test/install/e2e, from the same config/dev.
package kind_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stub writes down a call. Which clusters there are and whose is told by files in $STUBS.
const stub = `#!/bin/sh
echo "${0##*/} $*" >> "$STUBS/calls"
case "${0##*/} $*" in
"docker info") [ ! -e "$STUBS/no-engine" ] ;;
"kind get clusters") cat "$STUBS/clusters" 2>/dev/null ;;
"kubectl "*" get nodes "*) cat "$STUBS/nodes" 2>/dev/null ;;
*" $(cat "$STUBS/fails" 2>/dev/null || echo nothing) "*) exit 1 ;;
esac
`

const (
	created   = "kind create cluster --name checky --config hack/kind/cluster.yaml --wait 300s"
	labelled  = "kubectl --context kind-checky label nodes --all --overwrite checky.dev/made-by=kind-up"
	asked     = "kubectl --context kind-checky get nodes -l checky.dev/made-by=kind-up -o name"
	installed = `kind load image-archive --name checky dist/images/checky.tar
kind load image-archive --name checky dist/images/checky-alertd.tar
kubectl --context kind-checky apply --server-side --force-conflicts -k config/dev
kubectl --context kind-checky wait --for=condition=Established --timeout 300s crd/checks.checky.dev crd/rulesets.checky.dev crd/clusterrulesets.checky.dev crd/alertpolicies.checky.dev crd/silences.checky.dev
kubectl --context kind-checky -n checky-system rollout restart deployment,daemonset
kubectl --context kind-checky -n checky-system rollout status --timeout 300s deployment/checky-controller
kubectl --context kind-checky -n checky-system rollout status --timeout 300s deployment/checky-apiserver
kubectl --context kind-checky -n checky-system rollout status --timeout 300s daemonset/checky-alertd`
)

func TestKind(t *testing.T) {
	for name, tc := range map[string]struct {
		reason   string
		arg      string
		without  string            // a command that is not installed
		files    map[string]string // of the stubs
		noImages bool
		fails    bool
		calls    []string
		says     string
	}{
		"a look beforehand": {
			reason: "images take minutes, and are not built for a cluster that up would refuse", arg: "check", files: map[string]string{"clusters": "checky\n"}, fails: true,
			calls: []string{"docker info", "kind get clusters", asked}, says: "was not made by make kind-up",
		},
		"a look beforehand, and all is well": {reason: "it changes nothing", arg: "check", calls: []string{"docker info", "kind get clusters"}},
		"a first time": {
			reason: "the cluster is made, marked as ours, and filled", arg: "up",
			calls: []string{"docker info", "kind get clusters", created, labelled, installed}, says: "kubectl config use-context kind-checky",
		},
		"a second time": {
			reason: "the cluster is kept, and gets the images of now", arg: "up", files: map[string]string{"clusters": "other\nchecky\n", "nodes": "node/checky-control-plane\n"},
			calls: []string{"docker info", "kind get clusters", asked, installed}, says: "the cluster checky is there",
		},
		"a cluster of somebody else": {
			reason: "nothing is installed into what was not made for it", arg: "up", files: map[string]string{"clusters": "checky\n"}, fails: true,
			calls: []string{"docker info", "kind get clusters", asked}, says: "was not made by make kind-up",
		},
		"a cluster whose name only begins so": {
			reason: "names are compared as a whole", arg: "up", files: map[string]string{"clusters": "checky-2\n"},
			calls: []string{"docker info", "kind get clusters", created, labelled, installed}, says: "Checky runs",
		},
		"the cluster cannot be made": {
			reason: "nothing follows, above all no kubectl", arg: "up", files: map[string]string{"fails": "cluster"}, fails: true,
			calls: []string{"docker info", "kind get clusters", created},
		},
		"images were not built": {
			reason: "the message names the task that builds them", arg: "up", noImages: true, fails: true,
			calls: []string{"docker info", "kind get clusters", created, labelled}, says: "run make images",
		},
		"no docker":  {reason: "told before anything is made", arg: "up", without: "docker", fails: true, says: "docker is not installed: kind runs its nodes as containers"},
		"no kind":    {reason: "told before anything is made", arg: "up", without: "kind", fails: true, says: "kind is not installed: https://kind.sigs.k8s.io"},
		"no kubectl": {reason: "told before anything is made", arg: "up", without: "kubectl", fails: true, says: "kubectl is not installed: https://kubernetes.io"},
		"an engine that does not answer": {
			reason: "kind's own message is of a socket", arg: "up", files: map[string]string{"no-engine": ""}, fails: true,
			calls: []string{"docker info"}, says: "its engine does not answer",
		},
		"down": {
			reason: "what up made is deleted", arg: "down", files: map[string]string{"clusters": "checky\n", "nodes": "node/checky-control-plane\n"},
			calls: []string{"docker info", "kind get clusters", asked, "kind delete cluster --name checky"},
		},
		"down, of somebody else's": {
			reason: "what up did not make is not deleted", arg: "down", files: map[string]string{"clusters": "checky\n"}, fails: true,
			calls: []string{"docker info", "kind get clusters", asked}, says: "it is left alone",
		},
		"down, twice": {
			reason: "what is asked for is so already", arg: "down",
			calls: []string{"docker info", "kind get clusters"}, says: "there is no kind cluster checky",
		},
		"neither up nor down": {reason: "a slip is no install", arg: "Up", fails: true, says: "usage:"},
	} {
		t.Run(name, func(t *testing.T) {
			stubs := t.TempDir()
			for file, text := range tc.files {
				write(t, filepath.Join(stubs, file), text, 0o600)
			}
			said, err := run(t, checkout(t, !tc.noImages), stubs, tc.without, tc.arg)
			if (err != nil) != tc.fails {
				t.Errorf("it ended with %v, because %s; it said\n%s", err, tc.reason, said)
			}
			if !strings.Contains(said, tc.says) {
				t.Errorf("it says\n%s\nwithout %q: %s", said, tc.says, tc.reason)
			}
			calls, err := os.ReadFile(filepath.Join(stubs, "calls"))
			if err != nil && len(tc.calls) > 0 {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Join(tc.calls, "\n"), strings.TrimSpace(string(calls))); diff != "" {
				t.Errorf("calls, because %s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// checkout is a folder with the script, and images in it or not.
func checkout(t *testing.T, images bool) string {
	t.Helper()
	dir := t.TempDir()
	script, err := os.ReadFile("kind.sh")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "hack/kind/kind.sh"), string(script), 0o700)
	if images {
		write(t, filepath.Join(dir, "dist/images/checky.tar"), "", 0o600)
		write(t, filepath.Join(dir, "dist/images/checky-alertd.tar"), "", 0o600)
	}
	return dir
}

// run runs the script with stand-ins first and, of this machine, what it needs besides: the real kubectl is out of reach.
func run(t *testing.T, dir, stubs, without, arg string) (string, error) {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"docker", "kind", "kubectl"} {
		if name != without {
			write(t, filepath.Join(bin, name), stub, 0o700)
		}
	}
	for _, name := range []string{"sh", "bash", "env", "dirname", "cat", "grep"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "hack/kind/kind.sh"), arg)
	cmd.Env = []string{"PATH=" + bin, "STUBS=" + stubs, "HOME=" + stubs}
	said, err := cmd.CombinedOutput()
	return string(said), err
}

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
