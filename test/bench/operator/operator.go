// Package operator measures how the operator gives Checks their verdicts, beside the least that anybody could do: the same client that
// creates the Checks writes their statuses itself, and no operator runs.
//
//	A   16 clients create Checks -> API server -> controller -> status -> the clients' watch
//	B   16 clients create Checks -> API server; the same clients write each status -> the clients' watch
//
// Rounds alternate, A B A B, on one control plane. It does not tell of the REST facade, or of verdicts themselves.
package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/report"
	"github.com/checky-dev/checky/test/bench/section"
)

// payloadBytes is the size of a payload, teams how many namespaces there are.
const (
	payloadBytes = 600
	teams        = 4
)

// warming is how many Checks come before a round: every order some times, and of bad ones so many in each namespace that the operator tells of
// further ones in sum. What is measured is then a flood, and not how one begins.
const warming = 7 * cluster.Variants

// sizes are how much is measured.
type sizes struct {
	rounds, checks int
	paced          int
	every          time.Duration
}

func sizesOf(o section.Options) sizes {
	if o.Quick {
		return sizes{rounds: 1, checks: 240, paced: 15, every: 100 * time.Millisecond}
	}
	return sizes{rounds: 3, checks: 1500, paced: 60, every: 200 * time.Millisecond}
}

// bench is a run of this section.
type bench struct {
	sizes

	o          section.Options
	c          *cluster.Cluster
	controller *cluster.Process // nil while none runs

	operated, bare *cluster.Driver

	withOperator, ceiling []*round
	slow, slowBare        []time.Duration
	profile               []byte
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
	for i := range b.rounds {
		if err := b.both(ctx, i); err != nil {
			return nil, err
		}
	}
	if err := b.lowLoad(ctx); err != nil {
		return nil, err
	}
	if err := b.profiled(ctx); err != nil {
		return nil, err
	}
	return b.section()
}

// prepare makes the namespaces and drivers, and has the operator show how statuses look.
func (b *bench) prepare(ctx context.Context) error {
	names := make([]string, teams)
	for i := range names {
		names[i] = fmt.Sprintf("team-%d", i)
	}
	if err := b.c.Namespaces(ctx, names...); err != nil {
		return err
	}
	work := cluster.Work{Namespaces: names, Name: "operated", Spec: cluster.Orders(payloadBytes, "RuleSet", cluster.Set)}
	var err error
	if b.operated, err = b.c.Driver(ctx, work); err != nil {
		return err
	}
	if err := b.startController(ctx); err != nil {
		return err
	}
	if work.Statuses, err = b.c.Statuses(ctx, b.operated.Keys(cluster.Variants)); err != nil {
		return err
	}
	work.Name = "bare"
	b.bare, err = b.c.Driver(ctx, work)
	return err
}

// startController starts it where it does not run, and returns when it has given some verdicts.
func (b *bench) startController(ctx context.Context) (err error) {
	if b.controller == nil {
		if b.controller, err = b.c.Controller(ctx); err != nil {
			return err
		}
	}
	return b.warm(ctx, b.operated)
}

func (b *bench) stopController(ctx context.Context) error {
	if b.controller == nil {
		return nil
	}
	err := b.controller.Stop()
	b.controller = nil
	if err != nil {
		return err
	}
	return b.warm(ctx, b.bare)
}

// warm has the Checks come that precede a round.
func (b *bench) warm(ctx context.Context, d *cluster.Driver) error {
	d.Align()
	_, err := b.flood(ctx, d, warming)
	return err
}

// flood has so many Checks done at full speed.
func (b *bench) flood(ctx context.Context, d *cluster.Driver, n int) ([]cluster.Span, error) {
	spans, err := d.Flood(ctx, n)
	if b.controller != nil {
		err = errors.Join(err, b.controller.Ended())
	}
	return spans, err
}

// both measures a round with the operator and one without.
func (b *bench) both(ctx context.Context, i int) error {
	if err := b.startController(ctx); err != nil {
		return err
	}
	with, err := b.round(ctx, b.operated)
	if err != nil {
		return err
	}
	if err := b.stopController(ctx); err != nil {
		return err
	}
	without, err := b.round(ctx, b.bare)
	if err != nil {
		return err
	}
	b.withOperator, b.ceiling = append(b.withOperator, with), append(b.ceiling, without)
	b.o.Progress("round %d of %d: %s checks/s by the operator, %s by the client itself",
		i+1, b.rounds, report.Number(with.perSecond()), report.Number(without.perSecond()))
	return nil
}

// lowLoad measures Checks one at a time.
func (b *bench) lowLoad(ctx context.Context) (err error) {
	if b.slowBare, err = b.bare.Paced(ctx, b.paced, b.every); err != nil {
		return err
	}
	if err := b.startController(ctx); err != nil {
		return err
	}
	b.slow, err = b.operated.Paced(ctx, b.paced, b.every)
	return err
}

// profiled has the controller work once more while its processor time is looked at; this round is none of those that are told.
func (b *bench) profiled(ctx context.Context) error {
	length := max(b.withOperator[0].took, time.Second).Truncate(time.Second)
	done := make(chan error, 1)
	go func() {
		var err error
		b.profile, err = b.controller.Profile(ctx, length)
		done <- err
	}()
	_, err := b.flood(ctx, b.operated, b.checks)
	return errors.Join(err, <-done, b.o.KeepProfile("controller", b.profile))
}
