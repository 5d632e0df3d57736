// Package e2e installs Checky on a real node, uses it as people do, breaks what breaks in clusters, and looks whether anything is lost:
// images, manifests, chart, Services, certificates, Pods that are killed, rolled and drained.
//
//	make e2e                              both installations, everything but the long load: some minutes
//	make e2e E2E='-run TestSoak -soak 30m'
//	make e2e E2E='-run TestUpgrade -from v0.1.0'
//
// Each test has a node of its own (package node). What was done and counted is printed at the end.
package e2e
