package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// grace is how long answers that are under way at a plan's end may take. What has none by then counts as unanswered.
const grace = 30 * time.Second

// Plan says what to send. It travels as JSON.
type Plan struct {
	// Address is the server's HOST:PORT.
	Address string `json:"address"`
	// Authority is the PEM of the certificate that the server's is signed by. Empty: no TLS.
	Authority []byte `json:"authority,omitempty"`
	// Connections are how many there are.
	Connections int `json:"connections"`
	// Requests are sent in turn.
	Requests [][]byte `json:"requests"`
	// Rate is how many requests a second are due, over all connections. 0: a closed loop.
	Rate float64 `json:"rate,omitempty"`
	// Duration is for how long requests are sent.
	Duration time.Duration `json:"duration"`
	// Want is the status of a good answer.
	Want int `json:"want"`
}

// Result is what became of a plan. It travels as JSON.
type Result struct {
	// Good counts the answers that were wanted, Bad the others by their status; 0 are those that never came.
	Good int         `json:"good"`
	Bad  map[int]int `json:"bad,omitempty"`
	// Took is from the first request to the last answer.
	Took time.Duration `json:"took"`
	// P50, P99 and Max are of the latencies of good answers: in an open loop from when the request was due.
	P50 time.Duration `json:"p50"`
	P99 time.Duration `json:"p99"`
	Max time.Duration `json:"max"`
	// CPU is the processor time that the sender took.
	CPU time.Duration `json:"cpu"`
}

// PerSecond is the rate of good answers.
func (r *Result) PerSecond() float64 { return float64(r.Good) / r.Took.Seconds() }

// Sent counts the requests.
func (r *Result) Sent() int {
	sent := r.Good
	for _, n := range r.Bad {
		sent += n
	}
	return sent
}

// Err says that answers were not what was wanted.
func (r *Result) Err() error {
	if len(r.Bad) == 0 {
		return nil
	}
	return fmt.Errorf("of %d requests some were not answered as they should be, by status: %v", r.Sent(), r.Bad)
}

// Run carries a plan out in this process.
func Run(ctx context.Context, plan Plan) (*Result, error) {
	if plan.Connections < 1 || len(plan.Requests) == 0 || plan.Duration <= 0 {
		return nil, errors.New("a plan needs connections, requests and a duration")
	}
	config, err := plan.tls()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, plan.Duration+grace)
	defer cancel()
	all, err := DialAll(ctx, plan.Connections, plan.Address, config)
	if err != nil {
		return nil, err
	}
	defer Close(all)
	before, began := processorTime(), time.Now()
	s := sender{Plan: plan, began: began, each: make([]tally, len(all))}
	var group sync.WaitGroup
	for i, c := range all {
		group.Go(func() { s.work(c, &s.each[i]) })
	}
	group.Wait()
	result := s.result()
	result.Took, result.CPU = time.Since(began), processorTime()-before
	return result, nil
}

// tls is the configuration of a client that trusts the plan's authority; nil where there is none.
func (p *Plan) tls() (*tls.Config, error) {
	if len(p.Authority) == 0 {
		return nil, nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(p.Authority) {
		return nil, errors.New("the plan's authority is no certificate")
	}
	return &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}, nil
}

// tally is what one connection saw.
type tally struct {
	latencies []time.Duration
	bad       map[int]int
}

type sender struct {
	Plan
	began time.Time
	next  atomic.Int64
	each  []tally
}

// work sends what is due by one connection, until the plan's time is over or the connection fails.
func (s *sender) work(c *Conn, t *tally) {
	for {
		n := s.next.Add(1) - 1
		due := time.Now()
		if s.Rate > 0 {
			due = s.began.Add(time.Duration(float64(n) / s.Rate * float64(time.Second)))
		}
		if due.Sub(s.began) >= s.Duration {
			return
		}
		if wait := time.Until(due); wait > 0 {
			time.Sleep(wait)
		}
		status, _, err := c.Exchange(s.Requests[n%int64(len(s.Requests))])
		switch {
		case err == nil && status == s.Want:
			t.latencies = append(t.latencies, time.Since(due))
			continue
		case t.bad == nil:
			t.bad = map[int]int{}
		}
		if err != nil {
			t.bad[0]++
			return
		}
		t.bad[status]++
	}
}

func (s *sender) result() *Result {
	r := &Result{}
	var all []time.Duration
	for i := range s.each {
		all = append(all, s.each[i].latencies...)
		for status, n := range s.each[i].bad {
			if r.Bad == nil {
				r.Bad = map[int]int{}
			}
			r.Bad[status] += n
		}
	}
	r.Good = len(all)
	slices.Sort(all)
	r.P50, r.P99, r.Max = Quantile(all, 0.5), Quantile(all, 0.99), Quantile(all, 1)
	return r
}

// Quantile is that of values in ascending order; 0 of none.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// processorTime is what this process has used so far.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0 // it fails for a bad address alone
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
