package node

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// containerdConfig is for Debian's containerd 1.6. A confined machine refuses scores below this process's own for the kernel's
// out-of-memory killer; the pause image is one that Start imports.
const containerdConfig = `version = 2
root = %q
state = "/run/containerd-state"
[grpc]
  address = %q
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  sandbox_image = %q
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = %q
`

// networkConfig is the one network of Pods: a bridge, with addresses by the host.
const networkConfig = `{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "bridge", "bridge": %q, "isGateway": true, "hairpinMode": true,
      "ipam": {"type": "host-local", "dataDir": %q, "ranges": [[{"subnet": %q}]], "routes": [{"dst": "0.0.0.0/0"}]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
`

func (n *Node) socket() string { return "/run/containerd.sock" }

// startContainerd starts it and gives it the pause image.
func (n *Node) startContainerd(ctx context.Context) error {
	network := filepath.Join(n.dir, "cni")
	config := filepath.Join(n.dir, "containerd.toml")
	if err := os.MkdirAll(network, 0o700); err != nil {
		return err
	}
	for path, text := range map[string]string{
		config: fmt.Sprintf(containerdConfig, filepath.Join(n.dir, "containerd"), n.socket(), pauseImage, network),
		filepath.Join(network, "10-pods.conflist"): fmt.Sprintf(networkConfig, podBridge, filepath.Join(n.dir, "addresses"), podNetwork),
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	path, err := exec.LookPath("containerd")
	if err != nil {
		return fmt.Errorf("%w (Debian: containerd, runc, containernetworking-plugins)", err)
	}
	if err := n.serve("containerd", path, "--config", config); err != nil {
		return err
	}
	archive := filepath.Join(n.dir, "pause.tar")
	if err := writePause(archive, n.binaries.path("pause")); err != nil {
		return err
	}
	if err := n.until(ctx, func(ctx context.Context) error { return n.Import(ctx, archive) }); err != nil {
		return err
	}
	return n.runtimeReady(ctx)
}

// runtimeReady waits for containerd to serve the container runtime interface. It takes images before that, while it looks after what
// a containerd before it left behind, and a kubelet that is refused once ends.
func (n *Node) runtimeReady(ctx context.Context) error {
	connection, err := grpc.NewClient("unix://"+n.socket(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close() //nolint:errcheck // nothing was written
	runtime := runtimeapi.NewRuntimeServiceClient(connection)
	return n.until(ctx, func(ctx context.Context) error {
		_, err := runtime.Version(ctx, &runtimeapi.VersionRequest{})
		return err
	})
}
