// Package scale measures what many finished Checks cost that nobody asks about: how long programs take to start beside them, how much
// memory each takes, and what a rule set's edit does to those that come new.
//
//	0 ──copy──> 1,000 ──copy──> 10,000 ──edit──> 10,000 verdicts anew ──copy──> 50,000
//	each level: start controller, facade, alertd one after the other; time until ready; memory once settled
//
// The Checks are copied within etcd (cluster.Store) from ones that the operator has finished: to the programs they are the same.
package scale

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/test/bench/cluster"
	"github.com/checky-dev/checky/test/bench/report"
	"github.com/checky-dev/checky/test/bench/section"
)

// The rule sets: that of the many, and that of Checks that come new.
const (
	manySet  = "many"
	freshSet = "fresh"
)

// owners is how many callers of the facade the Checks belong to.
const owners = 16

// payloadBytes is the size of a payload.
const payloadBytes = 600

// patience is how long an edit may take to settle.
const patience = 5 * time.Minute

// start is one program's at one level.
type start struct {
	ready        time.Duration // from the process' start
	peak, memory int64         // bytes: the most so far, and of the program's own once settled
	live         int64         // bytes of the heap that are in use after a collection
}

// level is what was seen beside so many Checks.
type level struct {
	checks                     int
	controller, facade, alertd start
	apiserver, etcd            int64 // bytes: memory of their own
}

// bench is a run of this section.
type bench struct {
	o      section.Options
	c      *cluster.Cluster
	store  *cluster.Store
	fresh  *cluster.Driver
	models []client.ObjectKey // Checks that the operator has finished
	stored int

	levels []*level
	storm  *storm
}

// Run measures.
func Run(ctx context.Context, o section.Options) (_ *report.Section, err error) {
	c, err := cluster.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.Stop()) }()
	b := &bench{o: o, c: c}
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	defer b.store.Close()
	levels, edited := []int{0, 1000, 10_000, 50_000}, 10_000
	if o.Quick {
		levels, edited = []int{0, 1000}, 1000
	}
	for _, n := range levels {
		if err := b.level(ctx, n); err != nil {
			return nil, fmt.Errorf("%d checks: %w", n, err)
		}
		if n == edited {
			if err := b.edit(ctx); err != nil {
				return nil, fmt.Errorf("edit of a rule set: %w", err)
			}
		}
	}
	return b.section(), nil
}

// prepare has the operator finish the Checks that are copied: half of them fail.
func (b *bench) prepare(ctx context.Context) (err error) {
	if b.store, err = b.c.Store(); err != nil {
		return err
	}
	for _, name := range []string{manySet, freshSet} {
		if err := b.c.ClusterRuleSet(ctx, name); err != nil {
			return err
		}
	}
	if b.fresh, err = b.c.Driver(ctx, cluster.Work{
		Namespaces: []string{cluster.Namespace}, Name: "fresh", Spec: cluster.Orders(payloadBytes, "ClusterRuleSet", freshSet),
	}); err != nil {
		return err
	}
	models, err := b.c.Driver(ctx, cluster.Work{
		Namespaces: []string{cluster.Namespace}, Name: "model",
		Spec: func(number int) string {
			return cluster.Orders(payloadBytes, "ClusterRuleSet", manySet)(evenly(number))
		},
		Labels: func(number int) string { return fmt.Sprintf(`"checky.dev/owner":"owner-%02d"`, number%owners) },
	})
	if err != nil {
		return err
	}
	controller, err := b.c.Controller(ctx)
	if err != nil {
		return err
	}
	if _, err := models.Flood(ctx, 2*owners); err != nil {
		return errors.Join(err, controller.Ended())
	}
	b.models = models.Keys(2 * owners)
	return errors.Join(models.Close(), controller.Stop())
}

// evenly is an order's number: good and bad ones in turn by pairs, so that each owner has both.
func evenly(number int) int {
	if number < owners {
		return 3 * number // good ones
	}
	return 3*(number-owners) + 2 // bad ones
}

// level brings the store to so many Checks, and starts each program beside them.
func (b *bench) level(ctx context.Context, n int) error {
	originals, err := b.store.Originals(ctx, b.models) // anew: an edit has changed them
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.store.Copy(ctx, originals, "many-", b.stored, n-b.stored); err != nil {
		return err
	}
	if n > b.stored {
		b.o.Progress("%s finished Checks are stored, %s of them in %s", report.Number(float64(n)), report.Number(float64(n-b.stored)), report.Duration(time.Since(began)))
	}
	b.stored = n
	l := &level{checks: n}
	for _, program := range []struct {
		to    *start
		begin func(context.Context) (*cluster.Process, error)
	}{
		{&l.facade, func(ctx context.Context) (*cluster.Process, error) { return b.c.Facade(ctx, http.DefaultClient) }},
		{&l.alertd, func(ctx context.Context) (*cluster.Process, error) { return b.c.Alertd(ctx) }},
		{&l.controller, b.controller},
	} {
		p, err := program.begin(ctx)
		if err != nil {
			return err
		}
		program.to.ready = time.Since(p.Started)
		if err := program.to.settle(ctx, p); err != nil {
			return errors.Join(err, p.Ended())
		}
		heap, err := p.Heap(ctx)
		if err := errors.Join(err, b.o.KeepProfile(fmt.Sprintf("%s-heap-%d", p.Name, n), heap)); err != nil {
			return err
		}
		if err := p.Stop(); err != nil {
			return err
		}
	}
	for server, to := range map[*cluster.Server]*int64{b.c.APIServer: &l.apiserver, b.c.Etcd: &l.etcd} {
		u, err := cluster.Used(server.PID)
		if err != nil {
			return err
		}
		*to = u.Anon
	}
	b.levels = append(b.levels, l)
	b.o.Progress("beside %s Checks: ready after %s (controller), %s (facade), %s (alertd)", report.Number(float64(n)),
		report.Duration(l.controller.ready), report.Duration(l.facade.ready), report.Duration(l.alertd.ready))
	return nil
}

// controller starts the operator, and returns when a Check that waited for it has its verdict: then it works, whatever its probes say.
func (b *bench) controller(ctx context.Context) (*cluster.Process, error) {
	began := make(chan error, 1)
	go func() {
		_, err := b.fresh.Flood(ctx, 1)
		began <- err
	}()
	p, err := b.c.Controller(ctx)
	if err != nil {
		return nil, errors.Join(err, <-began)
	}
	return p, errors.Join(<-began, p.Ended())
}

// settle measures a program that is ready.
func (s *start) settle(ctx context.Context, p *cluster.Process) error {
	u, inUse, err := p.Settle(ctx)
	s.peak, s.memory, s.live = u.Peak, u.Anon, inUse
	return err
}
