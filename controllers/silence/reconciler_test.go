package silence

import (
	"context"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	testingclock "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// server is an API server that holds one Silence, and writes down what is asked of it.
type server struct {
	silence   *v1alpha1.Silence
	refusal   error // of writes
	updates   int
	deletions int
	deletion  *client.DeleteOptions
}

func (s *server) client() client.Client {
	return interceptor.NewClient(nil, interceptor.Funcs{
		Get: func(_ context.Context, _ client.WithWatch, _ client.ObjectKey, object client.Object, _ ...client.GetOption) error {
			s.silence.DeepCopyInto(object.(*v1alpha1.Silence)) //nolint:forcetypeassert // nothing else is asked for
			return nil
		},
		SubResourceUpdate: func(_ context.Context, _ client.Client, _ string, object client.Object, _ ...client.SubResourceUpdateOption) error {
			s.updates++
			if s.refusal == nil {
				s.silence = object.(*v1alpha1.Silence).DeepCopy() //nolint:forcetypeassert // nothing else is written
			}
			return s.refusal
		},
		Delete: func(_ context.Context, _ client.WithWatch, _ client.Object, opts ...client.DeleteOption) error {
			s.deletions++
			s.deletion = (&client.DeleteOptions{}).ApplyOptions(opts)
			return s.refusal
		},
	})
}

// TestLife follows a Silence from before its start to its deletion by a clock that is moved.
func TestLife(t *testing.T) {
	s := &server{silence: silenceOf(asIs)}
	now := testingclock.NewFakePassiveClock(noon.Add(-time.Minute))
	r := &Reconciler{Client: s.client(), Events: events.NewFakeRecorder(1), Clock: now}
	for _, step := range []struct {
		reason  string
		at      time.Duration // from its start
		state   v1alpha1.SilenceState
		updates int
		back    time.Duration
	}{
		{"it waits for its start", -time.Minute, v1alpha1.SilencePending, 1, time.Minute},
		{"nothing is new", -time.Second, v1alpha1.SilencePending, 1, time.Second},
		{"it begins", 0, v1alpha1.SilenceActive, 2, maxSleep},
		{"the clock was set back", -time.Minute, v1alpha1.SilencePending, 3, time.Minute},
		{"it ends", time.Hour, v1alpha1.SilenceExpired, 4, maxSleep},
		{"it is kept for a day", time.Hour + keepExpired - time.Second, v1alpha1.SilenceExpired, 4, time.Second},
	} {
		now.SetTime(noon.Add(step.at))
		result, err := r.Reconcile(t.Context(), ctrl.Request{})
		if err != nil || result.RequeueAfter != step.back || s.updates != step.updates || s.silence.Status.State != step.state || s.deletions != 0 {
			t.Fatalf("%s: got %+v, %v, state %s, %d updates, %d deletions", step.reason, result, err, s.silence.Status.State, s.updates, s.deletions)
		}
	}
	now.SetTime(noon.Add(time.Hour + keepExpired))
	result, err := r.Reconcile(t.Context(), ctrl.Request{})
	if err != nil || result.RequeueAfter != 0 || s.deletions != 1 {
		t.Fatalf("got %+v, %v, %d deletions", result, err, s.deletions)
	}
	if p := s.deletion.Preconditions; p == nil || p.UID == nil || *p.UID != "1" || p.ResourceVersion == nil || *p.ResourceVersion != "7" {
		t.Errorf("the deletion is of any version: %+v", p)
	}
}

// TestLostWriteComesBack has somebody else write between the reading and the write or the deletion.
func TestLostWriteComesBack(t *testing.T) {
	resource := schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "silences"}
	for name, tc := range map[string]struct {
		err  error
		at   time.Duration
		back bool
	}{
		"Write":       {apierrors.NewConflict(resource, "s", nil), 0, true},
		"Deletion":    {apierrors.NewConflict(resource, "s", nil), 1000 * time.Hour, true},
		"GoneAlready": {apierrors.NewNotFound(resource, "s"), 1000 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &server{silence: silenceOf(asIs), refusal: tc.err}
			r := &Reconciler{Client: s.client(), Events: events.NewFakeRecorder(1), Clock: testingclock.NewFakePassiveClock(noon.Add(tc.at))}
			result, err := r.Reconcile(t.Context(), ctrl.Request{})
			if err != nil || (result.RequeueAfter > 0) != tc.back {
				t.Errorf("got %+v, %v", result, err)
			}
		})
	}
}

// TestEvents tells of a Silence that cannot work, once, and that it can again.
func TestEvents(t *testing.T) {
	s := &server{silence: silenceOf(badSelector)}
	recorder := events.NewFakeRecorder(5)
	r := &Reconciler{Client: s.client(), Events: recorder, Clock: testingclock.NewFakePassiveClock(noon)}
	reconcile := func() {
		t.Helper()
		if _, err := r.Reconcile(t.Context(), ctrl.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	reconcile()
	r.Clock.(*testingclock.FakePassiveClock).SetTime(noon.Add(time.Hour)) // it expires, and that is no news of this kind
	reconcile()
	s.silence.Spec.Selector = nil
	reconcile()
	for _, want := range []string{"Warning InvalidSilence", "Normal Valid"} {
		if got := <-recorder.Events; len(got) < len(want) || got[:len(want)] != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if len(recorder.Events) > 0 {
		t.Errorf("one event too many: %s", <-recorder.Events)
	}
}
