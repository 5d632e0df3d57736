package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// binariesEnv names the folder that Build made.
const binariesEnv = "CHECKY_NODE_BINARIES"

// binaries are the programs of a node that Debian does not have.
type binaries struct{ folder string }

func (b binaries) path(name string) string { return filepath.Join(b.folder, name) }

// Build makes the programs of a node that Debian does not have, or finds those of an earlier run, from the checkout at root, and lets Start
// know by the environment. They are kept in Checky's cache; Go's own cache decides whether CoreDNS and pause are built anew. Progress
// goes to log.
func Build(ctx context.Context, root string, log io.Writer) error {
	script := exec.CommandContext(ctx, filepath.Join(root, "hack/controlplane/build.sh"), "node") //nolint:gosec // the checkout's own
	script.Stderr = log
	out, err := script.Output()
	if err != nil {
		return fmt.Errorf("hack/controlplane/build.sh node: %w", err)
	}
	b := binaries{strings.TrimSpace(string(out))}
	for name, pkg := range map[string]string{"coredns": "./node/dns", "pause": "./node/pause"} {
		//nolint:gosec // packages of this module
		cmd := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join(root, "test/install"), "-trimpath", "-ldflags=-s -w", "-o", b.path(name), pkg)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", pkg, err, out)
		}
	}
	return os.Setenv(binariesEnv, b.folder)
}

func builtBinaries() (binaries, error) {
	folder := os.Getenv(binariesEnv)
	if folder == "" {
		return binaries{}, errors.New("node.Build comes before node.Start")
	}
	return binaries{folder}, nil
}
