// Package measure times functions beside each other.
//
//	round 1:  A B C     round 2:  C B A     round 3:  A B C     ...     each case: the median of its rounds, and their quartiles
//
// Cases take turns in short rounds, in one direction and back, so that whatever else the machine does falls on all of them alike. It
// judges nothing.
package measure

import (
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"time"
)

// Case is a function to time.
type Case struct {
	Name string
	// Run is what is timed. It has been called before, so that caches are warm.
	Run func() error
	// Bytes is how much of a payload a call reads; 0: it does not matter.
	Bytes int
}

// Result is what a case took.
type Result struct {
	Name string
	// Nanoseconds is the median over the rounds of the mean time of a call; Low and High are the quartiles.
	Nanoseconds, Low, High float64
	// Allocations and AllocatedBytes are those of a call, medians too.
	Allocations, AllocatedBytes float64
	// Bytes is the case's.
	Bytes int

	rounds []float64 // the mean time of a call in each
}

// Over is how many times as long as the other case this one took: the median of the ratios of each round, in which both met with much the
// same of whatever else the machine did. Both are of one call of Time.
func (r Result) Over(other Result) float64 {
	ratios := make([]float64, min(len(r.rounds), len(other.rounds)))
	for i := range ratios {
		ratios[i] = r.rounds[i] / other.rounds[i]
	}
	return Quantile(ratios, 0.5)
}

// Spread is half of the distance between the quartiles, as a part of the median.
func (r Result) Spread() float64 { return (r.High - r.Low) / 2 / r.Nanoseconds }

// BytesPerSecond is how fast payloads are read.
func (r Result) BytesPerSecond() float64 { return float64(r.Bytes) / r.Nanoseconds * 1e9 }

// Rounds says how long to measure.
type Rounds struct {
	// Number of rounds in which each case has a turn.
	Number int
	// Turn is how long a case's turn is to take; one call may take longer.
	Turn time.Duration
}

// maxCalls bounds the calls of a turn, so that counting them costs nothing.
const maxCalls = 1 << 22

// Time times the cases beside each other. It ends early with the context's error.
func (r Rounds) Time(ctx context.Context, cases []Case) ([]Result, error) {
	calls := make([]int, len(cases))
	for i, c := range cases {
		n, err := r.calibrate(ctx, c)
		if err != nil {
			return nil, err
		}
		calls[i] = n
	}
	turns := make([]samples, len(cases))
	for round := range r.Number {
		for turn := range cases {
			i := turn
			if round%2 == 1 {
				i = len(cases) - 1 - turn
			}
			if err := errors.Join(ctx.Err(), turns[i].add(cases[i], calls[i])); err != nil {
				return nil, err
			}
		}
	}
	results := make([]Result, len(cases))
	for i, c := range cases {
		results[i] = turns[i].result(c)
	}
	return results, nil
}

// calibrate finds how many calls fill a turn.
func (r Rounds) calibrate(ctx context.Context, c Case) (int, error) {
	for n := 1; ; {
		start := time.Now()
		for range n {
			if err := c.Run(); err != nil {
				return 0, err
			}
		}
		took := time.Since(start)
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if took >= r.Turn/4 || n >= maxCalls {
			return max(1, min(maxCalls, int(float64(n)*float64(r.Turn)/float64(max(took, 1))))), nil
		}
		n *= 4
	}
}

// samples are what the rounds of one case gave, a value a round.
type samples struct{ nanoseconds, allocations, bytes []float64 }

func (s *samples) add(c Case, calls int) error {
	var before, after runtime.MemStats
	runtime.GC() // what others left behind is not this case's to clear away
	runtime.ReadMemStats(&before)
	start := time.Now()
	for range calls {
		if err := c.Run(); err != nil {
			return err
		}
	}
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	n := float64(calls)
	s.nanoseconds = append(s.nanoseconds, float64(took)/n)
	s.allocations = append(s.allocations, float64(after.Mallocs-before.Mallocs)/n)
	s.bytes = append(s.bytes, float64(after.TotalAlloc-before.TotalAlloc)/n)
	return nil
}

func (s *samples) result(c Case) Result {
	return Result{
		Name: c.Name, Bytes: c.Bytes, rounds: s.nanoseconds,
		Nanoseconds: Quantile(s.nanoseconds, 0.5), Low: Quantile(s.nanoseconds, 0.25), High: Quantile(s.nanoseconds, 0.75),
		// A stray allocation of the runtime in a turn is none of a call's.
		Allocations: math.Round(Quantile(s.allocations, 0.5)), AllocatedBytes: math.Round(Quantile(s.bytes, 0.5)),
	}
}

// Quantile is the value below which the part q of the values lies, between two of them in proportion. It is NaN for none.
func Quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	low := int(at)
	if low+1 >= len(sorted) {
		return sorted[low]
	}
	return sorted[low] + (at-float64(low))*(sorted[low+1]-sorted[low])
}

// Latencies are the times of single calls, in ns.
type Latencies []float64

// Each times single calls beside each other: every one of the functions gets the numbers from 0 to n-1, one number after the other.
func Each(ctx context.Context, n int, functions ...func(i int) error) ([]Latencies, error) {
	all := make([]Latencies, len(functions))
	for i := range all {
		all[i] = make(Latencies, 0, n)
	}
	for i := range n {
		for j := range functions {
			k := (i + j) % len(functions) // each is as often the first, which finds the caches cold
			start := time.Now()
			if err := functions[k](i); err != nil {
				return nil, err
			}
			all[k] = append(all[k], float64(time.Since(start)))
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Quantile is the time that the part q of the calls did not exceed.
func (l Latencies) Quantile(q float64) float64 { return Quantile(l, q) }
