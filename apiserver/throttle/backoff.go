package throttle

import (
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"k8s.io/utils/clock"
)

const (
	// BackoffFree is how many failures in a row cost nothing: people mistype.
	BackoffFree = 5
	// BackoffFirst is what the next failure costs. Each one after it costs twice the one before.
	BackoffFirst = time.Second
	// BackoffCap is the most that a failure costs.
	BackoffCap = 15 * time.Minute
	// BackoffForget is how long after its last failure a key is as good as new.
	BackoffForget = time.Hour
	// BackoffMaxKeys is how many keys with failures are remembered, about 20 MB of them. Past that the one that was
	// used least recently is forgotten, and starts fresh.
	BackoffMaxKeys = 100_000
)

// Backoff makes guessing slow: after BackoffFree failures in a row a key has to wait, twice as long each time.
//
//	failures  1-5  6    7    8    ...  15       16 and more
//	wait      0    1 s  2 s  4 s  ...  512 s    15 min
//
// NIST SP 800-63B-4, section 3.2.2, wants no more than 100 failed attempts in a row at one account. This is not that
// limit: past it nobody could log in, and so whoever knows an address could lock its owner out. What it gives: the
// 100th failure of a key comes no sooner than 21 hours after the first (1,023 s of doubling waits, then 84 of 15
// minutes), and from then on there are at most 96 guesses a day. Attempts that were let in at the same time count once
// they fail, so as many more can slip through; a Gate or a hasher's queue bounds them.
//
// A success clears the key. It is safe for concurrent use.
type Backoff struct {
	clock clock.PassiveClock
	mu    sync.Mutex
	keys  *simplelru.LRU[string, failures]
}

// failures are those of one key in a row.
type failures struct {
	count int
	last  time.Time
}

// NewBackoff makes a backoff that remembers at most maxKeys keys; 0 means BackoffMaxKeys. What a key is made of is its
// caller's choice; what is secret, or can be long, its caller hashes. No clock means the real one.
func NewBackoff(clk clock.PassiveClock, maxKeys int) *Backoff {
	if clk == nil {
		clk = clock.RealClock{}
	}
	if maxKeys <= 0 {
		maxKeys = BackoffMaxKeys
	}
	keys, _ := simplelru.NewLRU[string, failures](maxKeys, nil) // which fails for sizes below 1 only
	return &Backoff{clock: clk, keys: keys}
}

// Check says whether a key may try, and if not, how long until it may.
func (b *Backoff) Check(key string) (retryAfter time.Duration, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, now := b.failures(key)
	if wait := f.last.Add(backoffAfter(f.count)).Sub(now); f.count > 0 && wait > 0 {
		return wait, false
	}
	return 0, true
}

// Fail counts a failure.
func (b *Backoff) Fail(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f, now := b.failures(key)
	b.keys.Add(key, failures{count: f.count + 1, last: now})
}

// Clear forgets a key's failures, after a success.
func (b *Backoff) Clear(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keys.Remove(key)
}

// failures are those of a key that still count, and the time.
func (b *Backoff) failures(key string) (failures, time.Time) {
	now := b.clock.Now()
	f, found := b.keys.Get(key)
	if found && now.Sub(f.last) >= BackoffForget {
		b.keys.Remove(key)
		return failures{}, now
	}
	return f, now
}

// backoffAfter is the wait after so many failures.
func backoffAfter(count int) time.Duration {
	doublings := count - BackoffFree - 1
	switch {
	case doublings < 0:
		return 0
	case doublings > 30:
		return BackoffCap
	}
	return min(BackoffFirst<<doublings, BackoffCap)
}
