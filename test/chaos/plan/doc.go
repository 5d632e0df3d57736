// Package plan is what goes wrong in a run, and when: a pure function of a seed.
//
//	p := plan.New(7, plan.Options{Warm: 15 * time.Second, Faults: 2 * time.Minute})
//	fmt.Print(p)
//
//	  1   16.2s  for  4.1s  kill          leader
//	  2   19.9s  for  7.5s  half-open     controller-1
//	  3   24.0s  for  6.0s  full-disk     journal
//
// Every fault of the deck is dealt once before any is dealt again, so a long run sees them all; their order, times and lengths are
// the seed's, and they overlap. A fault begins when it is due, whatever became of those before it.
//
// The package does nothing to anybody: see package cluster.
package plan
