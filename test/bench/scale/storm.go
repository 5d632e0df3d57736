package scale

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/report"
)

// Fresh Checks come one at a time, so often, and at least so many without the storm.
const (
	freshEvery = 200 * time.Millisecond
	freshCalm  = 40
)

// storm is an edit of the rule set that many Checks are checked by.
type storm struct {
	concerned    int
	settled      time.Duration // from the edit to the last verdict by the new rules
	writes       int           // verdicts that the watch told of
	calm, during []time.Duration
}

// edit changes the rule set of the many, while Checks by another set come new.
func (b *bench) edit(ctx context.Context) error {
	controller, err := b.controller(ctx)
	if err != nil {
		return err
	}
	if _, _, err := controller.Settle(ctx); err != nil {
		return err
	}
	s := &storm{concerned: b.stored}
	if s.calm, err = b.fresh.Paced(ctx, freshCalm, freshEvery); err != nil {
		return err
	}
	var many cluster.Gathering
	var writes atomic.Int64
	many.Expect(0, b.stored)
	watch, err := b.c.Watch(ctx, "model", "many-", func(seen cluster.Sighting) {
		writes.Add(1)
		many.See(seen)
	})
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.c.EditClusterRuleSet(ctx, manySet, 9000); err != nil {
		return err
	}
	last, during, err := b.meanwhile(ctx, &many, watch)
	if err != nil {
		return errors.Join(err, controller.Ended())
	}
	s.settled, s.during, s.writes = last.Sub(began), during, int(writes.Load())
	b.storm = s
	b.o.Progress("an edit that concerns %s Checks settled in %s", report.Number(float64(s.concerned)), report.Duration(s.settled))
	return errors.Join(watch.Close(), controller.Stop())
}

// meanwhile has fresh Checks come until the many have their verdicts, and returns when the last of them had its own.
func (b *bench) meanwhile(ctx context.Context, many *cluster.Gathering, watch *cluster.Watch) (last time.Time, during []time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	type outcome struct {
		at  []time.Time
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		at, err := many.Wait(ctx, watch)
		done <- outcome{at, err}
	}()
	for {
		took, err := b.fresh.Paced(ctx, 1, 0)
		if err != nil {
			return last, nil, errors.Join(err, (<-done).err)
		}
		during = append(during, took...)
		select {
		case o := <-done:
			for _, at := range o.at {
				if at.After(last) {
					last = at
				}
			}
			return last, during, o.err
		case <-time.After(max(0, freshEvery-took[0])):
		}
	}
}
