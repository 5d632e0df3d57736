// Package cluster runs what the benchmark measures, as the processes that people run:
//
//	                      ┌── proxy ── checky controller
//	etcd ── kube-apiserver├── proxy ── checky apiserver    (the REST facade)
//	  ▲          ▲        ├── proxy ── checky-alertd
//	  │          └────────┴── proxy ── Client, Driver      (the benchmark itself)
//	  └── Store: finished Checks by the ten thousand
//
// A Proxy counts the bytes of a connection both ways, and adds one copy of each. Usage is what /proc tells of a process; Requests are
// those that the API server counted itself, so that nothing is missed. etcd waits for the disk at each write, as an installed one does.
//
// Every process has a service account's rights and no more, listens on loopback alone, and is ended by Stop; the kernel ends it where the
// benchmark itself is killed. The package needs Linux.
package cluster
