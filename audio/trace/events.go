package trace

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	client "k8s.io/client-go/kubernetes/typed/events/v1"
	"k8s.io/utils/clock"

	"github.com/checky-dev/checky/audio/dispatch"
)

// The bounds of Events.
const (
	// MaxEvents is of how many Checks in one announcement there is an Event: the worst.
	MaxEvents = 20

	queueSize = 256
	perSecond = 10
	burst     = 50

	// An Event is tried so often, for so long each time, with a wait before the second attempt that doubles.
	attempts       = 3
	attemptTimeout = 5 * time.Second
	firstWait      = time.Second

	// An API server that has just started forbids everything until it knows the roles. For so long it is asked again; and again so only
	// where it had forbidden nothing for a while, since what it goes on to forbid it means.
	settling = 15 * time.Second
	settled  = time.Minute

	flushTimeout = 2 * time.Second
	logInterval  = time.Minute
)

// controller is who reports, in every Event.
const controller = "checky.dev/alertd"

// errFull is why an Event that was not even queued is dropped.
var errFull = errors.New("too many wait to be written, or the daemon ends")

// EventOptions are an Events'. The zero value is good.
type EventOptions struct {
	// Log is told of Events that are dropped, once a minute at most.
	Log logr.Logger
	// Metrics count them. nil: nobody does.
	Metrics *Metrics
	// Clock says when an Event happened. nil: the real one.
	Clock clock.Clock
}

// Events writes Events. Run does it; until it is called, they wait.
type Events struct {
	client  client.EventsGetter
	node    string
	o       EventOptions
	limiter *rate.Limiter
	last    atomic.Int64 // the number in the last Event's name

	forbidden struct{ began, last time.Time } // Run's: when the API server began to forbid Events, and did so last

	queue chan entry
	mu    sync.Mutex // guards ended
	ended bool       // nobody takes from the queue any more

	logged  atomic.Int64 // when drops were last logged, in nanoseconds since 1970; 0: never
	dropped atomic.Int64 // since then
}

// entry is an Event that waits.
type entry struct {
	event *eventsv1.Event
	tried bool // the API server may have it
}

// NewEvents makes a writer of a node's Events. Of the client it uses create alone. The client should have no rate limit of its own.
func NewEvents(c client.EventsGetter, node string, o EventOptions) *Events {
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return &Events{
		client: c, node: node, o: o, limiter: rate.NewLimiter(perSecond, burst), queue: make(chan entry, queueSize),
	}
}

// Announced has an announcement that was heard leave an Event on each of its Checks, or on the worst MaxEvents. It returns at once.
func (e *Events) Announced(a dispatch.Announcement) {
	for _, event := range e.announced(&a) {
		e.put(event)
	}
}

// Node has a warning leave an Event on the daemon's node. It returns at once.
func (e *Events) Node(reason, note string) {
	event := e.event(e.nodeReference(), corev1.EventTypeWarning, reason, note)
	event.Action = "Report"
	e.put(event)
}

func (e *Events) put(event *eventsv1.Event) {
	e.mu.Lock()
	fits := !e.ended
	if fits {
		select {
		case e.queue <- entry{event: event}:
		default:
			fits = false
		}
	}
	e.mu.Unlock()
	if !fits {
		e.drop(errFull)
	}
}

// Run writes Events until the context ends, and for two seconds more those that wait then. It returns nil.
func (e *Events) Run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			e.flush(context.WithoutCancel(ctx), nil)
			return nil
		case next := <-e.queue:
			err := e.write(ctx, &next)
			if err != nil && ctx.Err() != nil {
				e.flush(context.WithoutCancel(ctx), &next)
				return nil //nolint:nilerr // flush has tried again, and counted what came of it
			}
			if err != nil {
				e.drop(err)
			}
		}
	}
}

// flush writes what waits, and first the Event that was being written, if any. It drops what it can't write in time.
func (e *Events) flush(ctx context.Context, next *entry) {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	for {
		if next != nil {
			if err := e.write(ctx, next); err != nil {
				e.drop(err)
			}
		}
		select {
		case first := <-e.queue:
			next = &first
		default:
			next = nil
			if e.end() {
				return
			}
		}
	}
}

// end ends the queue if it is empty.
func (e *Events) end() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.ended = len(e.queue) == 0
	return e.ended
}

// write writes an Event, as soon as the rate allows, and again where an error may pass.
func (e *Events) write(ctx context.Context, next *entry) error {
	if err := e.limiter.Wait(ctx); err != nil {
		return err
	}
	wait := firstWait
	for attempt := 1; ; attempt++ {
		err := e.create(ctx, next.event)
		switch {
		case err == nil:
			return nil
		case apierrors.IsAlreadyExists(err) && next.tried:
			return nil // an attempt before has written it, though it was not told so
		case apierrors.IsAlreadyExists(err):
			next.event.Name = e.name(next.event.Regarding.Name, e.o.Clock.Now().UnixNano())
		case e.settles(err): // it is not counted: nothing is known of the Event itself yet
			attempt--
		case attempt == attempts || !passing(err):
			return err
		}
		next.tried = true
		timer := e.o.Clock.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C():
		}
		wait *= 2
	}
}

func (e *Events) create(ctx context.Context, event *eventsv1.Event) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	_, err := e.client.Events(event.Namespace).Create(ctx, event, metav1.CreateOptions{})
	return err
}

// passing tells whether an error may pass: the API server is away or busy. What it refuses, it refuses again.
func passing(err error) bool {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return true // there was none
	}
	code := answer.Status().Code
	return code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= http.StatusInternalServerError
}

// settles tells whether an error is that of an API server that may not know the roles yet. A namespace that ends takes nothing any more.
func (e *Events) settles(err error) bool {
	if !apierrors.IsForbidden(err) || apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
		return false
	}
	now := e.o.Clock.Now()
	if last := e.forbidden.last; last.IsZero() || now.Sub(last) >= settled {
		e.forbidden.began = now
	}
	e.forbidden.last = now
	return now.Sub(e.forbidden.began) < settling
}

// drop counts an Event that is not written, and logs that there are such.
func (e *Events) drop(why error) {
	if e.o.Metrics != nil {
		e.o.Metrics.EventDropped()
	}
	dropped := e.dropped.Add(1)
	now, logged := e.o.Clock.Now().UnixNano(), e.logged.Load()
	if logged != 0 && now-logged < int64(logInterval) || !e.logged.CompareAndSwap(logged, now) {
		return
	}
	e.dropped.Add(-dropped)
	e.o.Log.Error(why, "Events about announcements are dropped; the announcements are not", "dropped", dropped)
}
