package controlplane

import (
	"os"
	"path/filepath"
)

// Both are those of package envtest, which cannot be compiled for Windows in controller-runtime v0.25.2: its package
// process declares signalProcess twice there.

var releaseIndexURL = "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"

func releaseStore() (string, error) {
	cache, err := os.UserCacheDir() // %LocalAppData%
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "kubebuilder-envtest", "k8s"), nil
}
