package e2e_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// What bounds the load and its memory.
const (
	maxOutstanding = 1024             // checks without a verdict; what comes on top is not sent, and counted as held back
	maxReads       = 16               // reads of old checks at a time
	tryTimeout     = 30 * time.Second // of one request, with its wait for the verdict
	askAgain       = 2 * time.Second  // between two looks at a check that is pending
	sentTwice      = 10               // every so many checks are sent once more when they are acknowledged
	accounts       = 4                // an address may not sign up for many a minute
	tokenRate      = 2.5              // checks a second of one token, which may make 10 requests a second over all replicas
	readsPer       = 0.25             // reads of old checks, for each that is sent
	ttlMargin      = 30 * time.Second // before its time to live is over nobody looks for a check any more
	maxTold        = 20               // breaches that are told one by one
)

// record is a check that the facade has acknowledged.
type record struct {
	number int
	token  string
	id     string
	until  time.Time // when its time to live may be over; zero: not in this test
	done   bool      // the verdict was seen; load.mu guards it
}

// wanted is what the check of a number is made of, and its verdict: they pass and fail in turn.
func wanted(number int) (amount int, status string) {
	if number%2 == 0 {
		return 7, "success"
	}
	return 700, "failure"
}

// load sends checks to the facade at a constant rate, whatever becomes of those before (an open loop), each until it is acknowledged, and
// follows each to its verdict. Beside that it reads old ones, and applies a few as users of kubectl do.
//
//	tick -> POST, with the same key until 200 or 202 -> GET /v1/status until the verdict -> compare
//	                                 \-> now and then, from then on: GET /v1/status is 200 with that verdict
type load struct {
	c      *cluster
	f      *facade
	ledger *ledger
	run    string   // part of all keys
	tokens []string // the first accounts of them are each another account's
	rate   float64
	ttl    time.Duration // 0: the controller's default, longer than any test

	cancel context.CancelFunc // ends the sending
	group  sync.WaitGroup

	mu          sync.Mutex
	counts      counts
	causes      map[string]int // of requests without an answer
	outstanding map[int]struct{}
	next        int           // number of the next check
	records     []*record     // as they were acknowledged; those go whose time to live is over
	answered    time.Time     // when the last acknowledgement came
	longest     time.Duration // of the gaps that now has told
}

// startLoad begins a load. It goes on until finish, or the test's end.
func (c *cluster) startLoad(rate float64, ttl time.Duration) *load {
	c.t.Helper()
	l := &load{
		c: c, f: c.facade(), ledger: c.ledger(), run: strconv.FormatInt(time.Now().UnixNano(), 36), rate: rate, ttl: ttl,
		causes: map[string]int{}, outstanding: map[int]struct{}{}, answered: time.Now(),
	}
	for range accounts {
		token, err := l.f.account(c.t.Context())
		if err != nil {
			c.t.Fatal(err)
		}
		l.tokens = append(l.tokens, token)
	}
	for number := accounts; float64(number)*tokenRate < rate; number++ {
		token, err := l.f.token(c.t.Context(), l.tokens[number%accounts])
		if err != nil {
			c.t.Fatal(err)
		}
		l.tokens = append(l.tokens, token)
	}
	c.applyInputs()
	ctx, cancel := context.WithCancel(c.t.Context())
	l.cancel = cancel
	c.t.Cleanup(func() {
		cancel()
		l.group.Wait()
	})
	slots := make(chan struct{}, maxOutstanding)
	l.every(ctx, rate, func() {
		select {
		case slots <- struct{}{}:
			number := l.begin()
			l.group.Go(func() {
				l.check(number)
				<-slots
			})
		default:
			l.count(func(n *counts) { n.held++ })
		}
	})
	reads := make(chan struct{}, maxReads)
	l.every(ctx, rate*readsPer, func() {
		select {
		case reads <- struct{}{}:
			l.group.Go(func() {
				l.read()
				<-reads
			})
		default:
		}
	})
	applied := 0
	l.every(ctx, appliedRate, func() {
		number := applied
		applied++
		l.group.Go(func() { l.apply(number) })
	})
	return l
}

// every does something, which must not take long, so many times a second until the context ends.
func (l *load) every(ctx context.Context, rate float64, do func()) {
	l.group.Go(func() {
		ticker := time.NewTicker(time.Duration(float64(time.Second) / rate))
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				do()
			}
		}
	})
}

// count changes the counts.
func (l *load) count(change func(*counts)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.counts)
}

// breach counts what must not be, and fails the test.
func (l *load) breach(change func(*counts), format string, args ...any) {
	l.mu.Lock()
	change(&l.counts)
	told := l.counts.breaches()
	l.mu.Unlock()
	switch {
	case told <= maxTold:
		l.c.t.Errorf(format, args...)
	case told == maxTold+1:
		l.c.t.Error("more of that is counted, and not told")
	}
}

func (l *load) begin() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := l.next
	l.next++
	l.counts.sent++
	l.outstanding[number] = struct{}{}
	return number
}

// check does one check from beginning to end.
func (l *load) check(number int) {
	defer func() {
		l.mu.Lock()
		delete(l.outstanding, number)
		l.mu.Unlock()
	}()
	amount, want := wanted(number)
	r := &record{number: number, token: l.tokens[number/2%len(l.tokens)]}
	body := order(amount)
	if l.ttl > 0 {
		body["ttl_seconds"] = int(l.ttl.Seconds())
		r.until = time.Now().Add(l.ttl)
	}
	got, err := l.post(r, body)
	if err != nil {
		l.breach(func(n *counts) { n.abandoned++ }, "check %d: not acknowledged: %v", number, err)
		return
	}
	r.id = got.ID
	l.acknowledge(r)
	if number%sentTwice == 0 {
		if second, err := l.post(r, body); err != nil || second.ID != r.id {
			l.breach(func(n *counts) { n.twins++ }, "check %d is %s, and by the same key %s (%v)", number, r.id, second.ID, err)
		}
	}
	if got, err = l.follow(r, got); err != nil {
		l.breach(func(n *counts) { n.lost++ }, "check %d, %s, was acknowledged: %v", number, r.id, err)
		return
	}
	if got.Status != want {
		l.breach(func(n *counts) { n.wrong++ }, "check %d, %s: %s, should be %s: %s", number, r.id, got.Status, want, got.Explanation)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts.completed++
	r.done = true
}

// post sends a check until it is acknowledged.
func (l *load) post(r *record, body any) (result, error) {
	return l.insist(http.MethodPost, "/v1/check", r.token, body,
		fmt.Sprintf("Idempotency-Key: %s-%06d", l.run, r.number), "Prefer: wait=10")
}

// acknowledge takes note of a check, and forgets those whose time to live is over.
func (l *load) acknowledge(r *record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.counts.acknowledged++
	l.counts.gap = max(l.counts.gap, now.Sub(l.answered))
	l.answered = now
	for len(l.records) > 0 && l.over(l.records[0], now) {
		l.records = l.records[1:]
	}
	l.records = append(l.records, r)
}

// over tells whether a check may be gone by now because its time to live is over, or will be before long.
func (l *load) over(r *record, now time.Time) bool {
	return l.ttl > 0 && now.After(r.until.Add(-ttlMargin))
}

// follow reads a check until it has its verdict.
func (l *load) follow(r *record, got result) (result, error) {
	deadline := time.Now().Add(patience)
	for got.Status == "pending" {
		if time.Now().After(deadline) {
			return got, fmt.Errorf("it is pending for %s", patience)
		}
		if err := pause(l.c.t.Context(), askAgain); err != nil {
			return got, err
		}
		var err error
		if got, err = l.insist(http.MethodGet, "/v1/status/"+r.id, r.token, nil); err != nil {
			return got, err
		}
	}
	return got, nil
}

// read looks at one of the checks that had their verdict: it must have it still. A replica that lags behind the one that told the verdict may
// say pending for a moment, which is counted; then it is asked until it knows.
func (l *load) read() {
	l.mu.Lock()
	var r *record
	if len(l.records) > 0 {
		if r = l.records[rand.IntN(len(l.records))]; !r.done || l.over(r, time.Now()) {
			r = nil
		}
	}
	l.mu.Unlock()
	if r == nil {
		return
	}
	got, err := l.insist(http.MethodGet, "/v1/status/"+r.id, r.token, nil)
	if err == nil && got.Status == "pending" {
		l.count(func(n *counts) { n.late++ })
		got, err = l.follow(r, got)
	}
	if _, want := wanted(r.number); err != nil || got.Status != want {
		l.breach(func(n *counts) { n.lost++ }, "check %d, %s, had its verdict, %s; then it is %q: %v", r.number, r.id, want, got.Status, err)
		return
	}
	l.count(func(n *counts) { n.read++ })
}
