// Package node runs a Kubernetes cluster of one real node on a Debian machine, without a container engine, a registry or the internet:
// the control plane of package controlplane with kube-controller-manager, kube-scheduler, kubelet and kube-proxy from the same modules,
// CoreDNS, and Debian's containerd, runc and CNI plugins. Images come from archives.
//
//	func TestMain(m *testing.M) { os.Exit(node.Isolated(prepare, m.Run)) } // prepare: node.Build("../../..")
//
//	n, err := node.Start(ctx, os.Stderr)
//	err = n.Import(ctx, "dist/images/checky.tar")
//	out, err := n.Kubectl(ctx, "apply", "-k", "config/default")
//	err = n.Stop()
//
// # What it leaves behind
//
// Nothing, whatever happens. Isolated runs the program in namespaces of its own (processes, mounts, network, host name), which end with
// it; its folder and its control groups are deleted by the process outside, or by the next run if that was killed too:
//
//	test binary          outside: waits, then deletes folder and control groups
//	└─ init              first process of the namespaces: reaps orphans, and takes all others with it
//	   └─ test binary    inside: runs the tests, starts the servers
//	      └─ etcd, kube-apiserver, ..., kubelet, containerd ── Pods
//
// The network is that of the node alone: a bridge with NodeAddress, Pods on another bridge, and no way out. It needs root.
package node
