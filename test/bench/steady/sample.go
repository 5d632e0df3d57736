package steady

import (
	"context"
	"math"
	"time"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/report"
)

// How often processes are looked at: by what the kernel tells, and by their metrics.
const (
	sampleEvery  = time.Second
	metricsEvery = 5
)

// series is what was seen of one process.
type series struct {
	name    string
	program *cluster.Process // nil for the control plane's
	pid     int

	at          []float64 // minutes since the start
	anon        []float64 // bytes
	descriptors []float64
	metricsAt   []float64
	goroutines  []float64
	cpu         time.Duration // from the first sample to the last
	began       time.Duration // processor time at the first
}

// sample looks at every process until the context ends.
func (b *bench) sample(ctx context.Context) error {
	for _, p := range b.programs {
		b.samples = append(b.samples, &series{name: p.Name, program: p, pid: p.PID})
	}
	for _, s := range []*cluster.Server{b.c.APIServer, b.c.Etcd} {
		b.samples = append(b.samples, &series{name: s.Name, pid: s.PID})
	}
	ticker := time.NewTicker(sampleEvery)
	defer ticker.Stop()
	told := b.length / 10
	for began, n := time.Now(), 0; ; n++ {
		minutes := time.Since(began).Minutes()
		for _, s := range b.samples {
			if err := s.look(ctx, minutes, n%metricsEvery == 0); err != nil {
				if ctx.Err() != nil {
					return nil
				}
				return err
			}
		}
		if passed := time.Since(began); passed >= told {
			b.o.Progress("%s of %s: %s", passed.Round(time.Second), b.length, b.memories())
			told += b.length / 10
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// look takes one sample.
func (s *series) look(ctx context.Context, minutes float64, metrics bool) error {
	u, err := cluster.Used(s.pid)
	if err != nil {
		return err
	}
	if len(s.at) == 0 {
		s.began = u.CPU
	}
	s.cpu = u.CPU - s.began
	s.at, s.anon, s.descriptors = append(s.at, minutes), append(s.anon, float64(u.Anon)), append(s.descriptors, float64(u.Descriptors))
	if s.program == nil || !metrics {
		return nil
	}
	m, err := s.program.Metrics(ctx)
	if err != nil {
		return err
	}
	s.metricsAt, s.goroutines = append(s.metricsAt, minutes), append(s.goroutines, m["go_goroutines"])
	return nil
}

// memories are those of the last sample, for progress.
func (b *bench) memories() string {
	text := ""
	for _, s := range b.samples {
		text += s.name + " " + report.Bytes(s.anon[len(s.anon)-1]) + "  "
	}
	return text
}

// The fit: the first part of the time warms up, and the rest is cut into blocks whose means are fitted. Samples of one second and the
// next are not independent, and blocks nearly are, so that the confidence is not overstated.
const (
	warmUp = 0.3
	blocks = 20
	// t95 is the 97.5th percentile of Student's t with blocks-2 degrees of freedom: 95 % lie within it on both sides.
	t95 = 2.101
)

// trend is a straight line through a series.
type trend struct {
	mean  float64
	slope float64 // per hour
	error float64 // half of the slope's 95 % interval
}

// fit is the least squares line through a series after the warm-up.
func fit(minutes, values []float64) trend {
	x, y := means(minutes, values)
	n := float64(len(x))
	if n < 3 {
		return trend{error: math.Inf(1)}
	}
	var mx, my float64
	for i := range x {
		mx, my = mx+x[i]/n, my+y[i]/n
	}
	var sxx, sxy float64
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	slope := sxy / sxx
	var rest float64
	for i := range x {
		off := y[i] - my - slope*(x[i]-mx)
		rest += off * off
	}
	return trend{mean: my, slope: slope, error: t95 * math.Sqrt(rest/(n-2)/sxx)}
}

// means are those of blocks of equal length after the warm-up; x is in hours.
func means(minutes, values []float64) (x, y []float64) {
	if len(minutes) == 0 {
		return nil, nil
	}
	from, to := warmUp*minutes[len(minutes)-1], minutes[len(minutes)-1]
	if from == to {
		return nil, nil
	}
	count := make([]float64, blocks)
	x, y = make([]float64, blocks), make([]float64, blocks)
	for i, m := range minutes {
		if m < from {
			continue
		}
		block := min(int(blocks*(m-from)/(to-from)), blocks-1)
		count[block]++
		x[block] += m / 60
		y[block] += values[i]
	}
	kept := 0
	for i, n := range count {
		if n > 0 {
			x[kept], y[kept] = x[i]/n, y[i]/n
			kept++
		}
	}
	return x[:kept], y[:kept]
}
