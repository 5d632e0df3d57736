// Package mutant holds deliberate bugs, to show that the checker finds them. The product has no switch for any of them: each is a proxy that
// does to requests and answers what a product with that bug would do, or a way to start a process.
//
//	clients ── link ── [mutant] ── facade
//	a process ── link ── [mutant] ── kube-apiserver
//
// None is in the way unless a run asks for it by name.
package mutant
