package node_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/test/install/node"
)

func TestMain(m *testing.M) {
	controlplane.ExitIfSupervisor()
	os.Exit(node.Isolated(m.Run))
}

func TestPods(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	b := node.Binaries{Kubernetes: os.Getenv("KB"), DNS: "/tmp/coredns", Pause: "/tmp/pause"}
	n, err := node.Start(ctx, node.Options{Binaries: b, Log: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Stop()
	out, err := n.Kubectl(ctx, "get", "nodes,pods", "-A", "-o", "wide")
	fmt.Println(out, err)
}
