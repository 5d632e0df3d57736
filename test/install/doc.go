// Package install holds the tests of what people install: manifests, chart, images, and all of them on a real node.
//
//	manifests/   kustomize and Helm render the same objects, which pass the Pod Security Standards, their schemas and their own rules
//	monitoring/  alerts fire when they should and only then; what rules and dashboard ask for is what the real commands serve
//	node/        a cluster of one real node, without a container engine or a registry: containerd, runc, kubelet and all that Pods need
//	e2e/         Checky installed on that node, used, broken and upgraded
//
// It is a module of its own, so that Checky does not depend on Helm, kustomize and container tools.
package install
