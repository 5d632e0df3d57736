package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// The versions that hack/controlplane/go.mod builds. A test holds them together.
const (
	kubernetesVersion = "v1.36.3"
	etcdVersion       = "v3.6.8"
)

// assetsEnv names a folder with etcd, kube-apiserver and kubectl, as envtest's users know it.
const assetsEnv = "KUBEBUILDER_ASSETS"

// modulePath is how the checkout that holds hack/controlplane/build.sh is recognised.
const modulePath = "module github.com/checky-dev/checky"

// ErrNoAssets says that etcd and kube-apiserver are neither here nor can be had.
var ErrNoAssets = errors.New("no etcd and kube-apiserver to run")

// FindAssets returns a folder that holds etcd and kube-apiserver (and, except in folders of the
// user's own, kubectl). It looks in KUBEBUILDER_ASSETS, in Checky's cache and in setup-envtest's store;
// then it fetches setup-envtest's release, and where that can't be reached it builds them from their Go
// modules, which takes minutes and tells its progress to opts.Log. The error is ErrNoAssets if none of that works.
func FindAssets(ctx context.Context, opts Options) (string, error) {
	if dir := os.Getenv(assetsEnv); dir != "" {
		if err := checkAssets(dir); err != nil {
			return "", fmt.Errorf("%w: %s: %w", ErrNoAssets, assetsEnv, err)
		}
		return dir, nil
	}
	built, err := builtFolder()
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoAssets, err)
	}
	if checkAssets(built) == nil {
		return built, nil
	}
	if dir, ok := storedRelease(); ok {
		return dir, nil
	}

	log := opts.log()
	fmt.Fprintf(log, "there is no etcd and kube-apiserver on this machine yet (%s is not set): fetching setup-envtest's\n", assetsEnv)
	dir, fetchErr := fetchRelease(ctx, log)
	if fetchErr == nil {
		return dir, nil
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	checkout, ok := findCheckout()
	if !ok {
		return "", fmt.Errorf("%w: they could not be fetched (%w), and there is no checkout of Checky here to build them from: set %s to a folder that has them",
			ErrNoAssets, fetchErr, assetsEnv)
	}
	fmt.Fprintf(log, "  they could not be fetched (%v): building them from their Go modules instead\n", fetchErr)
	if err := buildAssets(ctx, checkout, opts); err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoAssets, err)
	}
	if err := checkAssets(built); err != nil {
		return "", fmt.Errorf("%w: hack/controlplane/build.sh finished, but %w", ErrNoAssets, err)
	}
	return built, nil
}

// checkAssets says what is missing in a folder of binaries.
func checkAssets(dir string) error {
	for _, name := range []string{"etcd", "kube-apiserver"} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("%s is not there", path)
		}
		if info.IsDir() || (runtime.GOOS != "windows" && info.Mode()&0o111 == 0) {
			return fmt.Errorf("%s is not an executable file", path)
		}
	}
	return nil
}

// builtFolder is where hack/controlplane/build.sh puts what it builds.
func builtFolder() (string, error) {
	cache := os.Getenv("CHECKY_CACHE")
	if cache == "" {
		root := os.Getenv("XDG_CACHE_HOME")
		if root == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", err
			}
			root = filepath.Join(home, ".cache")
		}
		cache = filepath.Join(root, "checky")
	}
	name := strings.Join([]string{"kubernetes", kubernetesVersion, "etcd", etcdVersion, runtime.GOOS, runtime.GOARCH}, "-")
	return filepath.Join(cache, "controlplane", name), nil
}

// findCheckout looks for the checkout of Checky that the working folder, or else this program, lies in.
func findCheckout() (string, bool) {
	var starts []string
	if dir, err := os.Getwd(); err == nil {
		starts = append(starts, dir)
	}
	if program, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(program))
	}
	for _, dir := range starts {
		for {
			if isCheckout(dir) {
				return dir, true
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", false
}

func isCheckout(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if strings.TrimSpace(first) != modulePath {
		return false
	}
	_, err = os.Stat(buildScript(dir))
	return err == nil
}

func buildScript(checkout string) string {
	return filepath.Join(checkout, "hack", "controlplane", "build.sh")
}

// buildAssets runs the checkout's build script under a supervisor, so that it ends with this process.
func buildAssets(ctx context.Context, checkout string, opts Options) error {
	build, err := launch(launchOptions{
		name:       "hack/controlplane/build.sh",
		supervisor: opts.Supervisor,
		command:    []string{buildScript(checkout)},
		output:     opts.log(),
	})
	if err != nil {
		return err
	}
	select {
	case <-build.done:
		if build.err != nil {
			return fmt.Errorf("%s: %w (its output is above)", build.name, build.err)
		}
		return nil
	case <-ctx.Done():
		return errors.Join(ctx.Err(), build.stop())
	}
}

func (o Options) log() io.Writer {
	if o.Log == nil {
		return io.Discard
	}
	return o.Log
}
