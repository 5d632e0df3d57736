// Package config holds the manifests that install Checky. They are embedded so that `checky up` and `checky demo` work from
// the binary alone.
package config

import "embed"

// Files are the manifests by their path below this folder: the custom resource definitions in crd/bases, what
// each component may do in Rights, and the sample Checks in samples.
//
//go:embed crd/bases/*.yaml rbac/*.yaml apiserver/rbac.yaml alertd/rbac.yaml samples/*.yaml
var Files embed.FS

// Rights are the folders of Files that say who may do what: people and the controller, the facade, the alert daemon.
var Rights = []string{"rbac", "apiserver", "alertd"}
