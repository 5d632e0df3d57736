package e2e_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/test/install/node"
)

// root is the checkout, from this folder.
const root = "../../.."

// patience is how long anything may take that should take seconds.
const patience = 3 * time.Minute

var (
	soak     = flag.Duration("soak", time.Minute, "how long TestSoak keeps the load up")
	soakRate = flag.Float64("soak-rate", 20, "requests a second of TestSoak")
	from     = flag.String("from", "", "commit or tag that TestUpgrade begins with; empty: the last release's tag, if there is one")
)

// summary is what the run did, a line each.
var summary struct {
	sync.Mutex
	lines []string
}

// did adds a line to the summary.
func did(t testing.TB, format string, args ...any) {
	t.Helper()
	line := fmt.Sprintf(format, args...)
	t.Log(line)
	summary.Lock()
	defer summary.Unlock()
	summary.lines = append(summary.lines, fmt.Sprintf("%-22s %s", t.Name(), line))
}

func TestMain(m *testing.M) {
	controlplane.ExitIfSupervisor()
	flag.Parse()
	os.Exit(node.Isolated(prepare, func() int {
		ctrl.SetLogger(logr.Discard())
		code := m.Run()
		if len(summary.lines) > 0 {
			fmt.Println("\nWhat was done on a real node:")
			for _, line := range summary.lines {
				fmt.Println("  " + line)
			}
		}
		return code
	}))
}

// The environment by which prepare tells the tests where things are.
const (
	imagesEnv = "CHECKY_E2E_IMAGES" // folder of checky.tar and checky-alertd.tar
	helmEnv   = "CHECKY_E2E_HELM"   // the command helm
	pluginEnv = "CHECKY_E2E_PLUGIN" // folder of the command kubectl-checky
)

// prepare builds everything, since the node has no way to another machine.
func prepare() error {
	ctx := context.Background()
	absolute, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	if err := node.Build(ctx, absolute, os.Stderr); err != nil {
		return err
	}
	for _, target := range []string{"images", "plugin"} {
		cmd := exec.CommandContext(ctx, "make", "--no-print-directory", "-C", absolute, target, "ENGINE=none")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("make %s: %w: %s", target, err, out)
		}
	}
	helm := exec.CommandContext(ctx, filepath.Join(absolute, "hack/tools.sh"), "helm")
	helm.Stderr = os.Stderr
	path, err := helm.Output()
	if err != nil {
		return fmt.Errorf("hack/tools.sh helm: %w", err)
	}
	for name, value := range map[string]string{
		imagesEnv: filepath.Join(absolute, "dist/images"),
		helmEnv:   string(path[:len(path)-1]),
		pluginEnv: filepath.Join(absolute, "bin"),
	} {
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return prepareUpgrade(ctx, absolute)
}
