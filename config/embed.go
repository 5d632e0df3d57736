// Package config holds the manifests that install Checky. They are embedded so that `checky up` and `checky demo` work from
// the binary alone.
package config

import "embed"

// Files are the manifests by their path below this folder: the custom resource definitions in crd/bases, what the
// controller and the facade may do in rbac, and the sample Checks in samples.
//
//go:embed crd/bases/*.yaml rbac/*.yaml samples/*.yaml
var Files embed.FS
