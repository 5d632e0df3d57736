// Package facade measures the REST facade: dry runs, which it answers itself, and recorded checks, which are objects with the
// operator's verdict by the time they are answered.
//
//	generator, a process of its own -> HTTP/1.1, kept connections -> facade -> API server -> controller
//
// Each figure is found twice: a closed loop tells the most there is at so many connections, and an open loop at half of that rate
// tells how long requests take, counted from when each was due.
package facade

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/load"
	"github.com/checky-dev/checky/test/bench/report"
	"github.com/checky-dev/checky/test/bench/section"
)

// users are how many accounts send requests, in turn.
const users = 8

// The sizes of payloads: dry runs are of the order that the engine is measured by, recorded checks of that of the operator.
const (
	dryBytes      = 200
	recordedBytes = 600
)

// comparedConnections is how many connections record checks where that is compared with the operator's own rate.
const comparedConnections = 128

// sizes are how much is measured.
type sizes struct {
	connections    []int
	dry, recorded  time.Duration // of each loop
	warm           time.Duration
	rounds, checks int // of the comparison with the operator
}

func sizesOf(o section.Options) sizes {
	if o.Quick {
		return sizes{connections: []int{16}, dry: 2 * time.Second, recorded: 3 * time.Second, warm: time.Second, rounds: 1, checks: 200}
	}
	return sizes{connections: []int{1, 16, 128}, dry: 5 * time.Second, recorded: 8 * time.Second, warm: 2 * time.Second, rounds: 3, checks: 1000}
}

// bench is a run of this section.
type bench struct {
	sizes

	o          section.Options
	c          *cluster.Cluster
	controller *cluster.Process
	operated   *cluster.Driver

	runs               []*run
	byFacade, byDriver []float64 // checks/s, by pairs of rounds
	profile            []byte    // of dry runs
	recordedProfile    []byte
}

// Run measures.
func Run(ctx context.Context, o section.Options) (_ *report.Section, err error) {
	c, err := cluster.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	b := &bench{sizes: sizesOf(o), o: o, c: c}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	if err := b.plain(ctx); err != nil {
		return nil, fmt.Errorf("plain HTTP: %w", err)
	}
	if err := b.secured(ctx); err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	return b.section()
}

func (b *bench) prepare(ctx context.Context) (err error) {
	if err := b.c.Namespaces(ctx, cluster.Namespace); err != nil {
		return err
	}
	if b.operated, err = b.c.Driver(ctx, cluster.Work{
		Namespaces: []string{cluster.Namespace}, Name: "operated", Spec: cluster.Orders(recordedBytes, "RuleSet", cluster.Set),
	}); err != nil {
		return err
	}
	if b.controller, err = b.c.Controller(ctx); err != nil {
		return err
	}
	_, err = b.operated.Flood(ctx, cluster.Variants)
	return errors.Join(err, b.controller.Ended())
}

// plain measures a facade without TLS.
func (b *bench) plain(ctx context.Context) error {
	f, err := b.c.Facade(ctx, http.DefaultClient)
	if err != nil {
		return err
	}
	t, err := newTarget(ctx, f, http.DefaultClient, nil)
	if err != nil {
		return err
	}
	for _, w := range []work{
		{"dry run", t.requests("/v1/check?dry_run=true", dryBytes, good), b.dry},
		{"dry run, one in three failing", t.requests("/v1/check?dry_run=true", dryBytes, mixed), b.dry},
		{"recorded", t.requests("/v1/check", recordedBytes, mixed), b.recorded},
	} {
		connections := b.connections
		if w.name == "dry run, one in three failing" {
			connections = []int{16}
		}
		if err := b.loops(ctx, t, w, connections); err != nil {
			return err
		}
	}
	if err := b.besideOperator(ctx, t); err != nil {
		return err
	}
	if err := b.profiles(ctx, t); err != nil {
		return err
	}
	return f.Stop()
}

// secured measures a facade with a certificate.
func (b *bench) secured(ctx context.Context) error {
	pair, err := newPair(b.o.Work)
	if err != nil {
		return err
	}
	defer pair.remove()
	client := pair.client()
	defer client.CloseIdleConnections()
	f, err := b.c.Facade(ctx, client, "--tls-cert-file="+pair.certFile, "--tls-key-file="+pair.keyFile)
	if err != nil {
		return err
	}
	t, err := newTarget(ctx, f, client, pair.pem)
	if err != nil {
		return err
	}
	if err := b.loops(ctx, t, work{"dry run", t.requests("/v1/check?dry_run=true", dryBytes, good), b.dry}, b.connections); err != nil {
		return err
	}
	if err := b.loops(ctx, t, work{"recorded", t.requests("/v1/check", recordedBytes, mixed), b.recorded}, []int{16}); err != nil {
		return err
	}
	return f.Stop()
}

// besideOperator records checks, and has the driver create as many of the same, in turns.
func (b *bench) besideOperator(ctx context.Context, t *target) error {
	requests := t.requests("/v1/check", recordedBytes, mixed)
	for range b.rounds {
		result, err := load.Generate(ctx, t.plan(requests, comparedConnections, 0, b.recorded))
		if err != nil {
			return err
		}
		if err := result.Err(); err != nil {
			return err
		}
		began := time.Now()
		if _, err := b.operated.Flood(ctx, b.checks); err != nil {
			return errors.Join(err, b.controller.Ended())
		}
		b.byFacade = append(b.byFacade, result.PerSecond())
		b.byDriver = append(b.byDriver, float64(b.checks)/time.Since(began).Seconds())
		b.o.Progress("%s checks/s by the facade, %s by the operator alone", report.Number(b.byFacade[len(b.byFacade)-1]), report.Number(b.byDriver[len(b.byDriver)-1]))
	}
	return nil
}

// profiles looks at the facade's processor time during dry runs and recorded checks that are told of nowhere else.
func (b *bench) profiles(ctx context.Context, t *target) error {
	for _, p := range []struct {
		name   string
		path   string
		bytes  int
		choose func(int) int
		to     *[]byte
		length time.Duration
	}{
		{"facade-dry-runs", "/v1/check?dry_run=true", dryBytes, good, &b.profile, b.dry},
		{"facade-recorded", "/v1/check", recordedBytes, mixed, &b.recordedProfile, b.recorded},
	} {
		done := make(chan error, 1)
		go func() {
			var err error
			*p.to, err = t.facade.Profile(ctx, p.length.Truncate(time.Second))
			done <- err
		}()
		_, err := load.Generate(ctx, t.plan(t.requests(p.path, p.bytes, p.choose), 16, 0, p.length))
		if err := errors.Join(err, <-done, b.o.KeepProfile(p.name, *p.to)); err != nil {
			return err
		}
	}
	return nil
}
