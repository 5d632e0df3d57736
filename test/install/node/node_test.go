package node_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/test/install/node"
)

func TestMain(m *testing.M) {
	controlplane.ExitIfSupervisor()
	os.Exit(node.Isolated(func() error { return node.Build(context.Background(), "../../..", os.Stderr) }, m.Run))
}

// aPod is one of the pause image, the only one that a node comes with.
const aPod = `apiVersion: v1
kind: Pod
metadata: {name: pause}
spec: {containers: [{name: pause, image: "node.test/pause:v1"}]}
`

// TestPods starts a cluster, runs a Pod on it and stops it: containerd, runc, network, scheduler and kubelet work together.
func TestPods(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	n, err := node.Start(ctx, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	manifest := t.TempDir() + "/pod.yaml"
	if err := os.WriteFile(manifest, []byte(aPod), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"apply -f " + manifest,
		"wait --for=condition=Ready pod/pause --timeout=60s",
		"delete pod pause --grace-period=1",
	} {
		if _, err := n.Kubectl(ctx, strings.Fields(args)...); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Stop(); err != nil {
		t.Fatal(err)
	}
}
