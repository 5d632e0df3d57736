package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Meter measures what processes take of the machine while something happens.
type Meter struct {
	pids   map[string]int
	before map[string]Usage
	began  time.Time
}

// Meter begins to measure the control plane and the programs named. Peaks begin anew.
func (c *Cluster) Meter(programs ...*Process) (*Meter, error) {
	m := &Meter{pids: map[string]int{c.Etcd.Name: c.Etcd.PID, c.APIServer.Name: c.APIServer.PID}, before: map[string]Usage{}}
	for _, p := range programs {
		m.pids[p.Name] = p.PID
	}
	for name, pid := range m.pids {
		if err := ResetPeak(pid); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		var err error
		if m.before[name], err = Used(pid); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	m.began = time.Now()
	return m, nil
}

// Read is what each process has taken since: its processor time, and memory as it is and was at most.
func (m *Meter) Read() (map[string]Usage, error) {
	used := map[string]Usage{}
	for name, pid := range m.pids {
		u, err := Used(pid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		u.CPU -= m.before[name].CPU
		used[name] = u
	}
	return used, nil
}

// Took is how long it has been.
func (m *Meter) Took() time.Duration { return time.Since(m.began) }

// Median is the middle of values, of an even number the upper; it leaves them in ascending order.
func Median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// Quantiles are the median and the 99th percentile of times; it leaves them in ascending order.
func Quantiles(times []time.Duration) (p50, p99 time.Duration) {
	slices.Sort(times)
	return times[len(times)/2], times[min(len(times)*99/100, len(times)-1)]
}

// Pause waits, or returns early with the context's error.
func Pause(ctx context.Context, d time.Duration) error { return sleepUntil(ctx, time.Now().Add(d)) }
