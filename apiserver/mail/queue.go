package mail

import (
	"container/heap"
	"context"
	"errors"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
)

// What Options are where they say nothing, and what cannot be set.
const (
	// DefaultSize is how many mails may wait, those that wait for another attempt included.
	DefaultSize = 256
	// DefaultAttempts is how often a mail is tried: at once, and then after about 40 s, 80 s, 160 s and 320 s, which is
	// ten minutes in all.
	DefaultAttempts = 5
	// DefaultBackoff is the wait after the first failure. It doubles after each.
	DefaultBackoff = 40 * time.Second
	// DefaultMaxAge is when a mail that could not be sent is given up, whatever its attempts: a reset link that is
	// older than its lifetime helps nobody.
	DefaultMaxAge = 15 * time.Minute

	// drainTimeout is for how long Run goes on sending after its context has ended, the mail included that is on its way.
	drainTimeout = 5 * time.Second
	// jitter is how much of a wait is left to chance, so that replicas do not knock at a server together.
	jitter = 0.2
)

// Options are the options of a Queue. The zero value is good.
type Options struct {
	// Size is how many mails may wait. 0: DefaultSize.
	Size int
	// Attempts is how often a mail is tried. 0: DefaultAttempts.
	Attempts int
	// Backoff is the wait after the first failure; it doubles after each, give or take a fifth. 0: DefaultBackoff.
	Backoff time.Duration
	// MaxAge is when a mail that waits is given up. 0: DefaultMaxAge.
	MaxAge time.Duration
	// Clock tells the time. nil: the real one.
	Clock clock.Clock
}

// Queue holds mails until they are sent. Run sends them, one at a time.
type Queue struct {
	sender  Sender
	o       Options
	log     logr.Logger
	results *prometheus.CounterVec
	wake    chan struct{} // holds one token when the first in line may have changed

	mu      sync.Mutex // guards what follows, and is never held while sending
	waiting line
	sending bool
	stopped bool
	taken   uint64 // how many mails were ever taken: the order of those that are due at one time
}

// NewQueue makes a queue in front of a sender and registers its metrics. A nil sender makes a queue that refuses every
// mail with ErrNotConfigured. The log gets the outcome of each attempt, with masked addresses and without any text.
func NewQueue(sender Sender, o Options, log logr.Logger, registerer prometheus.Registerer) (*Queue, error) {
	if o.Size == 0 {
		o.Size = DefaultSize
	}
	if o.Attempts == 0 {
		o.Attempts = DefaultAttempts
	}
	if o.Backoff == 0 {
		o.Backoff = DefaultBackoff
	}
	if o.MaxAge == 0 {
		o.MaxAge = DefaultMaxAge
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	q := &Queue{
		sender: sender, o: o, log: log, wake: make(chan struct{}, 1),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "checky_apiserver_mail_total",
			Help: "Mails by result: sent; failed (refused, or given up after the last attempt); dropped (the queue was full, or the process ended).",
		}, []string{"result"}),
	}
	for _, result := range []string{resultSent, resultFailed, resultDropped} {
		q.results.WithLabelValues(result)
	}
	length := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "checky_apiserver_mail_queue_length", Help: "Mails that wait to be sent, the one that is being sent included.",
	}, func() float64 { return float64(q.Len()) })
	return q, errors.Join(registerer.Register(q.results), registerer.Register(length))
}

// The results of a mail.
const (
	resultSent    = "sent"
	resultFailed  = "failed"
	resultDropped = "dropped"
)

// Enqueue takes a mail and returns at once. It fails with ErrNotConfigured, ErrFull, ErrStopped or an
// *InvalidError.
func (q *Queue) Enqueue(m Message) error {
	if q.sender == nil {
		return ErrNotConfigured
	}
	if err := m.validate(); err != nil {
		return err
	}
	if m.ID == "" {
		m.ID = newID()
	}
	if err := q.put(m); err != nil {
		q.results.WithLabelValues(resultDropped).Inc()
		return err
	}
	// Run looks at the line again. A token that nobody took yet says the same.
	select {
	case q.wake <- struct{}{}:
	default:
	}
	return nil
}

// put adds a mail at the end of the line.
func (q *Queue) put(m Message) error {
	now := q.o.Clock.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.stopped:
		return ErrStopped
	case q.lenLocked() >= q.o.Size:
		return ErrFull
	}
	q.taken++
	heap.Push(&q.waiting, &letter{Message: m, since: now, due: now, number: q.taken})
	return nil
}

// Len is how many mails wait, the one that is being sent included.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lenLocked()
}

func (q *Queue) lenLocked() int {
	if q.sending {
		return len(q.waiting) + 1
	}
	return len(q.waiting)
}

// Run sends what is in the queue until the context ends. Then it tries each mail that is left once more, for at most
// 5 seconds in all, says how many it had to leave, and returns nil. It is called once; afterwards Enqueue refuses.
func (q *Queue) Run(ctx context.Context) error {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var grace sync.WaitGroup
	over := make(chan struct{})
	grace.Go(func() { q.cancelAfterGrace(ctx.Done(), over, cancel) })
	defer func() {
		close(over)
		grace.Wait()
		cancel()
	}()
	for ctx.Err() == nil {
		next, wait := q.take()
		if next != nil {
			q.deliver(sending, next)
			continue
		}
		q.pause(ctx, wait)
	}
	q.drain(sending)
	return nil
}

// cancelAfterGrace ends what is being sent when the time to drain is over, unless Run was done before.
func (q *Queue) cancelAfterGrace(ended, over <-chan struct{}, cancel func()) {
	select {
	case <-over:
		return
	case <-ended:
	}
	timer := q.o.Clock.NewTimer(drainTimeout)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C():
		cancel()
	}
}

// pause returns when the context has ended, the first in line may have changed, or the wait is over. A wait of 0 is for
// ever: nothing is in line.
func (q *Queue) pause(ctx context.Context, wait time.Duration) {
	var due <-chan time.Time
	if wait > 0 {
		timer := q.o.Clock.NewTimer(wait)
		defer timer.Stop()
		due = timer.C()
	}
	select {
	case <-ctx.Done():
	case <-q.wake:
	case <-due:
	}
}

// take removes the first mail that is due, or tells how long until one is. 0 means that none waits.
func (q *Queue) take() (*letter, time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return nil, 0
	}
	if wait := q.waiting[0].due.Sub(q.o.Clock.Now()); wait > 0 {
		return nil, wait
	}
	q.sending = true
	return heap.Pop(&q.waiting).(*letter), 0
}

// deliver makes one attempt, and puts the mail back where another is due.
func (q *Queue) deliver(ctx context.Context, l *letter) {
	err := q.sender.Send(ctx, l.Message)
	l.attempts++
	log := q.log.WithValues("to", masked(l.To), "subject", l.Subject, "attempt", l.attempts)
	now := q.o.Clock.Now()
	wait := q.backoff(l.attempts)

	var again bool
	switch {
	case err == nil:
		q.results.WithLabelValues(resultSent).Inc()
		log.Info("Mail sent")
	case permanent(err):
		q.results.WithLabelValues(resultFailed).Inc()
		log.Error(err, "Mail refused")
	case l.attempts >= q.o.Attempts || now.Add(wait).Sub(l.since) > q.o.MaxAge:
		q.results.WithLabelValues(resultFailed).Inc()
		log.Error(err, "Mail given up")
	default:
		again = true
		log.Info("Mail not sent, another attempt follows", "reason", err.Error(), "wait", wait.Round(time.Second).String())
	}

	q.mu.Lock()
	defer q.mu.Unlock()
	q.sending = false
	if again {
		l.due = now.Add(wait)
		heap.Push(&q.waiting, l)
	}
}

// backoff is the wait after so many attempts.
func (q *Queue) backoff(attempts int) time.Duration {
	wait := q.o.Backoff << min(attempts-1, 20)
	return time.Duration(float64(wait) * (1 - jitter + 2*jitter*mathrand.Float64())) //nolint:gosec // G404: chance, no secret
}

// drain takes no more mails, and tries each that is left once, while there is time.
func (q *Queue) drain(ctx context.Context) {
	q.mu.Lock()
	left := q.waiting
	q.waiting, q.stopped = nil, true
	q.mu.Unlock()

	lost := 0
	for len(left) > 0 {
		l := heap.Pop(&left).(*letter)
		if ctx.Err() == nil && q.sender.Send(ctx, l.Message) == nil {
			q.results.WithLabelValues(resultSent).Inc()
			continue
		}
		lost++
		q.results.WithLabelValues(resultDropped).Inc()
	}
	if lost > 0 {
		q.log.Error(nil, "The process ends with mails that were not sent: whoever waits for one has to ask again", "mails", lost)
	}
}

// letter is a mail in the queue.
type letter struct {
	Message
	since, due time.Time
	number     uint64
	attempts   int
}

// line is a heap of letters: what is due first comes first, and of those what was taken first.
type line []*letter

func (l line) Len() int { return len(l) }
func (l line) Less(i, j int) bool {
	if !l[i].due.Equal(l[j].due) {
		return l[i].due.Before(l[j].due)
	}
	return l[i].number < l[j].number
}
func (l line) Swap(i, j int) { l[i], l[j] = l[j], l[i] }
func (l *line) Push(x any)   { *l = append(*l, x.(*letter)) }
func (l *line) Pop() any {
	old := *l
	last := old[len(old)-1]
	old[len(old)-1] = nil
	*l = old[:len(old)-1]
	return last
}
