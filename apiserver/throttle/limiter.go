package throttle

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"k8s.io/utils/clock"
)

const (
	// Window is the time that a limit is for.
	Window = time.Minute
	// DefaultPerMinute is how many requests a token may send in a minute, unless it is configured or the token says
	// otherwise.
	DefaultPerMinute = 600
	// MaxPerMinute is the highest limit. Higher ones count as this one.
	MaxPerMinute = 1_000_000
	// DefaultMaxKeys is how many tokens or addresses a Local keeps apart, about 20 MB of them. Past that it forgets the
	// one that was used least recently, which then starts fresh: with its whole limit.
	DefaultMaxKeys = 100_000
	// maxShards is how many locks the keys are spread over, each with at least minShardKeys, so that they fill evenly.
	maxShards    = 64
	minShardKeys = 256
)

// Decision is the answer to one request.
type Decision struct {
	// Allowed: the request may go on, and was counted. A refused one is not counted.
	Allowed bool
	// Limit is the number of requests a minute that was decided by, at least 1. Of a Local it is this replica's share.
	Limit int
	// Remaining is how many more requests would be allowed right now, 0 to Limit.
	Remaining int
	// Reset is the time until Remaining is Limit again, if no request comes.
	Reset time.Duration
	// RetryAfter is the time until the next request is allowed. 0 if this one was.
	RetryAfter time.Duration
}

// Limiter decides whether a key's next request is allowed.
type Limiter interface {
	// Allow counts one request of a key, which is one token or one address. The limit may differ from call to call:
	// what is stored is how much of its limit a key has used, as a part of it, so a key that has used half of 600 has
	// used half of 60. A limit below 1 counts as 1.
	//
	// A key may send its whole limit at once (who is told "600 per minute" expects 600 to go through) and then one
	// request each Window/limit. So any minute sees at most twice the limit less one, and k minutes at most k+1 times
	// the limit: in the long run it is the limit, exactly.
	//
	// Why not less: a limiter that lets through at most the limit in every minute either refuses a burst within what
	// was promised, or has to remember the time of each request. The limit is there to share the service fairly over
	// minutes; what comes at one moment is bounded by a Gate.
	Allow(ctx context.Context, key string, perMinute int) Decision
}

// gcra is the generic cell rate algorithm in its virtual scheduling form (ATM Forum, Traffic Management Specification
// 4.0, section 4.4.2; the same function as the leaky bucket as a meter), for a burst of requests, at least 1, and one
// more each period. All times count from the same start.
//
//	TAT       the theoretical arrival time of the next request, were they evenly spaced
//	tau       (burst-1) * period, how much earlier than that one may come
//	conforms  now >= max(TAT, now) - tau, and then TAT becomes max(TAT, now) + period
//
// It returns the next TAT, and how long to wait if the request does not conform (TAT is then as it was, at least now).
func gcra(tat, now, period time.Duration, burst int) (next, wait time.Duration) {
	tat = max(tat, now)
	tau := time.Duration(burst-1) * period
	if early := tat - now - tau; early > 0 {
		return tat, early
	}
	return tat + period, 0
}

// decide makes the answer of one step of the algorithm for a limit.
func decide(tat, now time.Duration, limit int) (next time.Duration, d Decision) {
	// Rounded up, so that a minute never has room for one more.
	period := (Window + time.Duration(limit) - 1) / time.Duration(limit)
	next, wait := gcra(tat, now, period, limit)
	room := now + time.Duration(limit)*period - next
	return next, Decision{
		Allowed: wait == 0, Limit: limit, Remaining: max(0, int(room/period)), Reset: next - now, RetryAfter: wait,
	}
}

// Local limits in this process. It is safe for concurrent use.
type Local struct {
	share  func() int
	clock  clock.PassiveClock
	start  time.Time
	seed   maphash.Seed
	shards []shard
}

// shard is some of the keys, and the TAT of each.
type shard struct {
	mu   sync.Mutex
	tats *simplelru.LRU[string, time.Duration]
}

// NewLocal makes a limiter of one process.
//
// share says how many replicas the limit is divided by, at each request; nil means 1, and so does what it returns
// below 1. A replica's share is rounded up, so that a limit below the number of replicas still lets each pass one a
// minute. At most maxKeys keys are kept; 0 means DefaultMaxKeys. Keys that cost nothing to make (addresses) can push
// out all others, so tokens and addresses have a limiter each. No clock means the real one.
func NewLocal(share func() int, clk clock.PassiveClock, maxKeys int) *Local {
	if share == nil {
		share = func() int { return 1 }
	}
	if clk == nil {
		clk = clock.RealClock{}
	}
	if maxKeys <= 0 {
		maxKeys = DefaultMaxKeys
	}
	l := &Local{
		share: share, clock: clk, start: clk.Now(), seed: maphash.MakeSeed(),
		shards: make([]shard, max(1, min(maxShards, maxKeys/minShardKeys))),
	}
	for i := range l.shards {
		// It fails for sizes below 1 only.
		l.shards[i].tats, _ = simplelru.NewLRU[string, time.Duration](maxKeys/len(l.shards), nil)
	}
	return l
}

// Allow counts one request of a key against this replica's share of the limit. See Limiter.
func (l *Local) Allow(_ context.Context, key string, perMinute int) Decision {
	share := max(1, l.share())
	limit := (clampLimit(perMinute) + share - 1) / share
	s := &l.shards[maphash.String(l.seed, key)%uint64(len(l.shards))]

	s.mu.Lock()
	defer s.mu.Unlock()
	now := l.clock.Since(l.start) // read under the lock: times of a key never go back
	tat, _ := s.tats.Get(key)
	next, d := decide(tat, now, limit)
	s.tats.Add(key, next)
	return d
}

// clampLimit makes a limit one that can be counted by.
func clampLimit(perMinute int) int { return min(max(1, perMinute), MaxPerMinute) }
