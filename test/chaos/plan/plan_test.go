package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var half = Options{Warm: 15 * time.Second, Faults: 30 * time.Minute}

func TestTheSameSeedIsTheSamePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.Uint64().Draw(t, "seed")
		if diff := cmp.Diff(New(seed, half), New(seed, half)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOtherSeedsAreOtherPlans(t *testing.T) {
	if New(1, half).String() == New(2, half).String() {
		t.Error("the plans of 1 and 2 are the same")
	}
}

func TestALongRunSeesEveryFault(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := New(rapid.Uint64().Draw(t, "seed"), half)
		dealt := map[Fault]int{}
		for i, f := range p.Faults {
			if f.ID != i+1 || f.At < half.Warm || f.At+f.For > half.Warm+half.Faults || f.For < 2*time.Second {
				t.Errorf("out of bounds: %s", f)
			}
			if (f.Late > 0) != (f.Kind == Delay) {
				t.Errorf("late: %s", f)
			}
			dealt[Fault{Kind: f.Kind, Target: f.Target}]++
		}
		for _, f := range Deck() {
			if dealt[f] == 0 {
				t.Errorf("never: %s %s", f.Kind, f.Target)
			}
		}
	})
}

func TestNoTimeIsNoFault(t *testing.T) {
	if p := New(1, Options{Warm: time.Minute, Faults: time.Second}); len(p.Faults) != 0 {
		t.Errorf("got %s", p)
	}
}
