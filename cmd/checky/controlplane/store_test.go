//go:build !windows

package controlplane

import (
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// TestStoreIsEnvtests holds the folder and the address to those of the package that this one does without.
func TestStoreIsEnvtests(t *testing.T) {
	if releaseIndexURL != envtest.DefaultBinaryAssetsIndexURL {
		t.Errorf("the index is %s, and envtest's %s", releaseIndexURL, envtest.DefaultBinaryAssetsIndexURL)
	}
	for _, data := range []string{"", "/data"} {
		t.Setenv("XDG_DATA_HOME", data)
		got, err := releaseStore()
		want, wantErr := envtest.SetupEnvtestDefaultBinaryAssetsDirectory()
		if got != want || (err == nil) != (wantErr == nil) {
			t.Errorf("the store is %s, %v, and envtest's %s, %v", got, err, want, wantErr)
		}
	}
}
