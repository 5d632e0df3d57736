package throttle

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

func newGate(t *testing.T, o GateOptions) *Gate {
	t.Helper()
	g, err := NewGate(o)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func enter(t *testing.T, g *Gate) (leave func()) {
	t.Helper()
	leave, err := g.Enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

// TestGateFills fills a gate: one inside, two waiting, the next is refused at once and those who wait when their time
// is up.
func TestGateFills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		g := newGate(t, GateOptions{Name: "checks", InFlight: 1, Queue: 2, Wait: time.Second, Registerer: registry})
		leave := enter(t, g)

		refused := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := g.Enter(t.Context())
				refused <- err
			}()
		}
		synctest.Wait()
		before := time.Now()
		if _, err := g.Enter(t.Context()); !errors.Is(err, ErrOverloaded) {
			t.Errorf("with the queue full: %v", err)
		}
		if took := time.Since(before); took != 0 {
			t.Errorf("with the queue full it waited %v", took)
		}
		for range 2 {
			if err := <-refused; !errors.Is(err, ErrOverloaded) {
				t.Errorf("after the wait: %v", err)
			}
		}
		if took := time.Since(before); took != time.Second {
			t.Errorf("those in the queue waited %v", took)
		}
		want := map[string]float64{"checky_apiserver_in_flight checks": 1, "checky_apiserver_shed_total checks": 3}
		if diff := cmp.Diff(want, samples(t, registry)); diff != "" {
			t.Errorf("metrics (-want +got):\n%s", diff)
		}
		leave()
		leave() // does nothing
		enter(t, g)
		if _, err := g.Enter(t.Context()); !errors.Is(err, ErrOverloaded) {
			t.Errorf("leaving twice made room for two: %v", err)
		}
	})
}

// TestGateOrder lets those who wait in one after the other, and one who comes later not before them.
func TestGateOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(t, GateOptions{Name: "checks", InFlight: 1, Queue: 10, Wait: time.Minute})
		leave := enter(t, g)
		var order []int
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				leave, err := g.Enter(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, i) // one at a time: the gate is the lock
				leave()
			})
			synctest.Wait()
		}
		leave()
		wg.Wait()
		if diff := cmp.Diff([]int{0, 1, 2, 3, 4}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
}

func TestGateContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewRegistry()
		g := newGate(t, GateOptions{Name: "checks", InFlight: 1, Queue: 1, Wait: time.Minute, Registerer: registry})
		leave := enter(t, g)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := g.Enter(ctx)
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("a client that went away while it waited: %v", err)
		}
		leave()
		if _, err := g.Enter(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("a client that is gone got in: %v", err)
		}
		if n := samples(t, registry)["checky_apiserver_shed_total checks"]; n != 0 {
			t.Errorf("%v were counted as shed", n)
		}
	})
}

// TestGateBound hurls goroutines at a gate: there are never more inside than it says, and all places are free in the
// end.
func TestGateBound(t *testing.T) {
	const inFlight = 4
	registry := prometheus.NewRegistry()
	g := newGate(t, GateOptions{Name: "checks", InFlight: inFlight, Queue: 8, Wait: time.Minute, Registerer: registry})
	var inside, entered, shed atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 200 {
				leave, err := g.Enter(t.Context())
				if err != nil {
					shed.Add(1)
					continue
				}
				if n := inside.Add(1); n > inFlight {
					t.Errorf("%d are inside", n)
				}
				entered.Add(1)
				inside.Add(-1)
				leave()
			}
		})
	}
	wg.Wait()
	if entered.Load()+shed.Load() != 64*200 || entered.Load() == 0 {
		t.Errorf("%d got in, %d were refused", entered.Load(), shed.Load())
	}
	for range inFlight {
		enter(t, g)
	}
	if n := samples(t, registry)["checky_apiserver_in_flight checks"]; g.queued.Load() != 0 || n != inFlight {
		t.Errorf("in the end %d wait and %v are inside", g.queued.Load(), n)
	}
}

func TestGateOptions(t *testing.T) {
	registry := prometheus.NewRegistry()
	newGate(t, GateOptions{Name: "checks", InFlight: 1, Registerer: registry})
	newGate(t, GateOptions{Name: "reviews", InFlight: 1, Registerer: registry})
	for name, o := range map[string]GateOptions{
		"NobodyInside":  {Name: "other"},
		"NegativeQueue": {Name: "other", InFlight: 1, Queue: -1},
		"NegativeWait":  {Name: "other", InFlight: 1, Wait: -1},
		"NameTaken":     {Name: "checks", InFlight: 1, Registerer: registry},
	} {
		if _, err := NewGate(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func BenchmarkGate(b *testing.B) {
	g, err := NewGate(GateOptions{Name: "checks", InFlight: 64})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		leave, err := g.Enter(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		leave()
	}
}
