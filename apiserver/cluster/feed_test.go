package cluster

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
)

// attempts is a ListerWatcher whose attempts fail as the test says, and then succeed.
type attempts struct {
	errs  []error
	made  int
	watch *watch.FakeWatcher
}

func (a *attempts) next() error {
	a.made++
	if len(a.errs) == 0 {
		return nil
	}
	err := a.errs[0]
	a.errs = a.errs[1:]
	return err
}

func (a *attempts) follow(state *freshness) *follower {
	return follow(&toolscache.ListWatch{
		ListWithContextFunc: func(context.Context, metav1.ListOptions) (runtime.Object, error) {
			return &corev1.SecretList{}, a.next()
		},
		WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) {
			return a.watch, a.next()
		},
	}, state, "Secret")
}

// TestPersist lists, in a bubble where time passes as soon as nothing else can happen. A probe is sent each second, the
// first half a second before the list, and answered from some time on.
func TestPersist(t *testing.T) {
	unavailable := apierrors.NewServiceUnavailable("starting")
	forbidden := apierrors.NewForbidden(corev1.Resource("secrets"), "", nil)
	type result struct {
		Err   error
		Made  int
		After time.Duration
	}
	always := make([]error, 1000)
	for i := range always {
		always[i] = errBroken
	}
	cases := map[string]struct {
		reason string
		errs   []error
		back   time.Duration
		ctx    time.Duration // when the context ends; 0: never
		want   result
	}{
		"reachable":          {reason: "no wait", want: result{Made: 1}},
		"away for a while":   {reason: "nothing is sent before there is an answer", back: 20 * time.Second, want: result{Made: 1, After: 19500 * time.Millisecond}},
		"a wrong request":    {reason: "another attempt would fail as well", errs: []error{forbidden}, want: result{Err: forbidden, Made: 1}},
		"starting, twice":    {reason: "each attempt waits for a new answer", errs: []error{unavailable, unavailable}, want: result{Made: 3, After: 1500 * time.Millisecond}},
		"away for long":      {reason: "the probe may be wrong", back: time.Hour, want: result{Made: 1, After: patience}},
		"away, and it fails": {reason: "then the Reflector says so", back: time.Hour, errs: always, want: result{Err: errBroken, Made: 1, After: patience}},
		"it keeps failing":   {reason: "though probes are answered", errs: always, want: result{Err: errBroken, Made: 32, After: patience}},
		"ended while waiting": {
			reason: "an informer stops at once", back: time.Hour, ctx: 5 * time.Second, errs: []error{context.Canceled},
			want: result{Err: context.Canceled, Made: 1, After: 5 * time.Second},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				begun := time.Now()
				state := newFreshness(clock.RealClock{})
				prober := contact{state: state, clock: clock.RealClock{}, cut: func() {}, ask: func(context.Context, string) error {
					if time.Since(begun) < c.back {
						return errRefused
					}
					return nil
				}}
				go prober.run(ctx)
				time.Sleep(probeInterval / 2) // in the bubble, it makes the order of things certain
				listed := time.Now()
				listing := ctx
				if c.ctx > 0 {
					var end context.CancelFunc
					listing, end = context.WithCancel(ctx)
					time.AfterFunc(c.ctx, end)
				}
				lw := &attempts{errs: c.errs}
				_, err := lw.follow(state).ListWithContext(listing, metav1.ListOptions{})
				got := result{Err: err, Made: lw.made, After: time.Since(listed)}
				if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.reason, diff)
				}
			})
		})
	}
}

// errBroken is unreachable by its type, as errRefused is not.
var errBroken = apierrors.NewInternalError(errRefused)

func TestFollowed(t *testing.T) {
	bookmark := func(end bool) *corev1.Secret {
		s := &corev1.Secret{}
		if end {
			s.Annotations = map[string]string{metav1.InitialEventsAnnotationKey: "true"}
		}
		return s
	}
	open := func(t *testing.T, options metav1.ListOptions) (*follower, *watch.FakeWatcher, watch.Interface) {
		t.Helper()
		state := newFreshness(clock.RealClock{})
		state.hear(time.Now())
		lw := &attempts{watch: watch.NewFake()}
		f := lw.follow(state)
		w, err := f.WatchWithContext(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		return f, lw.watch, w
	}
	connected := func(f *follower) bool {
		f.state.mu.Lock()
		defer f.state.mu.Unlock()
		return f.feed.connected
	}

	t.Run("a watch is connected until it ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, server, w := open(t, metav1.ListOptions{})
			if !connected(f) {
				t.Error("an open watch counts as disconnected")
			}
			go func() {
				server.Add(bookmark(false))
				server.Modify(bookmark(false))
				server.Stop()
			}()
			var kinds []watch.EventType
			for event := range w.ResultChan() {
				kinds = append(kinds, event.Type)
			}
			if diff := cmp.Diff([]watch.EventType{watch.Added, watch.Modified}, kinds); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
			if connected(f) {
				t.Error("a watch that has ended counts as connected")
			}
			w.Stop()
		})
	})
	t.Run("a watch that begins with a list is connected after it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, server, w := open(t, metav1.ListOptions{SendInitialEvents: new(true)})
			defer w.Stop()
			for _, step := range []struct {
				event watch.EventType
				end   bool
				want  bool
			}{
				{event: watch.Added},
				{event: watch.Bookmark},
				{event: watch.Bookmark, end: true, want: true},
				{event: watch.Added, want: true},
			} {
				go server.Action(step.event, bookmark(step.end))
				<-w.ResultChan()
				if got := connected(f); got != step.want {
					t.Errorf("connected is %v after %s, want %v", got, step.event, step.want)
				}
			}
		})
	})
	t.Run("a watch is stopped while nobody takes its events", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f, server, w := open(t, metav1.ListOptions{})
			server.Add(bookmark(false)) // forward has it, and nobody reads
			synctest.Wait()
			w.Stop()
			w.Stop()
			synctest.Wait()
			if !server.IsStopped() || connected(f) {
				t.Error("the watch goes on")
			}
		})
	})
}
