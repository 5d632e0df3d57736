package check_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	clocktesting "k8s.io/utils/clock/testing"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/engine"
)

// TestStored looks at what the API server has of a request.
func TestStored(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{})
	request := check.Request{
		Input:    []byte(`{"amount": 100.10000000000000000000000000000000001e2, "note": "ä\u0000"}`),
		RuleSets: []v1alpha1.RuleSetReference{{Name: "orders"}},
		Rules:    order("").Rules, FailOn: v1alpha1.SeverityCritical, TTLSeconds: new(int32(60)),
		TraceParent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
	}
	made := r.submit(t, "ada", request, "")
	if len(made.Name) != 26 || made.Status.Phase.Finished() {
		t.Errorf("name %q, phase %q", made.Name, made.Status.Phase)
	}
	stored := e.stored()
	if len(stored) != 1 || stored[0].UID != made.UID {
		t.Fatalf("%d checks are stored", len(stored))
	}
	want := v1alpha1.CheckSpec{
		InputJSON: string(request.Input), Rules: request.Rules, FailOn: request.FailOn, TTLSecondsAfterFinished: request.TTLSeconds,
		RuleSets: []v1alpha1.RuleSetReference{{Kind: v1alpha1.KindRuleSet, Name: "orders"}}, // the API server's default
	}
	want.Rules[0].Severity = v1alpha1.SeverityError // the same
	if diff := cmp.Diff(want, stored[0].Spec); diff != "" {
		t.Errorf("spec (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{v1alpha1.OwnerLabel: "ada"}, stored[0].Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if got := stored[0].Annotations[check.TraceParentAnnotation]; got != request.TraceParent {
		t.Errorf("traceparent %q", got)
	}
}

// TestStoredBatch looks at what the API server has of a batch, and sends its key again: with the batch, and with what is another request.
func TestStoredBatch(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{})
	batch := func(names ...string) check.Request {
		request := check.Request{Rules: order("").Rules}
		for i, text := range []string{`{"amount": 100.10000000000000000000000000000000000001e2, "note": "ä\u0000"}`, `null`, `1e400`} {
			request.Inputs = append(request.Inputs, engine.Item{Name: names[i], Input: []byte(text)})
		}
		return request
	}
	key := newKey()
	made := r.submit(t, "ada", batch("first", "", "third"), key)
	stored := e.stored()
	if len(stored) != 1 || stored[0].UID != made.UID {
		t.Fatalf("%d checks are stored", len(stored))
	}
	want := []v1alpha1.BatchInput{
		{Name: "first", InputJSON: `{"amount": 100.10000000000000000000000000000000000001e2, "note": "ä\u0000"}`}, {InputJSON: `null`}, {Name: "third", InputJSON: `1e400`},
	}
	if diff := cmp.Diff(want, stored[0].Spec.Inputs); diff != "" || stored[0].Spec.InputJSON != "" {
		t.Errorf("inputs (-want +got):\n%s", diff)
	}
	if again := r.submit(t, "ada", batch("first", "", "third"), key); again.UID != made.UID {
		t.Error("the same key made another")
	}
	one := check.Request{Inputs: []engine.Item{{Input: []byte(`{"amount": 1}`)}}, Rules: order("").Rules}
	for name, other := range map[string]check.Request{
		"another name": batch("first", "second", "third"), "one payload": one, "a single request": order(`{"amount": 1}`),
	} {
		if _, err := r.Submit(t.Context(), "ada", other, key, check.Patience{}); !errors.Is(err, check.ErrKeyReused) {
			t.Errorf("%s with the key of another: %v", name, err)
		}
	}
	// The other way round, with the very payload of a single request.
	key = newKey()
	r.submit(t, "ada", order(`{"amount": 1}`), key)
	if _, err := r.Submit(t.Context(), "ada", one, key, check.Patience{}); !errors.Is(err, check.ErrKeyReused) {
		t.Errorf("a batch with the key of a single request: %v", err)
	}
	if n := len(e.stored()); n != 2 {
		t.Errorf("%d checks are stored", n)
	}
}

// submission is a Submit under way.
type submission struct {
	check *v1alpha1.Check
	err   error
}

func begin(ctx context.Context, r *replica, wait time.Duration) <-chan submission {
	done := make(chan submission, 1)
	go func() {
		c, err := r.Submit(ctx, "ada", order(`{"amount": 1}`), "", check.Patience{For: wait})
		done <- submission{c, err}
	}()
	return done
}

func TestSubmitWaits(t *testing.T) {
	e := newEnv(t)
	// pending gives the Check of the Submit under way.
	pending := func() *v1alpha1.Check {
		var found *v1alpha1.Check
		e.until("a check is stored", func() bool {
			for _, c := range e.stored() {
				if !c.Status.Phase.Finished() {
					found = &c
				}
			}
			return found != nil
		})
		return found
	}
	t.Run("for the verdict", func(t *testing.T) {
		r := e.start(interceptor.Funcs{
			Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
				t.Error("the API server was asked while waiting")
				return errors.ErrUnsupported
			},
		})
		done := begin(t.Context(), r, patience)
		want := e.finish(pending(), v1alpha1.PhaseFailure)
		got := <-done
		if got.err != nil || got.check.UID != want.UID || got.check.Status.Phase != v1alpha1.PhaseFailure {
			t.Errorf("got %+v, %v", got.check, got.err)
		}
		if n := r.metric(t, "checky_apiserver_wait_seconds").GetHistogram().GetSampleCount(); n != 1 {
			t.Errorf("%d waits are measured", n)
		}
	})
	t.Run("for so long", func(t *testing.T) {
		fake := clocktesting.NewFakeClock(time.Now())
		r := e.start(interceptor.Funcs{}, func(o *check.Options) { o.Clock = fake })
		done := begin(t.Context(), r, time.Minute)
		want := pending()
		e.until("it waits", fake.HasWaiters)
		fake.Step(time.Minute)
		if got := <-done; got.err != nil || got.check.UID != want.UID || got.check.Status.Phase.Finished() {
			t.Errorf("got %+v, %v", got.check, got.err)
		}
		e.finish(want, v1alpha1.PhaseSuccess)
	})
	t.Run("until the caller goes", func(t *testing.T) {
		r := e.start(interceptor.Funcs{})
		ctx, cancel := context.WithCancel(t.Context())
		done := begin(ctx, r, patience)
		want := pending()
		e.sees(r, want, true)
		cancel()
		got := <-done
		switch {
		case got.err == nil && got.check.UID == want.UID: // what is stored is acknowledged
		case errors.Is(got.err, check.ErrUnavailable): // the context ended before the answer was here
		default:
			t.Errorf("got %+v, %v", got.check, got.err)
		}
		e.finish(want, v1alpha1.PhaseSuccess)
	})
	t.Run("until it is deleted", func(t *testing.T) {
		r := e.start(interceptor.Funcs{})
		done := begin(t.Context(), r, patience)
		want := pending()
		if err := e.Delete(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if got := <-done; !errors.Is(got.err, check.ErrDeleted) {
			t.Errorf("got %+v, %v", got.check, got.err)
		}
	})
	t.Run("a verdict is not lost with its check", func(t *testing.T) {
		r := e.start(interceptor.Funcs{})
		done := begin(t.Context(), r, patience)
		want := e.finish(pending(), v1alpha1.PhaseSuccess)
		if err := e.Delete(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		if got := <-done; got.err != nil || got.check.Status.Phase != v1alpha1.PhaseSuccess {
			t.Errorf("got %+v, %v", got.check, got.err)
		}
	})
}

// TestWaitersLeaveNothing lets callers go in every way, and looks for what they left running.
func TestWaitersLeaveNothing(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{})
	first := r.submit(t, "ada", order(`{"amount": 1}`), "first")
	e.sees(r, first, true)
	before := goleak.IgnoreCurrent()

	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			if i%2 == 0 {
				_, _ = r.Submit(ctx, "ada", order(`{"amount": 1}`), "first", check.Patience{For: patience})
				return
			}
			for range r.Watch(ctx, "ada", first.Name) {
				if i%3 == 0 {
					return
				}
			}
		})
	}
	cancel()
	group.Wait()
	goleak.VerifyNone(t, before)
}

func TestMaxPending(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{}, func(o *check.Options) { o.MaxPending = 2 })
	request := order(`{"amount": 1}`)
	first := r.submit(t, "ada", request, "first")
	e.sees(r, first, true)
	e.sees(r, r.submit(t, "bob", request, "second"), true)
	if _, err := r.Submit(t.Context(), "ada", request, "third", check.Patience{}); !errors.Is(err, check.ErrTooManyPending) {
		t.Errorf("the third of two: %v", err)
	}
	if again := r.submit(t, "ada", request, "first"); again.UID != first.UID {
		t.Error("a known key was not found again")
	}
	e.sees(r, e.finish(first, v1alpha1.PhaseSuccess), true)
	r.submit(t, "ada", request, "third")
	if n := len(e.stored()); n != 3 {
		t.Errorf("%d checks are stored", n)
	}
	e.until("the gauge tells", func() bool { return r.metric(t, "checky_apiserver_pending_checks").GetGauge().GetValue() == 2 })
}

// TestMaxPendingPerOwner has one owner at the bound: others go on.
func TestMaxPendingPerOwner(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{}, func(o *check.Options) { o.MaxPendingPerOwner = 1 })
	request := order(`{"amount": 1}`)
	first := r.submit(t, "ada", request, "first")
	e.sees(r, first, true)
	if _, err := r.Submit(t.Context(), "ada", request, "second", check.Patience{}); !errors.Is(err, check.ErrTooManyOfOwner) {
		t.Errorf("the second of one: %v", err)
	}
	r.submit(t, "bob", request, "second")
	e.sees(r, e.finish(first, v1alpha1.PhaseSuccess), true)
	r.submit(t, "ada", request, "third")
}

// TestMaxBytes has one owner store as much as one may: others go on, until all is full.
func TestMaxBytes(t *testing.T) {
	e := newEnv(t)
	const large = 200 << 10
	r := e.start(interceptor.Funcs{}, func(o *check.Options) { o.MaxBytes = 4 * (large + 100<<10) })
	request := order(`"` + strings.Repeat("x", large) + `"`)
	first := r.submit(t, "ada", request, "first")
	e.sees(r, first, true)
	if _, err := r.Submit(t.Context(), "ada", request, "second", check.Patience{}); !errors.Is(err, check.ErrOwnerBytes) {
		t.Errorf("the second, for which there is no room: %v", err)
	}
	if again := r.submit(t, "ada", request, "first"); again.UID != first.UID {
		t.Error("a known key was not found again")
	}
	for _, owner := range []string{"bob", "cy", "dee", "eve"} {
		e.sees(r, r.submit(t, owner, request, "first"), true)
	}
	if _, err := r.Submit(t.Context(), "fay", request, "first", check.Patience{}); !errors.Is(err, check.ErrBytes) {
		t.Errorf("the sixth, for which there is no room: %v", err)
	}
	if err := r.Delete(t.Context(), "ada", first.Name); err != nil {
		t.Fatal(err)
	}
	e.sees(r, first, false)
	r.submit(t, "ada", request, "second")
}

// TestMaxBytesPerSecond has one owner store as much as one may at once: others go on.
func TestMaxBytesPerSecond(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{}, func(o *check.Options) { o.MaxBytesPerSecond = check.MinBytesPerSecond })
	request := order(`"` + strings.Repeat("x", 250<<10) + `"`)
	stored := 0
	for ; stored < 10; stored++ {
		if _, err := r.Submit(t.Context(), "ada", request, fmt.Sprint(stored), check.Patience{}); errors.Is(err, check.ErrOwnerBytes) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if stored < 7 || stored == 10 { // 2 MiB, and what a tenth of a minute adds
		t.Errorf("one owner stores %d payloads of 250 KiB at once", stored)
	}
	r.submit(t, "bob", request, "first")
}

// TestPatience ends waits before their time: when enough is enough, and before they begin. The Check is stored either way.
func TestPatience(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{})
	enough := make(chan struct{})
	close(enough)
	for name, p := range map[string]check.Patience{
		"enough": {For: patience, Enough: enough},
		"begin":  {For: patience, Begin: func() bool { return false }},
	} {
		made, err := r.Submit(t.Context(), "ada", order(`{"amount": 1}`), name, p)
		if err != nil || made.UID == "" {
			t.Errorf("%s: %+v, %v", name, made, err)
		}
	}
}

// TestRefusedByTheAPIServer is what its own validation says, in the words of the REST body.
func TestRefusedByTheAPIServer(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{})
	request := check.Request{Input: []byte(`"hunter2"`), Rules: []v1alpha1.Rule{{Name: "any", JSONSchema: v1alpha1.JSON{Raw: []byte("true")}}}}
	_, err := r.Submit(t.Context(), "ada", request, "", check.Patience{})
	wantField(t, err, "body.rules[0].jsonSchema")

	large := `{"description": "` + strings.Repeat("x", 60<<10) + `"}`
	request.Rules = nil
	for i := range 30 {
		request.Rules = append(request.Rules, v1alpha1.Rule{Name: fmt.Sprintf("r%d", i), JSONSchema: v1alpha1.JSON{Raw: []byte(large)}})
	}
	_, err = r.Submit(t.Context(), "ada", request, "", check.Patience{})
	wantField(t, err, "body.rules")
}
