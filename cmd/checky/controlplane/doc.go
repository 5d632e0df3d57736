// Package controlplane runs a real kube-apiserver and etcd on this machine, for `checky up`, `checky
// demo` and the tests: no container runtime, no fixed port, nothing to install.
//
//	FindAssets:  KUBEBUILDER_ASSETS -> cache -> setup-envtest's releases -> hack/controlplane/build.sh
//
//	this process ──pipe──> supervisor ──> etcd             (loopback, client certificates only)
//	     │    └──────pipe──> supervisor ──> kube-apiserver   (loopback, RBAC)
//	     └── client certificates, kubeconfig
//
// Each server runs under a supervisor: this same program, started again. The supervisor reads a pipe
// that only this process holds open. When this process ends, for whatever reason (Stop, Ctrl-C, a
// panic, SIGKILL), the pipe ends too, and the supervisor stops its server: SIGTERM, and SIGKILL
// after a bound, or SIGKILL at once where the data is temporary; it then deletes that, too. On Linux the kernel also kills the server when its supervisor dies. A program that
// calls Start must therefore call ExitIfSupervisor first thing, as TestMain does in tests:
//
//	func TestMain(m *testing.M) {
//		controlplane.ExitIfSupervisor()
//		os.Exit(m.Run())
//	}
//
// There is no scheduler, kubelet or controller manager: objects are stored, admitted, watched and
// served, but no Pod runs, nothing is garbage collected by owner, and a deleted namespace
// stays Terminating.
package controlplane
