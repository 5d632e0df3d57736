//go:build linux

package audio

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/audio/dispatch"
	"github.com/checky-dev/checky/audio/journal"
	"github.com/checky-dev/checky/audio/sandbox"
	"github.com/checky-dev/checky/audio/trace"
)

// journalName is the journal's file in Options.StateDir.
const journalName = "journal.db"

// daemon is what runs. Its state is told news by the watches and asked by the loop, each under the lock.
type daemon struct {
	options Options
	log     logr.Logger
	began   time.Time

	mu    sync.Mutex // guards state; never held across I/O
	state *dispatch.State
	news  chan struct{} // of one place: the loop has something to ask about
	room  chan struct{} // of one place: failures that were not followed can be

	cache    cache.Cache
	sounds   *shelf
	live     client.Client // reads past the cache
	journal  *journal.Journal
	registry *prometheus.Registry // of the metrics
	metrics  *trace.Metrics
	events   *trace.Events
	speaker  *speaker
	inquiry  chan dispatch.Alert

	told struct { // what was said of policies and silences; the goroutine that watches alone looks at it
		policies, silences told
		builtIn            bool
		nodeless           bool
	}

	following atomic.Pointer[schema.GroupVersionKind] // the kind whose first list is waited for, or the last of them
	away      atomic.Pointer[error]                   // why the API server did not answer when it was last asked
	synced    atomic.Bool                             // the first list of Checks is complete
	turned    atomic.Int64                            // when the loop last turned, in nanoseconds since began
	unkept    atomic.Pointer[error]                   // why the journal could not be opened, or written last
}

// Run runs the daemon against a cluster until the context ends. It logs to the context's logger.
func Run(ctx context.Context, cluster *rest.Config, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if err := sandbox.Seclude(); err != nil {
		return fmt.Errorf("keep other processes of this user from reading this one's memory: %w", err)
	}
	d := &daemon{
		options: o, log: logr.FromContextOrDiscard(ctx), began: time.Now(), registry: prometheus.NewRegistry(),
		news: make(chan struct{}, 1), room: make(chan struct{}, 1), inquiry: make(chan dispatch.Alert, maxInquiries),
		state: dispatch.New(dispatch.Options{FloodThreshold: o.FloodThreshold, MaxAge: o.MaxAge}),
	}
	defer d.close()
	if err := d.open(cluster); err != nil {
		return err
	}
	return d.run(ctx)
}

// open makes what the daemon works with. It does nothing with it yet.
func (d *daemon) open(cluster *rest.Config) error {
	cluster = rest.CopyConfig(cluster)
	cluster.QPS = -1 // the API server's priority and fairness paces the daemon
	d.sounds = newShelf(d.log)
	if err := d.remember(); err != nil {
		return err
	}
	if err := d.connect(cluster); err != nil {
		return err
	}
	if err := d.trace(cluster); err != nil {
		return err
	}
	var err error
	d.speaker, err = newSpeaker(d)
	return err
}

// close lets go of the files. What the journal was given is on disk.
func (d *daemon) close() {
	if d.speaker != nil {
		d.speaker.close()
	}
	if d.journal != nil {
		_ = d.journal.Close() // what was applied is durable
	}
}

// run runs all parts until the context ends, or one of them fails.
func (d *daemon) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	run := func(what string, f func(context.Context) error) {
		group.Go(func() error {
			if err := f(ctx); err != nil && ctx.Err() == nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		})
	}
	run("--"+metricsFlag, func(ctx context.Context) error {
		return d.serve(ctx, "metrics", d.options.MetricsAddress, metricsHandler(d.registry))
	})
	run("--"+healthFlag, func(ctx context.Context) error {
		return d.serve(ctx, "health", d.options.HealthAddress, d.healthHandler())
	})
	run("cache", d.fill)
	// What still plays when the daemon ends is announced, too: its Events are written after the loop's end.
	traced, untrace := context.WithCancel(context.WithoutCancel(ctx))
	run("events", func(context.Context) error { return d.events.Run(traced) })
	run("watch", d.watch)
	run("reach", d.reach)
	run("inquiries", d.inquire)
	run("device", d.speaker.attend)
	run("loop", func(ctx context.Context) error {
		defer untrace()
		return d.loop(ctx)
	})
	d.log.Info("Started", "node", d.options.NodeName, "device", d.options.Device)
	return group.Wait()
}

// remember opens the journal, where there is one, and tells the state what it holds. Only another daemon that holds it ends this one: without a
// journal, on a full disk for instance, failures are heard all the same.
func (d *daemon) remember() error {
	if d.options.StateDir == "" {
		return nil
	}
	opened, entries, err := journal.Open(filepath.Join(d.options.StateDir, journalName), journal.Options{})
	switch {
	case errors.Is(err, journal.ErrInUse):
		return err
	case err != nil:
		d.unkept.Store(&err)
		d.log.Error(err, "The journal cannot be opened (--state-dir); what is announced will be announced again after a restart")
		return nil //nolint:nilerr // readiness tells it
	}
	if lost := opened.Recovered(); lost != nil {
		d.log.Error(lost, "Not all of the journal could be read; what was announced may be announced again")
	}
	d.journal = opened
	d.state.Restore(entries)
	return nil
}

// connect makes the clients. Nothing is asked of the API server yet: it may be away.
func (d *daemon) connect(cluster *rest.Config) error {
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	if d.live, err = client.New(cluster, client.Options{Scheme: scheme, Mapper: newMapper()}); err != nil {
		return err
	}
	d.cache, err = newCache(cluster, scheme, d.log, d.options.NodeName, d.options.Namespace, d.sounds.put)
	return err
}

// fill has the cache watch until the context ends. It does not wait for its end: a watch that waits for an API server which is away ends only when
// it tries again, which may be a minute later.
func (d *daemon) fill(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- d.cache.Start(ctx) }()
	select {
	case <-ctx.Done():
		return nil
	case err := <-ended:
		return err
	}
}

// trace makes what announcements leave behind: metrics and Events.
func (d *daemon) trace(cluster *rest.Config) error {
	var err error
	if d.metrics, err = trace.New(d.registry, d.waiting); err != nil {
		return err
	}
	clients, err := kubernetes.NewForConfig(cluster)
	if err != nil {
		return err
	}
	d.events = trace.NewEvents(clients.EventsV1(), d.options.NodeName, trace.EventOptions{Log: d.log.WithName("events"), Metrics: d.metrics})
	return nil
}

// now is this moment by both clocks.
func (d *daemon) now() dispatch.Moment {
	now := time.Now()
	return dispatch.Moment{Mono: now.Sub(d.began), Wall: now.Round(0)}
}

// tell has the state take news in, and the loop look at it.
func (d *daemon) tell(news func(s *dispatch.State, now dispatch.Moment)) {
	d.mu.Lock()
	news(d.state, d.now())
	d.mu.Unlock()
	select {
	case d.news <- struct{}{}:
	default: // the loop has not looked yet, and will see both
	}
}

// waiting is how many alerts wait to be announced.
func (d *daemon) waiting() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.state.Waiting()
}

// errUnseen is what /readyz says before the first list of Checks is complete.
var errUnseen = errors.New("the cluster has not been seen yet")

// errLoopStuck is what /livez says when the loop has not turned for so long that it never will.
var errLoopStuck = errors.New("the loop has not turned for minutes")
