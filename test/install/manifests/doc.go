// Package manifests renders what people install, and its tests hold that to what is promised of it.
//
//	objects, err := manifests.Kustomize("../../../config/default")            // as kubectl apply -k would send them
//	objects, err := manifests.With("../../../config/default", "../../../config/knowledge") // with opt-in components
//
// The tests: the overlays build, are the same each time, and refer to nothing that is not there; every Pod meets its Pod Security Standard;
// every object is what its kind's schema allows, and a real API server takes it; who may do what is what docs/security.md says.
//
// It installs nothing: package e2e does that, on a real node.
package manifests
