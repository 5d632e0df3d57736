package plan

import (
	"testing"
	"time"
)

// TestQuickHasEachEssentialFaultOnce holds it for the seed and the length of make chaos-quick, and for others.
func TestQuickHasEachEssentialFaultOnce(t *testing.T) {
	for _, seed := range []uint64{1, 7, 8, 99} {
		p := New(seed, Options{Warm: 15 * time.Second, Faults: 70 * time.Second, Quick: true})
		times, kinds := map[Fault]int{}, map[Kind]bool{}
		for _, f := range p.Faults {
			times[Fault{Kind: f.Kind, Target: f.Target}]++
			kinds[f.Kind] = true
		}
		for _, f := range Essential() {
			if times[f] != 1 {
				t.Errorf("seed %d: %s of %s happens %d times", seed, f.Kind, f.Target, times[f])
			}
		}
		for _, f := range Deck() {
			if !kinds[f.Kind] {
				t.Errorf("seed %d: no %s", seed, f.Kind)
			}
		}
	}
}
