package operator

import (
	"context"
	"time"

	"github.com/checky-dev/checky/test/bench/cluster"
)

// lateWrites is how long after the last verdict requests are waited for that the operator makes in the background, such as events.
const lateWrites = 2 * time.Second

// round is what one round came to.
type round struct {
	checks   int
	took     time.Duration // from the first creation to the last verdict
	p50, p99 time.Duration // from creation to verdict
	used     map[string]cluster.Usage
	requests cluster.Requests
	bytes    cluster.Bytes // between the controller and the API server
}

func (r *round) perSecond() float64 { return float64(r.checks) / r.took.Seconds() }

// perCheck is how many requests there were for each Check, of those that a test lets through.
func (r *round) perCheck(counts func(cluster.Request) bool) float64 {
	n := 0
	for request, times := range r.requests {
		if counts(request) {
			n += times
		}
	}
	return float64(n) / float64(r.checks)
}

// round has a driver's Checks done at full speed.
func (b *bench) round(ctx context.Context, d *cluster.Driver) (*round, error) {
	before, err := b.c.Requests(ctx)
	if err != nil {
		return nil, err
	}
	var programs []*cluster.Process
	sent := cluster.Bytes{}
	if b.controller != nil {
		programs, sent = append(programs, b.controller), b.controller.Proxy.Bytes()
	}
	meter, err := b.c.Meter(programs...)
	if err != nil {
		return nil, err
	}
	spans, err := b.flood(ctx, d, b.checks)
	if err != nil {
		return nil, err
	}
	r := &round{checks: b.checks, took: whole(spans)}
	if r.used, err = meter.Read(); err != nil {
		return nil, err
	}
	if b.controller != nil {
		if err := cluster.Pause(ctx, lateWrites); err != nil {
			return nil, err
		}
		r.bytes = b.controller.Proxy.Bytes().Since(sent)
	}
	after, err := b.c.Requests(ctx)
	if err != nil {
		return nil, err
	}
	r.requests = after.Since(before)
	times := make([]time.Duration, len(spans))
	for i, span := range spans {
		times[i] = span.Done.Sub(span.Sent)
	}
	r.p50, r.p99 = cluster.Quantiles(times)
	return r, nil
}

// whole is from the first creation to the last verdict.
func whole(spans []cluster.Span) time.Duration {
	first, last := spans[0].Sent, spans[0].Done
	for _, span := range spans {
		if span.Sent.Before(first) {
			first = span.Sent
		}
		if span.Done.After(last) {
			last = span.Done
		}
	}
	return last.Sub(first)
}
