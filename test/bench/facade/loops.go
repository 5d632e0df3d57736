package facade

import (
	"context"
	"fmt"
	"time"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/load"
	"github.com/checky-dev/checky/test/bench/report"
)

// work is one kind of request.
type work struct {
	name     string
	requests [][]byte
	length   time.Duration
}

// run is one kind of request by so many connections.
type run struct {
	name        string
	tls         bool
	connections int
	closed      measured // the most there is
	open        measured // at half of that rate
}

// measured is what one loop came to.
type measured struct {
	*load.Result
	cpu time.Duration // of the facade, for each request
}

// loops measures a kind of request, at each number of connections.
func (b *bench) loops(ctx context.Context, t *target, w work, connections []int) error {
	if _, err := load.Generate(ctx, t.plan(w.requests, 16, 0, b.warm)); err != nil {
		return err
	}
	for _, n := range connections {
		r := &run{name: w.name, tls: t.authority != nil, connections: n}
		var err error
		if r.closed, err = b.measure(ctx, t, t.plan(w.requests, n, 0, w.length)); err != nil {
			return err
		}
		if r.open, err = b.measure(ctx, t, t.plan(w.requests, n, r.closed.PerSecond()/2, w.length)); err != nil {
			return err
		}
		b.runs = append(b.runs, r)
		b.o.Progress("%s, %d connections: %s requests/s; at half of that p50 %s, p99 %s", r.title(), n,
			report.Number(r.closed.PerSecond()), report.Duration(r.open.P50), report.Duration(r.open.P99))
	}
	return nil
}

// measure carries out a plan. Answers that are not what was wanted are an error: the figure would be of something else.
func (b *bench) measure(ctx context.Context, t *target, plan load.Plan) (measured, error) {
	before, err := cluster.Used(t.facade.PID)
	if err != nil {
		return measured{}, err
	}
	result, err := load.Generate(ctx, plan)
	if err != nil {
		return measured{}, err
	}
	after, err := cluster.Used(t.facade.PID)
	if err != nil {
		return measured{}, fmt.Errorf("%w (%w)", err, t.facade.Ended())
	}
	m := measured{Result: result, cpu: (after.CPU - before.CPU) / time.Duration(max(result.Sent(), 1))}
	return m, result.Err()
}

func (r *run) title() string {
	if r.tls {
		return r.name + ", TLS"
	}
	return r.name
}
