package node

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Binaries are the programs of a node that Debian does not have.
type Binaries struct {
	Kubernetes string // folder of etcd, kube-apiserver, kubelet and so on
	DNS        string // CoreDNS
	Pause      string // what holds a Pod's namespaces
}

func (b Binaries) kubernetes(name string) string { return filepath.Join(b.Kubernetes, name) }

// Build makes the binaries, or finds those of an earlier run, from the checkout at root. Those of Kubernetes come from Checky's cache; the
// rest is put into dir, by Go's own cache. Progress goes to log. It needs the Go module proxy, and so runs outside of Isolated.
func Build(ctx context.Context, root, dir string, log io.Writer) (Binaries, error) {
	script := exec.CommandContext(ctx, filepath.Join(root, "hack/controlplane/build.sh"), "node") //nolint:gosec // the checkout's own
	script.Stderr = log
	out, err := script.Output()
	if err != nil {
		return Binaries{}, fmt.Errorf("hack/controlplane/build.sh node: %w", err)
	}
	b := Binaries{
		Kubernetes: strings.TrimSpace(string(out)), DNS: filepath.Join(dir, "coredns"), Pause: filepath.Join(dir, "pause"),
	}
	for path, pkg := range map[string]string{b.DNS: "./node/dns", b.Pause: "./node/pause"} {
		//nolint:gosec // packages of this module
		cmd := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, "test/install"), "-trimpath", "-ldflags=-s -w", "-o", path, pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return Binaries{}, fmt.Errorf("build %s: %w: %s", pkg, err, out)
		}
	}
	return b, nil
}
