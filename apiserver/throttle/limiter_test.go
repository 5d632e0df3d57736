package throttle

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func replicas(n int) func() int { return func() int { return n } }

func TestLocal(t *testing.T) {
	// step waits, and then sends one request.
	type step struct {
		wait      time.Duration
		perMinute int
		want      Decision
	}
	cases := map[string]struct {
		reason string
		share  func() int
		steps  []step
	}{
		"WholeLimitAtOnce": {
			reason: "who is told 3 per minute may send 3 at once, and then one each 20 s",
			steps: []step{
				{0, 3, Decision{Allowed: true, Limit: 3, Remaining: 2, Reset: 20 * time.Second}},
				{0, 3, Decision{Allowed: true, Limit: 3, Remaining: 1, Reset: 40 * time.Second}},
				{0, 3, Decision{Allowed: true, Limit: 3, Remaining: 0, Reset: time.Minute}},
				{0, 3, Decision{Limit: 3, Reset: time.Minute, RetryAfter: 20 * time.Second}},
				{15 * time.Second, 3, Decision{Limit: 3, Reset: 45 * time.Second, RetryAfter: 5 * time.Second}},
				{5 * time.Second, 3, Decision{Allowed: true, Limit: 3, Remaining: 0, Reset: time.Minute}},
				{time.Hour, 3, Decision{Allowed: true, Limit: 3, Remaining: 2, Reset: 20 * time.Second}},
			},
		},
		"OnePerMinute": {
			reason: "the smallest limit lets one through, and the next a minute later",
			steps: []step{
				{0, 1, Decision{Allowed: true, Limit: 1, Remaining: 0, Reset: time.Minute}},
				{time.Minute - 1, 1, Decision{Limit: 1, Reset: 1, RetryAfter: 1}},
				{1, 1, Decision{Allowed: true, Limit: 1, Remaining: 0, Reset: time.Minute}},
			},
		},
		"LimitsBelowOne": {
			reason: "a limit that makes no sense is the smallest that does, not none at all",
			steps:  []step{{0, -5, Decision{Allowed: true, Limit: 1, Remaining: 0, Reset: time.Minute}}},
		},
		"LimitsAboveTheHighest": {
			reason: "a limit too high to count by is the highest",
			steps:  []step{{0, 2 * MaxPerMinute, Decision{Allowed: true, Limit: MaxPerMinute, Remaining: MaxPerMinute - 1, Reset: 60 * time.Microsecond}}},
		},
		"AnotherLimit": {
			reason: "half of one limit used is half of another used",
			steps: []step{
				{0, 2, Decision{Allowed: true, Limit: 2, Remaining: 1, Reset: 30 * time.Second}},
				{0, 600, Decision{Allowed: true, Limit: 600, Remaining: 299, Reset: 30*time.Second + 100*time.Millisecond}},
				{100 * time.Millisecond, 2, Decision{Allowed: true, Limit: 2, Remaining: 0, Reset: time.Minute}},
				{0, 4, Decision{Limit: 4, Reset: time.Minute, RetryAfter: 15 * time.Second}},
			},
		},
		"ShareRoundedUp": {
			reason: "a replica of three limits to its third, rounded up",
			share:  replicas(3),
			steps:  []step{{0, 601, Decision{Allowed: true, Limit: 201, Remaining: 200, Reset: 298507463}}},
		},
		"MoreReplicasThanLimit": {
			reason: "each replica lets at least one through",
			share:  replicas(10),
			steps:  []step{{0, 3, Decision{Allowed: true, Limit: 1, Remaining: 0, Reset: time.Minute}}},
		},
		"NoReplicas": {
			reason: "a share below 1, as before the first list of endpoints, is 1",
			share:  replicas(0),
			steps:  []step{{0, 2, Decision{Allowed: true, Limit: 2, Remaining: 1, Reset: 30 * time.Second}}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			clk := clocktesting.NewFakePassiveClock(epoch)
			l := NewLocal(c.share, clk, 10)
			for i, s := range c.steps {
				clk.SetTime(clk.Now().Add(s.wait))
				if diff := cmp.Diff(s.want, l.Allow(t.Context(), "key", s.perMinute)); diff != "" {
					t.Errorf("%s: step %d (-want +got):\n%s", c.reason, i, diff)
				}
			}
		})
	}
}

// TestLocalNeverMore sends requests at any times and checks what is promised of each answer, and of all together.
func TestLocalNeverMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.OneOf(rapid.IntRange(1, 20), rapid.IntRange(1, 2000)).Draw(t, "limit")
		pause := rapid.OneOf(rapid.Int64Range(0, 0), rapid.Int64Range(0, int64(Window)/int64(limit)*2), rapid.Int64Range(0, int64(2*Window)))
		clk := clocktesting.NewFakePassiveClock(epoch)
		l := NewLocal(nil, clk, 10)
		var allowed []time.Time
		ask := func(rival string) Decision {
			d := l.Allow(t.Context(), "key", limit)
			if d.Limit != limit || d.Remaining < 0 || d.Remaining >= limit || d.Reset < 0 || d.Reset > Window+time.Duration(limit) {
				t.Fatalf("limit %d: decision out of bounds: %+v", limit, d)
			}
			if d.Allowed != (d.RetryAfter == 0) || d.RetryAfter < 0 {
				t.Fatalf("allowed and when to retry disagree: %+v", d)
			}
			if d.Allowed {
				allowed = append(allowed, clk.Now())
			}
			l.Allow(t.Context(), rival, limit) // which is none of this key's business
			return d
		}
		for i := range rapid.IntRange(1, 300).Draw(t, "requests") {
			clk.SetTime(clk.Now().Add(time.Duration(pause.Draw(t, "pause"))))
			d := ask(fmt.Sprint("rival", i%3))
			if d.Allowed {
				continue
			}
			if wait := d.RetryAfter - 1; wait > 0 {
				clk.SetTime(clk.Now().Add(wait))
				if ask("rival").Allowed {
					t.Fatalf("limit %d: allowed a nanosecond before its time, %+v", limit, d)
				}
				clk.SetTime(clk.Now().Add(1))
			} else {
				clk.SetTime(clk.Now().Add(d.RetryAfter))
			}
			if again := ask("rival"); !again.Allowed {
				t.Fatalf("limit %d: refused after waiting as told: %+v, then %+v", limit, d, again)
			}
		}
		checkWindows(t, allowed, limit)

		last := l.Allow(t.Context(), "key", limit)
		clk.SetTime(clk.Now().Add(last.Reset))
		if d := l.Allow(t.Context(), "key", limit); !d.Allowed || d.Remaining != limit-1 {
			t.Fatalf("limit %d: not whole again after Reset: %+v, then %+v", limit, last, d)
		}
	})
}

// checkWindows checks the documented bound over every stretch of time: the limit, and one more for each period in it.
// Within a minute that is at most twice the limit less one.
func checkWindows(t *rapid.T, allowed []time.Time, limit int) {
	for i := range allowed {
		for j := i; j < len(allowed); j++ {
			span, n := allowed[j].Sub(allowed[i]), j-i+1
			if most := limit + int(span*time.Duration(limit)/Window); n > most {
				t.Fatalf("limit %d: %d requests within %v, more than %d", limit, n, span, most)
			}
			if span < Window && n > 2*limit-1 {
				t.Fatalf("limit %d: %d requests within a minute", limit, n)
			}
		}
	}
}

// TestLocalForgets fills a small map past its bound.
func TestLocalForgets(t *testing.T) {
	const keys = 1000
	clk := clocktesting.NewFakePassiveClock(epoch)
	l := NewLocal(nil, clk, keys)
	stored := func() (n int) {
		for i := range l.shards {
			n += l.shards[i].tats.Len()
		}
		return n
	}
	l.Allow(t.Context(), "first", 1)
	if l.Allow(t.Context(), "first", 1).Allowed {
		t.Error("the second request of a key that is remembered was allowed")
	}
	for i := range 10 * keys {
		l.Allow(t.Context(), fmt.Sprint(i), 1)
		if n := stored(); n > keys {
			t.Fatalf("%d keys are stored, more than %d", n, keys)
		}
	}
	if !l.Allow(t.Context(), "first", 1).Allowed {
		t.Error("a key that was forgotten does not start fresh")
	}
}

// TestLocalAtOnce asks from many goroutines while time stands still: exactly the limit gets through.
func TestLocalAtOnce(t *testing.T) {
	const limit = 500
	l := NewLocal(nil, clocktesting.NewFakePassiveClock(epoch), 0)
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range limit {
				if l.Allow(t.Context(), "key", limit).Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := allowed.Load(); n != limit {
		t.Errorf("%d requests were allowed, not %d", n, limit)
	}
}

func BenchmarkLocalAllow(b *testing.B) {
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = fmt.Sprintf("01jcheckytokenidentifier%05d", i)
	}
	b.Run("OneKey", func(b *testing.B) {
		l := NewLocal(replicas(3), nil, 0)
		b.ReportAllocs()
		for b.Loop() {
			l.Allow(b.Context(), keys[0], DefaultPerMinute)
		}
	})
	b.Run("ManyKeysParallel", func(b *testing.B) {
		l := NewLocal(replicas(3), nil, 0)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				l.Allow(b.Context(), keys[i%len(keys)], DefaultPerMinute)
			}
		})
	})
}
