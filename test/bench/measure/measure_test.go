package measure

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	for name, tc := range map[string]struct {
		values []float64
		q      float64
		want   float64
	}{
		"the median of an odd number is the one in the middle": {[]float64{9, 1, 5}, 0.5, 5},
		"the median of an even number lies between two":        {[]float64{4, 1, 2, 3}, 0.5, 2.5},
		"one value is every quantile":                          {[]float64{7}, 0.99, 7},
		"the last is the greatest":                             {[]float64{1, 2, 3}, 1, 3},
		"the first is the least":                               {[]float64{3, 2, 1}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Quantile(tc.values, tc.q); got != tc.want {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
}

// TestTurnsAlternate: a case that was first in one round is last in the next.
func TestTurnsAlternate(t *testing.T) {
	var turns []string
	note := func(name string) func() error {
		return func() error {
			if len(turns) == 0 || turns[len(turns)-1] != name {
				turns = append(turns, name)
			}
			return nil
		}
	}
	results, err := Rounds{Number: 2, Turn: time.Microsecond}.Time(t.Context(), []Case{
		{Name: "a", Run: note("a"), Bytes: 10}, {Name: "b", Run: note("b")},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, name := range turns[len(turns)-3:] { // a b, then b a, of which the two b are one here
		got += name
	}
	if got != "aba" {
		t.Errorf("the turns were %v", turns)
	}
	if results[0].Name != "a" || results[0].Nanoseconds <= 0 || results[0].BytesPerSecond() <= 0 || results[1].Low > results[1].High {
		t.Errorf("%+v", results)
	}
}

func TestAllocationsAreCounted(t *testing.T) {
	var kept []byte
	results, err := Rounds{Number: 3, Turn: time.Millisecond}.Time(t.Context(), []Case{
		{Name: "two", Run: func() error { kept = append(make([]byte, 64), make([]byte, 1000)...); return nil }},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := results[0]; len(kept) == 0 || got.Allocations < 1 || got.Allocations > 3 || got.AllocatedBytes < 1000 {
		t.Errorf("%+v", got)
	}
}

func TestEndsEarly(t *testing.T) {
	broken := errors.New("broken")
	failing := []Case{{Name: "a", Run: func() error { return broken }}}
	if _, err := (Rounds{Number: 1, Turn: time.Millisecond}).Time(t.Context(), failing); !errors.Is(err, broken) {
		t.Errorf("got %v, want the case's error", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	working := []Case{{Name: "a", Run: func() error { return nil }}}
	if _, err := (Rounds{Number: 1, Turn: time.Millisecond}).Time(ctx, working); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
	if _, err := Each(ctx, 1, func(int) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

func TestEach(t *testing.T) {
	var order []int
	all, err := Each(t.Context(), 2,
		func(i int) error { order = append(order, i*10); return nil },
		func(i int) error { order = append(order, i*10+1); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || len(all[0]) != 2 || len(all[1]) != 2 || all[0].Quantile(1) < all[0].Quantile(0) {
		t.Errorf("%v", all)
	}
	if want := []int{0, 1, 11, 10}; len(order) != 4 || order[2] != want[2] || order[3] != want[3] {
		t.Errorf("called in the order %v, want %v", order, want)
	}
}

// TestOver: a round in which the machine was slow for both says no less than the others.
func TestOver(t *testing.T) {
	a, b := Result{rounds: []float64{2, 20, 3}}, Result{rounds: []float64{1, 10, 1}}
	if got := a.Over(b); got != 2 {
		t.Errorf("got %v, want 2", got)
	}
	if got := a.Over(Result{}); !math.IsNaN(got) {
		t.Errorf("got %v of nothing, want no number", got)
	}
}
