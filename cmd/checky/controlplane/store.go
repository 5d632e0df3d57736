package controlplane

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Where setup-envtest's releases are listed, and the folder where it keeps them, are those of controller-runtime's package envtest. The
// package itself is for tests alone: it writes to the temporary folder when it is loaded, which ends a program on a read-only root
// filesystem, and it cannot be compiled for Windows.

// releaseIndexURL lists setup-envtest's releases.
var releaseIndexURL = "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"

// releaseStore is the folder where setup-envtest keeps what it fetched.
func releaseStore() (string, error) {
	switch runtime.GOOS {
	case "windows":
		data, err := os.UserCacheDir() // %LocalAppData%
		return filepath.Join(data, "kubebuilder-envtest", "k8s"), err
	case "darwin":
		data, err := os.UserConfigDir() // ~/Library/Application Support
		return filepath.Join(data, "io.kubebuilder.envtest", "k8s"), err
	}
	data := os.Getenv("XDG_DATA_HOME")
	if data == "" {
		home := os.Getenv("HOME")
		if home == "" {
			return "", errors.New("neither XDG_DATA_HOME nor HOME is set")
		}
		data = filepath.Join(home, ".local/share")
	}
	return filepath.Join(data, "kubebuilder-envtest", "k8s"), nil
}
