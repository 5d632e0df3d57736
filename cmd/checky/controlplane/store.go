//go:build !windows

package controlplane

import "sigs.k8s.io/controller-runtime/pkg/envtest"

// releaseIndexURL lists setup-envtest's releases.
var releaseIndexURL = envtest.DefaultBinaryAssetsIndexURL

// releaseStore is the folder where setup-envtest keeps what it fetched.
func releaseStore() (string, error) { return envtest.SetupEnvtestDefaultBinaryAssetsDirectory() }
