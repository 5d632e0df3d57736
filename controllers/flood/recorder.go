// Package flood keeps many bad verdicts at a time from becoming as many writes of Events.
//
//	Eventf --- within the namespace's rate --> the Event itself, on its object, at once
//	   |
//	   +------ above it ---> counted by reason --- once a minute, and at the end ---> one Event for the namespace,
//	                                                                                  on the last object of these
//
// The rate is a token bucket for each namespace, as in client-go's EventSourceObjectSpamFilter; but what does not fit is told in sum,
// where that drops it. A verdict loses nothing by it: it stands in its Check's status, and Events only point there.
//
// Nothing here waits, or is held across a write, but for Start, which writes the sums. How many namespaces are told apart is bounded; what
// the namespaces beyond that have too many of is counted, and logged without names.
package flood

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/tools/reference"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The bounds of Events about the objects of one namespace.
const (
	// burst is how many are made one by one at once.
	burst = 25
	// refill is how long it takes until one more may be.
	refill = 10 * time.Second
	// interval is from one sum to the next.
	interval = time.Minute
	// maxNamespaces is how many namespaces are told apart. One whose bucket is full again, and of which nothing is to be told, needs no place.
	maxNamespaces = 1000
	// maxReasons is how many reasons a sum tells apart; a program has a few.
	maxReasons = 16
	// endTimeout bounds how long the sums may take that are told at the end.
	endTimeout = 5 * time.Second
	// writeTimeout bounds the writing of one sum.
	writeTimeout = 5 * time.Second
)

// other is the reason of Events beyond maxReasons.
const other = "Other"

// Options are what a Recorder is made of. All are needed.
type Options struct {
	// Next makes the Events that are made one by one.
	Next events.EventRecorder
	// Writer writes the sums.
	Writer client.Writer
	// Scheme knows the kinds of the objects that Events are about.
	Scheme *runtime.Scheme
	// Controller is who reports the sums: a qualified name.
	Controller string
	// Listing says how to list the objects of a namespace that have not passed.
	Listing func(namespace string) string
	// Gathered is called for each Event that is not made one by one. It must not block.
	Gathered func()
	// Clock paces.
	Clock clock.WithTicker
}

// Recorder makes Events. It is safe for concurrent use, and has to be started once, since only Start tells of what was gathered.
type Recorder struct {
	o        Options
	instance string

	mu         sync.Mutex
	namespaces map[string]*bucket
	beyond     int  // Events of namespaces beyond maxNamespaces since the last sum
	ended      bool // nobody tells any more of what is gathered
}

// bucket is a namespace's rate, and what did not fit into it.
type bucket struct {
	limiter *rate.Limiter
	sum     sum
}

// sum is what was gathered of a namespace since it was last told.
type sum struct {
	counts  map[string]int // by reason
	total   int
	warning bool                   // one of them is a warning
	last    corev1.ObjectReference // what the last of them is about
	since   time.Time              // of the first
}

var _ events.EventRecorder = (*Recorder)(nil)

// New makes a Recorder.
func New(o Options) *Recorder {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return &Recorder{o: o, instance: clip(o.Controller+"-"+host, maxInstance), namespaces: map[string]*bucket{}}
}

// Eventf makes an Event, or counts it where its namespace has too many.
func (r *Recorder) Eventf(regarding, related runtime.Object, eventtype, reason, action, note string, args ...any) {
	if r.fits(regarding, eventtype, reason) {
		r.o.Next.Eventf(regarding, related, eventtype, reason, action, note, args...)
		return
	}
	r.o.Gathered()
}

// fits says whether an Event is to be made; it is counted otherwise.
func (r *Recorder) fits(regarding runtime.Object, eventtype, reason string) bool {
	object, err := meta.Accessor(regarding)
	if err != nil {
		return true // what is wrong with it is Next's to say
	}
	now := r.o.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return true
	}
	b := r.namespaces[object.GetNamespace()]
	if b == nil {
		if len(r.namespaces) >= maxNamespaces {
			r.beyond++
			return false
		}
		b = &bucket{limiter: rate.NewLimiter(rate.Every(refill), burst)}
		r.namespaces[object.GetNamespace()] = b
	}
	if b.limiter.AllowN(now, 1) {
		return true
	}
	about, err := reference.GetReference(r.o.Scheme, regarding)
	if err != nil {
		return true
	}
	b.sum.add(sum{counts: map[string]int{reason: 1}, total: 1, warning: eventtype == corev1.EventTypeWarning, last: *about, since: now})
	return false
}

// add takes in what was gathered later, or, where a sum could not be told, before.
func (s *sum) add(more sum) {
	if s.counts == nil {
		s.counts, s.since = map[string]int{}, more.since
	}
	for reason, n := range more.counts {
		if _, known := s.counts[reason]; !known && len(s.counts) >= maxReasons {
			reason = other
		}
		s.counts[reason] += n
	}
	s.total += more.total
	s.warning = s.warning || more.warning
	s.last = more.last
}

// Start tells once a minute of what was gathered, and once more when the context ends. It implements manager.Runnable, for the leader.
func (r *Recorder) Start(ctx context.Context) error {
	ticker := r.o.Clock.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C():
			r.tell(ctx)
		case <-ctx.Done():
			r.mu.Lock()
			r.ended = true // what comes now is made one by one: it is what was being worked on
			r.mu.Unlock()
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
			defer cancel()
			r.tell(ending)
			return nil
		}
	}
}

// take gives what was gathered, by namespace, and forgets namespaces that need no place.
func (r *Recorder) take() (sums map[string]sum, beyond int) {
	now := r.o.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	sums = map[string]sum{}
	for namespace, b := range r.namespaces {
		switch {
		case b.sum.total > 0:
			sums[namespace] = b.sum
			b.sum = sum{}
		case b.limiter.TokensAt(now) >= burst:
			delete(r.namespaces, namespace)
		}
	}
	beyond, r.beyond = r.beyond, 0
	return sums, beyond
}

// giveBack keeps a sum that could not be told, for the next time.
func (r *Recorder) giveBack(namespace string, old sum) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.namespaces[namespace]
	if b == nil { // take forgets none that had something to tell
		return
	}
	newer := b.sum
	b.sum = old
	if newer.total > 0 {
		b.sum.add(newer)
	}
}

func clip(s string, n int) string { return s[:min(len(s), n)] }

// String says what was gathered by reason, the most frequent first.
func (s *sum) String() string {
	text := ""
	for i, reason := range s.reasons() {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%d %s", s.counts[reason], reason)
	}
	return text
}
