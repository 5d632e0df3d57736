package flood

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// world is a Recorder, what it made one by one, and what it summed up.
type world struct {
	*Recorder
	clock    *clocktesting.FakeClock
	made     []string // NAMESPACE/NAME REASON
	gathered int
	refuse   error
	sums     chan *eventsv1.Event
	stop     func()
}

// Eventf is that of the recorder that makes Events one by one.
func (w *next) Eventf(regarding, _ runtime.Object, _, reason, _, _ string, _ ...any) {
	object := regarding.(client.Object) //nolint:forcetypeassert // they are Checks
	w.made = append(w.made, object.GetNamespace()+"/"+object.GetName()+" "+reason)
}

type next struct{ *world }

func newWorld(t testing.TB) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	w := &world{clock: clocktesting.NewFakeClock(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)), sums: make(chan *eventsv1.Event, 2*maxNamespaces)}
	writer := interceptor.NewClient(nil, interceptor.Funcs{
		Create: func(_ context.Context, _ client.WithWatch, object client.Object, _ ...client.CreateOption) error {
			if w.refuse != nil {
				return w.refuse
			}
			w.sums <- object.(*eventsv1.Event) //nolint:forcetypeassert // nothing else is created
			return nil
		},
	})
	w.Recorder = New(Options{
		Next: &next{w}, Writer: writer, Scheme: scheme, Controller: "checky-controller", Clock: w.clock,
		Listing:  func(namespace string) string { return "kubectl get checks -n " + namespace },
		Gathered: func() { w.gathered++ },
	})
	return w
}

// run starts the recorder; it waits for its ticker after that.
func (w *world) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Start(ctx) }()
	w.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Start: %v", err)
		}
	}
	err := wait.PollUntilContextCancel(ctx, time.Millisecond, true, func(context.Context) (bool, error) { return w.clock.HasWaiters(), nil })
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) fail(namespace, name, reason string) {
	c := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: "1"}}
	w.Eventf(c, nil, "Warning", reason, "Evaluate", "%s", "a note")
}

func TestFlood(t *testing.T) {
	w := newWorld(t)
	for i := range burst + 100 {
		reason := "Failed"
		if i%10 == 0 {
			reason = "Errored"
		}
		w.fail("busy", fmt.Sprintf("check-%d", i), reason)
	}
	w.fail("calm", "one", "Failed")
	if len(w.made) != burst+1 || w.made[burst] != "calm/one Failed" || w.gathered != 100 {
		t.Errorf("%d were made one by one, %d gathered", len(w.made), w.gathered)
	}

	w.run(t)
	w.clock.Step(interval)
	event := <-w.sums
	want := "100 more events of this namespace within 1m0s have none of their own: 90 Failed, 10 Errored. " +
		"This object is the last of them; list what has not passed with: kubectl get checks -n busy"
	if diff := cmp.Diff(want, event.Note); diff != "" {
		t.Errorf("the note (-want +got):\n%s", diff)
	}
	if event.Namespace != "busy" || event.Regarding.Name != "check-124" || event.Regarding.Kind != "Check" || event.Type != "Warning" || event.Reason != reasonMore {
		t.Errorf("the sum is %+v", event)
	}

	// The minute that has passed makes room for six more.
	for i := range 10 {
		w.fail("busy", fmt.Sprintf("later-%d", i), "Failed")
	}
	if len(w.made) != burst+1+6 {
		t.Errorf("%d were made one by one in the second minute", len(w.made)-burst-1)
	}
	w.stop()
	if event := <-w.sums; !strings.HasPrefix(event.Note, "4 more events") {
		t.Errorf("at the end: %s", event.Note)
	}
	w.fail("busy", "after", "Failed")
	if got := w.made[len(w.made)-1]; got != "busy/after Failed" {
		t.Errorf("what came after the end was gathered, and nobody tells of it: %s", got)
	}
}

// TestKept has the API server refuse a sum: it is told with the next.
func TestKept(t *testing.T) {
	w := newWorld(t)
	for range burst + 3 {
		w.fail("busy", "check", "Failed")
	}
	w.refuse = errors.New("away")
	w.tell(t.Context())
	w.refuse = nil
	for range 2 {
		w.fail("busy", "check", "Recovered")
	}
	w.clock.Step(interval)
	w.tell(t.Context())
	if event := <-w.sums; !strings.Contains(event.Note, "5 more events of this namespace within 1m0s have none of their own: 3 Failed, 2 Recovered.") {
		t.Errorf("note %q", event.Note)
	}
	if len(w.sums) > 0 {
		t.Error("something was told twice")
	}
}

// TestDeleted has the namespace go: nobody is left to be told.
func TestDeleted(t *testing.T) {
	w := newWorld(t)
	for range burst + 3 {
		w.fail("busy", "check", "Failed")
	}
	w.refuse = apierrors.NewNotFound(corev1.Resource("namespaces"), "busy")
	w.tell(t.Context())
	w.clock.Step(burst * refill)
	w.tell(t.Context())
	if len(w.namespaces) != 0 {
		t.Error("it is kept for ever")
	}
}

// TestBounded has more namespaces than are told apart, and more reasons than a sum has.
func TestBounded(t *testing.T) {
	w := newWorld(t)
	for i := range maxNamespaces + 10 {
		w.fail(fmt.Sprint(i), "check", "Failed")
	}
	if len(w.made) != maxNamespaces || w.gathered != 10 || len(w.namespaces) != maxNamespaces {
		t.Errorf("%d made, %d gathered, %d namespaces", len(w.made), w.gathered, len(w.namespaces))
	}
	w.clock.Step(burst * refill)
	w.tell(t.Context())
	if len(w.namespaces) != 0 {
		t.Errorf("%d idle namespaces are kept", len(w.namespaces))
	}
	for i := range burst + maxReasons + 5 {
		w.fail("busy", "check", fmt.Sprintf("Reason%d", i))
	}
	if n := len(w.namespaces["busy"].sum.counts); n != maxReasons+1 {
		t.Errorf("a sum has %d reasons", n)
	}
	w.tell(t.Context())
	if event := <-w.sums; len(event.Note) > maxNote || !strings.Contains(event.Note, "5 Other") {
		t.Errorf("note %q", event.Note)
	}
}

// TestNothingIsLost holds that each Event is made or is in exactly one sum, whatever comes when, and that a namespace makes no more than its rate.
func TestNothingIsLost(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t)
		sent, summed, passed := 0, 0, time.Duration(0)
		collect := func() {
			w.tell(t.Context())
			for len(w.sums) > 0 {
				n := 0
				if _, err := fmt.Sscan((<-w.sums).Note, &n); err != nil {
					r.Fatal(err)
				}
				summed += n
			}
		}
		for range rapid.IntRange(1, 60).Draw(r, "steps") {
			switch rapid.IntRange(0, 3).Draw(r, "step") {
			case 0:
				by := time.Duration(rapid.IntRange(1, 120).Draw(r, "seconds")) * time.Second
				w.clock.Step(by)
				passed += by
			case 1:
				w.refuse = nil
				if rapid.Bool().Draw(r, "away") {
					w.refuse = errors.New("away")
				}
				collect()
			default:
				for range rapid.IntRange(1, 40).Draw(r, "events") {
					w.fail("busy", "check", "Failed")
					sent++
				}
			}
		}
		w.refuse = nil
		collect()
		if len(w.made)+summed != sent || w.gathered != summed {
			r.Fatalf("%d sent, %d made, %d summed up, %d gathered", sent, len(w.made), summed, w.gathered)
		}
		if most := burst + int(passed/refill); len(w.made) > most {
			r.Fatalf("%d made in %s, at most %d", len(w.made), passed, most)
		}
	})
}
