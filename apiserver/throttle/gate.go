package throttle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/semaphore"
)

// ErrOverloaded is the error of a Gate that is full: more is asked than can be done in time.
var ErrOverloaded = errors.New("overloaded: too many requests are being worked on")

// GateOptions are the bounds of a Gate.
type GateOptions struct {
	// Name is what the gate is before, as the metrics' label "gate".
	Name string
	// InFlight is how many may be inside at once, at least 1.
	InFlight int
	// Queue is how many may wait to get in. 0: nobody waits.
	Queue int
	// Wait is how long one waits at most.
	Wait time.Duration
	// Registerer gets checky_apiserver_in_flight and checky_apiserver_shed_total. nil: they are not shown.
	Registerer prometheus.Registerer
}

// Gate bounds what is worked on at once. Some wait for a short time, in the order that they came, and everybody else is
// refused at once: a short queue keeps latency short when more comes than can be done. It is safe for concurrent use.
type Gate struct {
	slots    *semaphore.Weighted
	size     int
	queue    int64
	wait     time.Duration
	queued   atomic.Int64
	inFlight prometheus.Gauge
	shed     prometheus.Counter
}

// NewGate makes a gate. Gates of one registry have different names.
func NewGate(o GateOptions) (*Gate, error) {
	if o.InFlight < 1 || o.Queue < 0 || o.Wait < 0 {
		return nil, fmt.Errorf("gate %s: expected at least 1 in flight, and a queue and a wait that are not negative", o.Name)
	}
	labels := prometheus.Labels{"gate": o.Name}
	g := &Gate{
		slots: semaphore.NewWeighted(int64(o.InFlight)), size: o.InFlight, queue: int64(o.Queue), wait: o.Wait,
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "checky_apiserver_in_flight", Help: "Requests that are being worked on, by gate.", ConstLabels: labels,
		}),
		shed: prometheus.NewCounter(prometheus.CounterOpts{
			Name:        "checky_apiserver_shed_total",
			Help:        "Requests that were refused because too many were being worked on, by gate.",
			ConstLabels: labels,
		}),
	}
	if o.Registerer == nil {
		return g, nil
	}
	for _, c := range []prometheus.Collector{g.inFlight, g.shed} {
		if err := o.Registerer.Register(c); err != nil {
			return nil, fmt.Errorf("register the metrics of gate %s: %w", o.Name, err)
		}
	}
	return g, nil
}

// Size is how many may be inside at once.
func (g *Gate) Size() int { return g.size }

// Enter goes in, or waits to. Whoever got in calls leave when done; calling it again does nothing. The error is
// ErrOverloaded if the queue is full or the wait was too long, and the context's if that ended first.
func (g *Gate) Enter(ctx context.Context) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !g.slots.TryAcquire(1) { // which is refused too while others wait
		if err := g.await(ctx); err != nil {
			return nil, err
		}
	}
	g.inFlight.Inc()
	return sync.OnceFunc(func() {
		g.inFlight.Dec()
		g.slots.Release(1)
	}), nil
}

// await waits in the queue.
func (g *Gate) await(ctx context.Context) error {
	defer g.queued.Add(-1)
	if g.queued.Add(1) > g.queue {
		g.shed.Inc()
		return ErrOverloaded
	}
	waiting, cancel := context.WithTimeout(ctx, g.wait)
	defer cancel()
	if g.slots.Acquire(waiting, 1) == nil {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	g.shed.Inc()
	return ErrOverloaded
}
