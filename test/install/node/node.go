package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

// Name is the node's name.
const Name = "checky-node"

// What the node's network is made of, within its own namespace.
const (
	nodeBridge = "node0"
	podBridge  = "pods0"
	podNetwork = "10.91.0.0/22"
)

// NodeAddress is the node's own address: of the API server, the kubelet and the DNS server.
var NodeAddress = netip.AddrFrom4([4]byte{10, 90, 0, 1})

// startTimeout bounds a start: many times what it takes on two cores.
const startTimeout = 3 * time.Minute

// Node is a running cluster of one node.
type Node struct {
	*controlplane.ControlPlane

	dir      string
	binaries binaries
	log      io.Writer
	client   kubernetes.Interface
	servers  []*server
}

// Start runs the cluster and returns when its node is ready for Pods; log takes a line for each step. The context bounds the start only.
// It must run within Isolated, after Build.
func Start(ctx context.Context, log io.Writer) (*Node, error) {
	folder := os.Getenv(folderEnv)
	if os.Getenv(stageEnv) == "" || folder == "" {
		return nil, errors.New("node.Start must run within node.Isolated")
	}
	built, err := builtBinaries()
	if err != nil {
		return nil, err
	}
	n := &Node{dir: folder, binaries: built, log: log}
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, fmt.Errorf("the node is not ready after %s", startTimeout))
	defer cancel()
	began := time.Now()
	if err := n.start(ctx); err != nil {
		return nil, errors.Join(err, context.Cause(ctx), n.Stop())
	}
	fmt.Fprintf(n.log, "the node is ready after %.1f s\n", time.Since(began).Seconds())
	return n, nil
}

func (n *Node) start(ctx context.Context) error {
	var err error
	n.ControlPlane, err = controlplane.Start(ctx, controlplane.Options{
		Assets: n.binaries.folder, NodeAddress: NodeAddress, Log: n.log,
	})
	if err != nil {
		return err
	}
	if n.client, err = kubernetes.NewForConfig(n.RESTConfig()); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{
		n.startContainerd, n.startControllers, n.startDNS, n.startKubelet, n.startProxy, n.ready,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ready waits for the node to be ready, and for what every Pod needs of its namespace.
func (n *Node) ready(ctx context.Context) error {
	return n.until(ctx, func(ctx context.Context) error {
		node, err := n.client.CoreV1().Nodes().Get(ctx, Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
				return errors.New(c.Message)
			}
		}
		if len(node.Status.Conditions) == 0 || len(node.Spec.Taints) > 0 {
			return errors.New("the node has no state yet")
		}
		_, err = n.client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
		return err
	})
}

// until asks again and again, until there is no error or a server ended or the context does; the error then holds the last one.
func (n *Node) until(ctx context.Context, ask func(context.Context) error) error {
	var last error
	err := wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		for _, s := range n.servers {
			if err := s.ended(); err != nil {
				return false, err
			}
		}
		last = ask(ctx)
		return last == nil, nil
	})
	if err != nil {
		return errors.Join(err, last, n.tails())
	}
	return nil
}

// Kubectl runs kubectl as the administrator, and returns what it printed; an error holds that too.
func (n *Node) Kubectl(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, n.KubectlPath(), args...) //nolint:gosec // kubectl with the caller's arguments
	cmd.Env = append(os.Environ(), "KUBECONFIG="+n.Kubeconfig())
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Import makes an archive's images available to Pods.
func (n *Node) Import(ctx context.Context, archive string) error {
	//nolint:gosec // ctr with the caller's archive
	cmd := exec.CommandContext(ctx, "ctr", "--address", n.socket(), "--namespace", "k8s.io", "images", "import", "--no-unpack", archive)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("import %s: %w: %s", archive, err, out)
	}
	return nil
}

// Logs is the folder of what the servers and the containers print.
func (n *Node) Logs() string { return filepath.Join(n.dir, "log") }

// Stop ends the servers. Containers end with the namespaces.
func (n *Node) Stop() error {
	for _, s := range slices.Backward(n.servers) {
		s.stop()
	}
	if n.ControlPlane != nil {
		return n.ControlPlane.Stop()
	}
	return nil
}
