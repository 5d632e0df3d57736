package cluster

import (
	"context"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
)

// grace is how long a watch may be down before the cache counts as stale. The API server ends each watch after some
// minutes, and opening the next takes a moment: that is routine.
const grace = 3 * time.Second

// freshness knows whether the API server answers and which watches are connected, and from that how old the cache may be.
//
//	probes:   unasked --answered--> heard <--answered-- failing      failing --(nothing for silence)--> lost
//	                                  +-------failed------->            ^ lost ends with the next answer
//
//	a feed:   disconnected --watch opened (and its initial events over)--> connected
//	               ^-------------------watch ended--------------------------+
//
// It holds no connection and starts nothing; its methods never block, but for await.
type freshness struct {
	clock clock.PassiveClock

	mu       sync.Mutex
	answered bool          // a probe has ever been answered well
	heard    time.Time     // when the last probe that was answered well was sent; until then, when all began
	failing  bool          // the last probe was not answered well
	lost     bool          // failing, and for so long that the connections were closed
	renewed  chan struct{} // closed, and replaced, whenever a probe is answered well
	feeds    []*feed
}

// feed is the way of one kind's objects into the cache. freshness.mu guards its fields.
type feed struct {
	kind      string
	connected bool
	openings  int       // how often it was connected: which watch is the present one
	opened    time.Time // when it was last connected
	since     time.Time // disconnected: since when the objects may be out of date
	refused   string    // why the API server has refused the last list or watch; empty: it has not
}

func newFreshness(c clock.PassiveClock) *freshness {
	return &freshness{clock: c, heard: c.Now(), renewed: make(chan struct{})}
}

// add makes the feed of a kind, which is not connected.
func (f *freshness) add(kind string) *feed {
	f.mu.Lock()
	defer f.mu.Unlock()
	added := &feed{kind: kind, since: f.clock.Now()}
	f.feeds = append(f.feeds, added)
	return added
}

// connect records that a feed's watch is open, and all that happened before it is known. It returns what tells this watch
// from the feed's others.
func (f *freshness) connect(c *feed) (opening int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.connected = true
	c.openings++
	c.opened = f.clock.Now()
	return c.openings
}

// tried records how a feed's list or watch was answered.
func (f *freshness) tried(c *feed, err error) {
	refused := ""
	switch {
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		refused = "a permission is missing"
	case apierrors.IsNotFound(err):
		refused = "the kind is not installed"
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	c.refused = refused
}

// refusal says why the API server refuses to list or watch a kind; empty where it does not.
func (f *freshness) refusal(kind string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.feeds {
		if c.kind == kind && c.refused != "" {
			return c.refused
		}
	}
	return ""
}

// disconnect records that a watch has ended, unless the feed has another one by now. A watch that brought nothing and
// ended at once proves nothing (it may have been refused in its first event): the feed is as old as it was before.
func (f *freshness) disconnect(c *feed, opening int, brought bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !c.connected || opening != c.openings {
		return
	}
	c.connected = false
	if !brought && f.clock.Since(c.opened) <= grace {
		return
	}
	// It may have hung before it ended: only the last answer shows that it did not until then.
	c.since = latest(f.heard, c.opened)
}

// hear records a good answer to a probe that was sent at some time. It returns whether there was none before it.
func (f *freshness) hear(sent time.Time) (back bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	back = f.failing
	f.answered, f.failing, f.lost = true, false, false
	f.heard = sent
	close(f.renewed)
	f.renewed = make(chan struct{})
	return back
}

// miss records that a probe had no good answer. It returns whether the one before it did, and for how long there was none.
func (f *freshness) miss() (first bool, quiet time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first = !f.failing
	f.failing = true
	return first, f.clock.Since(f.heard)
}

// lose records that the connections were closed, because nothing has come out of them for too long.
func (f *freshness) lose() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost = f.failing
}

// isLost tells whether it is useless to send anything before the next probe is answered.
func (f *freshness) isLost() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// steady tells whether the last probe was answered well; it does not hold before there was one.
func (f *freshness) steady() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.answered && !f.failing
}

// away tells whether the cache may be stale, and since how long ago. The age is 0 when it is not.
func (f *freshness) away() (age time.Duration, away bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	away = f.failing
	for _, c := range f.feeds {
		age = max(age, f.ageLocked(c, now))
		away = away || !c.connected && now.Sub(c.since) > grace
	}
	if !away {
		return 0, false
	}
	if f.failing {
		age = max(age, now.Sub(f.heard))
	}
	return age, true
}

// ages calls visit with each kind and the time since its objects were last known to be up to date.
func (f *freshness) ages(visit func(kind string, age time.Duration)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	for _, c := range f.feeds {
		visit(c.kind, f.ageLocked(c, now))
	}
}

func (f *freshness) ageLocked(c *feed, now time.Time) time.Duration {
	switch {
	case !c.connected:
		return now.Sub(c.since)
	case f.failing:
		return now.Sub(latest(f.heard, c.opened))
	default:
		return 0
	}
}

// await blocks until the last probe was answered well and was sent after some time, or until the context ends. The zero time
// asks for any answer.
func (f *freshness) await(ctx context.Context, after time.Time) {
	for {
		f.mu.Lock()
		ready := f.answered && !f.failing && f.heard.After(after)
		renewed := f.renewed
		f.mu.Unlock()
		if ready {
			return
		}
		select {
		case <-renewed:
		case <-ctx.Done():
			return
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
