// Package check tells what in a history must not be. It is a pure function: the same history gives the same violations, also when it is
// read from its file a year later.
//
//	run := check.Index(entries)
//	for _, v := range check.All(run, check.DefaultBounds()) { ... }
//
// Each rule is a file:
//
//	lost.go       an acknowledged Check is there until its time to live is over, or somebody deletes it
//	verdict.go    every verdict is what the engine says offline of that payload and rules that were current; none is written without cause
//	final.go      in the end every Check has the verdict of its last payload and the last rules
//	keys.go       an idempotency key makes one Check, and what replicas say of it fits some order of the calls (porcupine)
//	reads.go      what one replica says of a Check never becomes older
//	streams.go    a stream of events ends with the verdict, and its replica says nothing older afterwards
//	tokens.go     a revoked token stops working on every replica, a good one is never refused
//	alerts.go     what is critical is announced, and again only where the daemon was killed between sound and journal
//	machine.go    nothing leaks, nothing crashes, and all settles
//
// Where the documentation allows what looks wrong, the allowance is in the rule's file, with its page.
package check
