package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers"
	"github.com/checky-dev/checky/test/chaos/check"
	"github.com/checky-dev/checky/test/chaos/cluster"
	"github.com/checky-dev/checky/test/chaos/driver"
	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/observe"
	"github.com/checky-dev/checky/test/chaos/plan"
)

// trial is one run.
type trial struct {
	seed   uint64
	plan   plan.Plan
	until  time.Duration // when the driver ends, since the beginning
	rate   float64
	dir    string
	bin    string
	assets string
	out    io.Writer
	twist  cluster.Twist

	log     *history.Log
	cluster *cluster.Cluster
	store   client.WithWatch
}

// Patience at the end, past the bounds: what takes longer is told as a violation, and not as a run that could not be made.
const (
	readyPatience  = 2 * time.Minute
	settlePatience = 5 * time.Minute
	settleEvery    = time.Second
	// rest is how long after all has settled the processes are measured: what was closed is gone by then.
	rest = 10 * time.Second
)

// run makes a run, and judges it.
func (t trial) run(ctx context.Context) (verdict, error) {
	var err error
	if t.log, err = history.Begin(filepath.Join(t.dir, "history.jsonl"), t.seed); err != nil {
		return verdict{}, err
	}
	defer t.log.Close() //nolint:errcheck // it was closed, and what it says told, unless there is an error already
	fmt.Fprintf(t.out, "seed %d, %d faults in %s; folder %s\n%s", t.seed, len(t.plan.Faults), t.until, t.dir, t.plan)
	t.cluster, err = cluster.Start(ctx, cluster.Options{
		Dir: t.dir, Bin: t.bin, Assets: t.assets, Log: t.out, History: t.log, Twist: t.twist,
	})
	defer t.cluster.Stop()
	if err != nil {
		return verdict{}, err
	}
	scheme, err := controllers.Scheme()
	if err != nil {
		return verdict{}, err
	}
	if t.store, err = client.NewWithWatch(t.cluster.Admin(), client.Options{Scheme: scheme}); err != nil {
		return verdict{}, err
	}
	recorded, err := t.observed(ctx)
	if err != nil {
		return verdict{}, err
	}
	v := judged(t.log.Entries())
	v.recorded = recorded
	return v, t.log.Close()
}

// observed is everything between the beginning and the last look at the store. It gives the number of recordings.
func (t trial) observed(ctx context.Context) (recorded int, err error) {
	watching, cancel := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	defer watchers.Wait()
	defer cancel()
	for _, kind := range []client.ObjectList{&v1alpha1.CheckList{}, &v1alpha1.RuleSetList{}, &corev1.ConfigMapList{}} {
		store := observe.Watch(t.store, cluster.Namespace, t.log)
		watchers.Go(func() { store.Run(watching, kind) })
	}
	announcements := &observe.Announcements{
		Journal: t.cluster.Journal(), Recordings: t.cluster.Recordings(), Scratch: t.dir, History: t.log,
	}
	watchers.Go(func() { announcements.Run(watching) })
	if err := t.driven(ctx); err != nil {
		return 0, err
	}
	if err := t.settle(ctx); err != nil {
		return 0, err
	}
	time.Sleep(rest)
	t.sample(ctx)
	if err := errors.Join(t.last(ctx), observe.Events(ctx, t.store, cluster.Namespace, t.log)); err != nil {
		return 0, err
	}
	cancel()
	watchers.Wait()
	return announcements.Recorded(), nil
}

// driven has the cluster used and broken, until all faults are over and all is up.
func (t trial) driven(ctx context.Context) error {
	d, err := driver.New(ctx, driver.Options{
		History: t.log, User: t.cluster.User(), Facades: t.cluster.Facades(), Namespace: cluster.Namespace, Rate: t.rate, Seed: t.seed,
	})
	if err != nil {
		return err
	}
	// The plan's times are since now: how long a start takes is the machine's affair.
	began := t.log.Now()
	shifted := plan.Plan{Seed: t.plan.Seed}
	for _, f := range t.plan.Faults {
		f.At += began
		shifted.Faults = append(shifted.Faults, f)
	}
	using, stop := context.WithTimeout(ctx, t.until)
	defer stop()
	var group sync.WaitGroup
	group.Go(func() { d.Run(using) })
	group.Go(func() {
		select {
		case <-time.After(warm * 2 / 3):
			t.sample(ctx)
			t.mark(history.Warm, "")
		case <-using.Done():
		}
	})
	t.cluster.Run(ctx, shifted)
	t.mark(history.FaultsEnd, "")
	group.Wait()
	t.mark(history.CallsEnd, fmt.Sprintf("%d orders were never acknowledged, %d were not begun", d.Abandoned(), d.Held()))
	select {
	case err := <-t.cluster.Failed():
		return err
	default:
	}
	ready, cancel := context.WithTimeout(ctx, readyPatience)
	defer cancel()
	if err := t.cluster.AwaitReady(ready); err != nil {
		t.mark(history.Unsettled, err.Error())
	}
	return ctx.Err()
}

// settle waits until every Check has its final verdict.
func (t trial) settle(ctx context.Context) error {
	began := time.Now()
	for {
		left, err := t.unsettled(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && left == 0:
			t.mark(history.Settled, "")
			return nil
		case time.Since(began) > settlePatience:
			t.mark(history.Unsettled, fmt.Sprintf("%d Checks have no final verdict after %s (%v)", left, settlePatience, err))
			return nil
		}
		time.Sleep(settleEvery)
	}
}

// unsettled counts the Checks without their final verdict.
func (t trial) unsettled(ctx context.Context) (int, error) {
	checks, sets, sources := &v1alpha1.CheckList{}, &v1alpha1.RuleSetList{}, &corev1.ConfigMapList{}
	in := client.InNamespace(cluster.Namespace)
	if err := errors.Join(t.store.List(ctx, checks, in), t.store.List(ctx, sets, in), t.store.List(ctx, sources, in)); err != nil {
		return 0, err
	}
	return check.Unsettled(checks.Items, sets.Items, sources.Items), nil
}

// last puts what the store holds into the history.
func (t trial) last(ctx context.Context) error {
	for _, kind := range []client.ObjectList{&v1alpha1.RuleSetList{}, &corev1.ConfigMapList{}, &v1alpha1.CheckList{}} {
		if err := observe.Final(ctx, t.store, cluster.Namespace, t.log, kind); err != nil {
			return err
		}
	}
	return nil
}

// sample measures every process that runs.
func (t trial) sample(ctx context.Context) {
	for _, name := range cluster.Products {
		sample, err := t.cluster.Sample(ctx, name)
		if err == nil {
			t.log.Add(history.Entry{Sample: &sample})
		}
	}
}

func (t trial) mark(what, note string) {
	t.log.Add(history.Entry{Mark: &history.Mark{What: what, Note: note}})
	fmt.Fprintf(t.out, "%8.1fs %s %s\n", t.log.Now().Seconds(), what, note)
}

// write writes a file of the run's folder.
func write(dir, name string, text []byte) error {
	return os.WriteFile(filepath.Join(dir, name), text, 0o600)
}
