package trace

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	client "k8s.io/client-go/kubernetes/typed/events/v1"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/checky-dev/checky/audio/dispatch"
)

// server is an API server that answers as it is told to, and keeps what it is given.
type server struct {
	client.EventInterface // nil: anything but Create is a mistake

	mu     sync.Mutex
	answer func(ctx context.Context, attempt int) error
	names  []string // of all attempts
}

func (s *server) Events(string) client.EventInterface { return s }

func (s *server) Create(ctx context.Context, event *eventsv1.Event, _ metav1.CreateOptions) (*eventsv1.Event, error) {
	s.mu.Lock()
	s.names = append(s.names, event.Name)
	attempt := len(s.names)
	s.mu.Unlock()
	if s.answer == nil {
		return event, nil
	}
	return event, s.answer(ctx, attempt)
}

func (s *server) attempts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.names...)
}

func announcement(checks int) dispatch.Announcement {
	a := dispatch.Announcement{Kind: dispatch.First, Count: checks}
	for n := range checks {
		a.Alerts = append(a.Alerts, dispatch.Alert{Namespace: "lab", Name: fmt.Sprint("check-", n)})
	}
	return a
}

func TestErrors(t *testing.T) {
	events := schema.GroupResource{Group: "events.k8s.io", Resource: "events"}
	exists, forbidden, ending := apierrors.NewAlreadyExists(events, "x"), apierrors.NewForbidden(events, "x", nil), apierrors.NewForbidden(events, "x", nil)
	ending.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	cases := map[string]struct {
		reason   string
		answers  []error
		attempts int
		renamed  bool
		dropped  int
	}{
		"none":              {"written at once", nil, 1, false, 0},
		"passing":           {"the API server is busy, and then is not", []error{apierrors.NewTooManyRequests("", 1), apierrors.NewServiceUnavailable("")}, 3, false, 0},
		"no answer":         {"it was away", []error{errors.New("connection refused")}, 2, false, 0},
		"lasting":           {"attempts are bounded", []error{errors.New("1"), errors.New("2"), errors.New("3")}, 3, false, 1},
		"refused":           {"it will be refused again", []error{apierrors.NewInvalid(eventsv1.SchemeGroupVersion.WithKind("Event").GroupKind(), "x", nil)}, 1, false, 1},
		"not yet allowed":   {"the API server has just started, and does not know the roles", []error{forbidden, forbidden}, 3, false, 0},
		"not allowed":       {"it goes on to forbid it", []error{forbidden, forbidden, forbidden, forbidden, forbidden}, 3, false, 1},
		"namespace ends":    {"nothing is made in it any more", []error{ending}, 1, false, 1},
		"namespace is gone": {"so will this", []error{apierrors.NewNotFound(events, "x")}, 1, false, 1},
		"answer was lost":   {"the first attempt had been taken", []error{errors.New("EOF"), exists}, 2, false, 0},
		"name is taken":     {"another daemon's Event has it", []error{exists}, 2, true, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			metrics, registry := newMetrics(t)
			s := &server{answer: func(_ context.Context, attempt int) error {
				if attempt <= len(c.answers) {
					return c.answers[attempt-1]
				}
				return nil
			}}
			clk := clocktesting.NewFakeClock(noon)
			e := NewEvents(s, "lab-3", EventOptions{Metrics: metrics, Clock: clk})
			e.Announced(announcement(1))
			next := <-e.queue
			written := make(chan error, 1)
			go func() { written <- e.write(t.Context(), &next) }()
			for done := false; !done; {
				select {
				case err := <-written:
					if err != nil {
						e.drop(err)
					}
					done = true
				default:
					if clk.HasWaiters() {
						clk.Step(10 * time.Second)
					}
				}
			}
			names := s.attempts()
			if len(names) != c.attempts || (names[0] != names[len(names)-1]) != c.renamed {
				t.Errorf("%s: attempts %v", c.reason, names)
			}
			if got := droppedEvents(t, registry); got != c.dropped {
				t.Errorf("%s: %d dropped, want %v", c.reason, got, c.dropped)
			}
		})
	}
}

// TestForbiddenIsNotWaitedForTwice: what is forbidden after the API server has had its time is dropped at once, until a minute has passed.
func TestForbiddenIsNotWaitedForTwice(t *testing.T) {
	clk := clocktesting.NewFakeClock(noon)
	e := NewEvents(&server{}, "lab-3", EventOptions{Clock: clk})
	err := apierrors.NewForbidden(schema.GroupResource{Group: "events.k8s.io", Resource: "events"}, "x", nil)
	for _, step := range []struct {
		reason string
		after  time.Duration
		want   bool
	}{
		{"it may have just started", 0, true},
		{"it may need a moment", settling - 1, true},
		{"it has had its time", 1, false},
		{"and means it", settled - 1, false},
		{"it may have been started again", settled, true},
	} {
		clk.Step(step.after)
		if got := e.settles(err); got != step.want {
			t.Errorf("%s: got %t", step.reason, got)
		}
	}
}

// TestNobodyWaits has nothing take Events: they wait as far as there is room, and then are dropped.
func TestNobodyWaits(t *testing.T) {
	metrics, registry := newMetrics(t)
	var lines []string
	clk := clocktesting.NewFakeClock(noon)
	log := funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{})
	e := NewEvents(&server{}, "lab-3", EventOptions{Metrics: metrics, Clock: clk, Log: log})
	for range 20 {
		e.Announced(announcement(MaxEvents))
	}
	const dropped = 20*MaxEvents - queueSize
	if got := droppedEvents(t, registry); got != dropped || len(e.queue) != queueSize || len(lines) != 1 {
		t.Errorf("%d dropped, %d wait, %d lines logged, want %d, %d and 1", got, len(e.queue), len(lines), dropped, queueSize)
	}
	clk.Step(logInterval)
	e.Node("Reason", "note")
	e.Node("Reason", "note")
	want := []string{
		fmt.Sprintf(`"msg"="Events about announcements are dropped; the announcements are not" "error"=%q "dropped"=1`, errFull.Error()),
		fmt.Sprintf(`"msg"="Events about announcements are dropped; the announcements are not" "error"=%q "dropped"=%d`, errFull.Error(), dropped),
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

// TestEndWritesWhatWaits ends the writer with Events in the queue.
func TestEndWritesWhatWaits(t *testing.T) {
	metrics, registry := newMetrics(t)
	s := &server{}
	e := NewEvents(s, "lab-3", EventOptions{Metrics: metrics})
	e.Announced(announcement(MaxEvents))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if got := len(s.attempts()); got != MaxEvents || droppedEvents(t, registry) != 0 {
		t.Errorf("%d written, %d dropped, want %d and none", got, droppedEvents(t, registry), MaxEvents)
	}
	e.Announced(announcement(2))
	if got := droppedEvents(t, registry); got != 2 {
		t.Errorf("%d dropped after the end, want both", got)
	}
}

// TestEndIsBounded ends the writer while the API server takes an Event and says nothing.
func TestEndIsBounded(t *testing.T) {
	metrics, registry := newMetrics(t)
	caught := make(chan struct{}, queueSize)
	s := &server{answer: func(ctx context.Context, _ int) error {
		caught <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}}
	e := NewEvents(s, "lab-3", EventOptions{Metrics: metrics})
	e.Announced(announcement(MaxEvents))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	<-caught
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("it does not end")
	}
	if names := s.attempts(); len(names) != 2 || names[0] != names[1] {
		t.Errorf("attempts %v, want two at the first Event: it was caught, and then tried once more", names)
	}
	if got := droppedEvents(t, registry); got != MaxEvents {
		t.Errorf("%d dropped, want all %d", got, MaxEvents)
	}
}

// TestRate has nothing left of the rate: an Event waits, and does not go past it.
func TestRate(t *testing.T) {
	s := &server{}
	e := NewEvents(s, "lab-3", EventOptions{})
	if e.limiter.Limit() != perSecond || e.limiter.Burst() != burst {
		t.Errorf("%v a second, %d at once", e.limiter.Limit(), e.limiter.Burst())
	}
	e.limiter.SetLimit(rate.Every(time.Hour))
	e.limiter.AllowN(time.Now(), burst)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	e.Announced(announcement(1))
	next := <-e.queue
	if err := e.write(ctx, &next); err == nil || len(s.attempts()) != 0 {
		t.Errorf("%d attempts, %v", len(s.attempts()), err)
	}
}
