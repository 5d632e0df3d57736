// Package cluster is everything that a run breaks: real processes on this machine, each on a TCP link of its own that can fail.
//
//	kubectl's ways ── clients-apiserver ──────────────> kube-apiserver ──> etcd
//	REST clients ─┬─ clients-facade-0 ─> facade-0 ─ facade-0 ──>│ ^
//	              └─ clients-facade-1 ─> facade-1 ─ facade-1 ──>│ │
//	                             controller-0, -1 ─ ... ───────>│ webhook ──> a controller that is up
//	                             alertd ─────────── alertd ────>│
//
// The controllers elect a leader; the facades are two replicas; the alert daemon records in place of sound, and has its journal on a
// filesystem of its own. Each runs under the role that it is deployed with. A process that ends is started again after a second,
// as by a kubelet. Faults are those of package plan.
//
// etcd and kube-apiserver are first started by the project's own controlplane package, which makes their certificates. Then they are run
// here by the same command lines, so that either can be killed and started again.
//
// The package needs Linux: /proc, the parent-death signal, and for a full disk the right to mount.
package cluster
