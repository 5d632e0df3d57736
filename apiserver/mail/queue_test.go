package mail

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/go-logr/logr"
	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

// script is a sender that answers as it is told, and notes when it was asked. It is for what a real server does not do on
// demand, and for what takes minutes.
type script struct {
	answer func(ctx context.Context, m Message, attempt int) error

	mu       sync.Mutex
	attempts map[string]int
	calls    []call
}

type call struct {
	To string
	At time.Time
}

func (s *script) Send(ctx context.Context, m Message) error {
	s.mu.Lock()
	if s.attempts == nil {
		s.attempts = map[string]int{}
	}
	s.attempts[m.To]++
	attempt := s.attempts[m.To]
	s.calls = append(s.calls, call{m.To, time.Now()})
	s.mu.Unlock()
	if s.answer == nil {
		return nil
	}
	return s.answer(ctx, m, attempt)
}

func (s *script) to() (to []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.calls {
		to = append(to, c.To)
	}
	return to
}

// logbook keeps log lines.
type logbook struct {
	mu    sync.Mutex
	lines []string
}

func (l *logbook) logger() logr.Logger {
	return funcr.New(func(_, args string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, args)
	}, funcr.Options{})
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

func newQueue(t *testing.T, sender Sender, o Options, log logr.Logger) (*Queue, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	q, err := NewQueue(sender, o, log, registry)
	if err != nil {
		t.Fatal(err)
	}
	return q, registry
}

func letterTo(to string) Message { return Message{To: to, Subject: "A subject", Text: "The text.\n"} }

func enqueue(t *testing.T, q *Queue, to ...string) {
	t.Helper()
	for _, to := range to {
		if err := q.Enqueue(letterTo(to)); err != nil {
			t.Fatal(err)
		}
	}
}

// counts compares the metrics.
func counts(t *testing.T, registry *prometheus.Registry, sent, failed, dropped, length int) {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, label := range m.GetLabel() {
				name += " " + label.GetValue()
			}
			got[name] = int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
		}
	}
	want := map[string]int{
		"checky_apiserver_mail_total sent": sent, "checky_apiserver_mail_total failed": failed,
		"checky_apiserver_mail_total dropped": dropped, "checky_apiserver_mail_queue_length": length,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

func TestTemporaryFailuresAreTriedAgainForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender := &script{answer: func(context.Context, Message, int) error { return errors.New("away") }}
		q, registry := newQueue(t, sender, Options{}, logr.Discard())
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = q.Run(ctx) }()
		enqueue(t, q, "ann@example.com")
		time.Sleep(time.Hour) // of the bubble's time
		synctest.Wait()
		if len(sender.calls) != DefaultAttempts {
			t.Fatalf("%d attempts", len(sender.calls))
		}
		wait := DefaultBackoff
		for i, c := range sender.calls[1:] {
			waited := c.At.Sub(sender.calls[i].At)
			if waited < wait*8/10 || waited > wait*12/10 {
				t.Errorf("attempt %d came after %v, expected about %v", i+2, waited, wait)
			}
			wait *= 2
		}
		if total := sender.calls[4].At.Sub(began); total < 8*time.Minute || total > 12*time.Minute {
			t.Errorf("given up after %v", total)
		}
		counts(t, registry, 0, 1, 0, 0)
		cancel()
		synctest.Wait()
	})
}

func TestAMailIsGivenUpWithItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sender := &script{answer: func(context.Context, Message, int) error { return errors.New("away") }}
		q, registry := newQueue(t, sender, Options{Attempts: 100, MaxAge: 3 * time.Minute}, logr.Discard())
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = q.Run(ctx) }()
		enqueue(t, q, "ann@example.com")
		time.Sleep(time.Hour)
		synctest.Wait()
		// At 0, about 40 and about 120 s; the next would come at about 280 s.
		if len(sender.calls) != 3 {
			t.Errorf("%d attempts", len(sender.calls))
		}
		counts(t, registry, 0, 1, 0, 0)
		cancel()
		synctest.Wait()
	})
}

func TestAMailThatWaitsHoldsNoOtherUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids := map[string]bool{}
		sender := &script{answer: func(_ context.Context, m Message, attempt int) error {
			ids[m.To+" "+m.ID] = true
			if m.To == "ann@example.com" && attempt == 1 {
				return errors.New("busy")
			}
			return nil
		}}
		q, registry := newQueue(t, sender, Options{}, logr.Discard())
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = q.Run(ctx) }()
		enqueue(t, q, "ann@example.com", "bob@example.com", "cid@example.com")
		synctest.Wait()
		counts(t, registry, 2, 0, 0, 1)
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []string{"ann@example.com", "bob@example.com", "cid@example.com", "ann@example.com"}
		if diff := cmp.Diff(want, sender.to()); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if len(ids) != 3 {
			t.Errorf("an ID changed between attempts, or was given twice: %v", ids)
		}
		counts(t, registry, 3, 0, 0, 0)
		cancel()
		synctest.Wait()
	})
}

func TestAFullQueueRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		sender := &script{answer: func(context.Context, Message, int) error {
			<-release
			return nil
		}}
		q, registry := newQueue(t, sender, Options{Size: 3}, logr.Discard())
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = q.Run(ctx) }()
		enqueue(t, q, "ann@example.com")
		synctest.Wait() // The first is being sent, and counts.
		enqueue(t, q, "bob@example.com", "cid@example.com")
		if err := q.Enqueue(letterTo("dan@example.com")); !errors.Is(err, ErrFull) {
			t.Errorf("got %v", err)
		}
		counts(t, registry, 0, 0, 1, 3)
		close(release)
		synctest.Wait()
		enqueue(t, q, "dan@example.com")
		synctest.Wait()
		counts(t, registry, 4, 0, 1, 0)
		cancel()
		synctest.Wait()
	})
}

func TestRunDrains(t *testing.T) {
	for name, tc := range map[string]struct {
		reason        string
		answer        func(ctx context.Context, m Message, attempt int) error
		sent, dropped int
		log           string
	}{
		"all are sent": {
			reason: "a mail that waited for another attempt gets it now", sent: 3,
			answer: func(_ context.Context, _ Message, attempt int) error {
				if attempt == 1 {
					return errors.New("busy")
				}
				return nil
			},
		},
		"the server is away": {
			reason: "each is tried once more, and no longer waited for", dropped: 3, log: `"mails"=3`,
			answer: func(context.Context, Message, int) error { return errors.New("away") },
		},
		"the server is slow": {
			reason: "what takes longer than the time to drain is left", dropped: 3, log: `"mails"=3`,
			answer: func(ctx context.Context, _ Message, _ int) error {
				<-ctx.Done()
				return ctx.Err()
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &logbook{}
				q, registry := newQueue(t, &script{answer: tc.answer}, Options{}, log.logger())
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- q.Run(ctx) }()
				enqueue(t, q, "ann@example.com", "bob@example.com", "cid@example.com")
				synctest.Wait()
				cancel()
				stopped := time.Now()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if took := time.Since(stopped); took > drainTimeout {
					t.Errorf("%s: it took %v", tc.reason, took)
				}
				counts(t, registry, tc.sent, 0, tc.dropped, 0)
				if !strings.Contains(log.String(), tc.log) {
					t.Errorf("%s: the log has no %s:\n%s", tc.reason, tc.log, log)
				}
				if err := q.Enqueue(letterTo("dan@example.com")); !errors.Is(err, ErrStopped) {
					t.Errorf("afterwards: %v", err)
				}
			})
		})
	}
}

func TestWithoutASender(t *testing.T) {
	q, registry := newQueue(t, nil, Options{}, logr.Discard())
	if err := q.Enqueue(letterTo("ann@example.com")); !errors.Is(err, ErrNotConfigured) {
		t.Errorf("got %v", err)
	}
	counts(t, registry, 0, 0, 0, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := q.Run(ctx); err != nil {
		t.Error(err)
	}
}

// TestThroughAServer is the queue in front of a real server that is away, comes, is busy and refuses.
func TestThroughAServer(t *testing.T) {
	log := &logbook{}
	away := startServer(t, serverOptions{noTLS: true})
	sender, err := NewSMTP(SMTPOptions{Address: away.address, From: "checky@example.com", TLS: TLSNone})
	if err != nil {
		t.Fatal(err)
	}
	away.stop()
	tried := make(chan struct{}, 100)
	q, registry := newQueue(t, &watched{sender, tried}, Options{Backoff: 10 * time.Millisecond, Attempts: 12}, log.logger())
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()

	enqueue(t, q, "ann@example.com")
	<-tried
	<-tried
	// It comes back, and asks the first mail to try again.
	back := startServer(t, serverOptions{noTLS: true, address: away.address, refuse: func(step string, n int) error {
		switch {
		case step == "mail" && n == 1:
			return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "busy"}
		case step == "rcpt" && n == 3:
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no bob@example.com here"}
		}
		return nil
	}})
	<-back.arrived
	enqueue(t, q, "bob@example.com", "cid@example.com")
	<-back.arrived
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	var to []string
	for _, m := range back.received() {
		to = append(to, m.To)
	}
	if diff := cmp.Diff([]string{"ann@example.com", "cid@example.com"}, to); diff != "" {
		t.Errorf("what arrived (-want +got):\n%s", diff)
	}
	if got := back.attempts(); got != 4 {
		t.Errorf("%d attempts reached the server: a refused mail is tried once", got)
	}
	counts(t, registry, 2, 1, 0, 0)
	for _, secret := range []string{"ann@", "bob@", "cid@", "The text"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has %q:\n%s", secret, log)
		}
	}
	for _, known := range []string{"a***@example.com", "A subject", "550", "421"} {
		if !strings.Contains(log.String(), known) {
			t.Errorf("the log has no %q:\n%s", known, log)
		}
	}
}

// watched tells when a mail was tried.
type watched struct {
	Sender
	tried chan struct{}
}

func (w *watched) Send(ctx context.Context, m Message) error {
	err := w.Sender.Send(ctx, m)
	w.tried <- struct{}{}
	return err
}
