package check_test

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/checky-dev/checky/apiserver/check"
)

// fault is what happens to one Create: it may be stored, and the answer may be lost.
type fault struct {
	stored bool
	answer error // nil: the API server's own
}

var (
	lost      = &url.Error{Op: "Post", URL: "https://kubernetes", Err: syscall.ECONNRESET}
	refused   = &url.Error{Op: "Post", URL: "https://kubernetes", Err: syscall.ECONNREFUSED}
	broken5   = apierrors.NewInternalError(errors.New("etcd has no leader"))
	full      = apierrors.NewTooManyRequests("wait", 1)
	denied    = apierrors.NewForbidden(schema.GroupResource{Resource: "checks"}, "", errors.New("no"))
	errSilent = errors.New("no answer") // stands for one that does not come in time
)

// failing makes Creates fail, the first by the first fault, and those after the last succeed.
func failing(calls *atomic.Int64, faults ...fault) interceptor.Funcs {
	return interceptor.Funcs{Create: func(ctx context.Context, next client.WithWatch, o client.Object, opts ...client.CreateOption) error {
		n := int(calls.Add(1))
		if n > len(faults) {
			return next.Create(ctx, o, opts...)
		}
		f := faults[n-1]
		if f.stored {
			if err := next.Create(ctx, o, opts...); err != nil && f.answer == nil {
				return err
			}
		}
		if f.answer == errSilent { //nolint:errorlint // it is this very value
			<-ctx.Done()
			return ctx.Err()
		}
		return f.answer
	}}
}

// TestUnclearCreate breaks Creates in the ways that leave open whether they were stored. Whatever happens there is never a twin, and
// what is acknowledged is stored.
func TestUnclearCreate(t *testing.T) {
	always := func(f fault) []fault { return []fault{f, f, f} }
	cases := map[string]struct {
		reason string
		faults []fault
		want   error // nil: it is acknowledged
		stored int
		calls  int64
	}{
		"stored, answer lost":        {"the second try finds the first", []fault{{true, lost}}, nil, 1, 2},
		"stored, 500":                {"so does it after an answer that says nothing", []fault{{true, broken5}}, nil, 1, 2},
		"stored, no answer in time":  {"and when none comes", []fault{{true, errSilent}}, nil, 1, 2},
		"not stored":                 {"the second try stores it", []fault{{false, refused}}, nil, 1, 2},
		"overloaded":                 {"429 is worth another try", []fault{{false, full}, {false, full}}, nil, 1, 3},
		"stored twice, answers lost": {"the third try finds the first", []fault{{true, lost}, {true, lost}}, nil, 1, 3},
		"away":                       {"no more than three tries", always(fault{false, refused}), check.ErrUnavailable, 0, 3},
		"stored, but never told":     {"the caller is not told that it is stored, for nobody knows", always(fault{true, lost}), check.ErrUnavailable, 1, 3},
		"denied":                     {"a clear answer is not asked for again", always(fault{false, denied}), denied, 0, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Log(c.reason)
			for _, key := range []string{"", "key"} {
				e := newEnv(t)
				calls := &atomic.Int64{}
				r := e.start(failing(calls, c.faults...))
				made, err := r.Submit(t.Context(), "ada", order(`{"amount": 1}`), key, check.Patience{})
				if !errors.Is(err, c.want) {
					t.Errorf("error %v, want %v", err, c.want)
				}
				stored := e.stored()
				if len(stored) != c.stored || calls.Load() != c.calls {
					t.Errorf("%d are stored after %d calls, want %d after %d", len(stored), calls.Load(), c.stored, c.calls)
				}
				if err == nil && made.UID != stored[0].UID {
					t.Error("what was acknowledged is not what is stored")
				}
				if key == "" || !errors.Is(err, check.ErrUnavailable) {
					continue
				}
				again := r.submit(t, "ada", order(`{"amount": 1}`), key)
				if now := e.stored(); len(now) != 1 || now[0].UID != again.UID {
					t.Errorf("%d are stored after the caller has tried again", len(now))
				}
			}
		})
	}
}

func TestUnclearGet(t *testing.T) {
	e := newEnv(t)
	gets := atomic.Int64{}
	faults := failing(&atomic.Int64{}, fault{true, lost})
	faults.Get = func(ctx context.Context, next client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
		if gets.Add(1) == 1 {
			return lost
		}
		return next.Get(ctx, key, o, opts...)
	}
	r := e.start(faults)
	r.submit(t, "ada", order(`{"amount": 1}`), "")
	if n := len(e.stored()); n != 1 {
		t.Errorf("%d are stored", n)
	}
}

func TestCallerGoesDuringCreate(t *testing.T) {
	e := newEnv(t)
	ctx, cancel := context.WithCancel(t.Context())
	calls := atomic.Int64{}
	r := e.start(interceptor.Funcs{Create: func(ctx context.Context, _ client.WithWatch, _ client.Object, _ ...client.CreateOption) error {
		calls.Add(1)
		cancel()
		<-ctx.Done()
		return ctx.Err()
	}})
	_, err := r.Submit(ctx, "ada", order(`{"amount": 1}`), "", check.Patience{For: patience})
	if !errors.Is(err, context.Canceled) || !errors.Is(err, check.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
	if calls.Load() != 1 {
		t.Errorf("%d tries for a caller who is gone", calls.Load())
	}
}

// TestAway holds that nothing is sent to an API server that is known to be away, and reads go on.
func TestAway(t *testing.T) {
	e := newEnv(t)
	calls := &atomic.Int64{}
	r := e.start(interceptor.Funcs{
		Create: func(ctx context.Context, next client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			calls.Add(1)
			return next.Create(ctx, o, opts...)
		},
		Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			calls.Add(1)
			return next.Get(ctx, key, o, opts...)
		},
		Delete: func(ctx context.Context, next client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			calls.Add(1)
			return next.Delete(ctx, o, opts...)
		},
	})
	known := r.submit(t, "ada", order(`{"amount": 1}`), "known")
	e.sees(r, known, true)
	calls.Store(0)
	r.link.away.Store(true)

	for what, do := range map[string]func() error{
		"submit":      func() error { _, err := r.Submit(t.Context(), "ada", order(`{}`), "", check.Patience{}); return err },
		"unknown id":  func() error { _, err := r.Get(t.Context(), "ada", "0123456789abcdefghjkmnpqrs"); return err },
		"delete":      func() error { return r.Delete(t.Context(), "ada", known.Name) },
		"delete all":  func() error { return r.DeleteAll(t.Context(), "ada") },
		"watch other": func() error { return r.last(t.Context(), "ada", "0123456789abcdefghjkmnpqrs") },
	} {
		if err := do(); !errors.Is(err, check.ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if c, err := r.Get(t.Context(), "ada", known.Name); err != nil || c.UID != known.UID {
		t.Errorf("get: %v", err)
	}
	if again := r.submit(t, "ada", order(`{"amount": 1}`), "known"); again.UID != known.UID {
		t.Error("a known key was not found again")
	}
	if _, err := r.Get(t.Context(), "bob", known.Name); !errors.Is(err, check.ErrNotFound) {
		t.Errorf("another's: %v", err)
	}
	if _, err := r.DryRun(t.Context(), order(`{"amount": 1}`)); err != nil {
		t.Errorf("dry run: %v", err)
	}
	if calls.Load() != 0 {
		t.Errorf("%d calls to an API server that is away", calls.Load())
	}
}

// TestKeyRaces submits one request under one key from many callers to two replicas: all get the one Check.
func TestKeyRaces(t *testing.T) {
	e := newEnv(t)
	replicas := []*replica{e.start(interceptor.Funcs{}), e.start(interceptor.Funcs{})}
	for range 5 {
		names := sync.Map{}
		key := newKey()
		var group sync.WaitGroup
		for i := range 32 {
			group.Go(func() {
				c, err := replicas[i%2].Submit(t.Context(), "ada", order(`{"amount": 1}`), key, check.Patience{})
				if err != nil {
					t.Error(err)
					return
				}
				names.Store(c.UID, true)
			})
		}
		group.Wait()
		n := 0
		names.Range(func(any, any) bool { n++; return true })
		if n != 1 {
			t.Errorf("one key made %d checks", n)
		}
	}
	if n := len(e.stored()); n != 5 {
		t.Errorf("five keys made %d checks", n)
	}
}

func TestKeyReused(t *testing.T) {
	e := newEnv(t)
	replicas := []*replica{e.start(interceptor.Funcs{}), e.start(interceptor.Funcs{})}
	made := replicas[0].submit(t, "ada", order(`{"amount": 1, "note": "x"}`), "key")
	for name, input := range map[string]string{"the same": `{"amount": 1, "note": "x"}`, "written otherwise": ` {"note":"\u0078","amount":1.0}`} {
		for _, r := range replicas {
			if again := r.submit(t, "ada", order(input), "key"); again.UID != made.UID {
				t.Errorf("%s: it made another check", name)
			}
		}
	}
	for range 2 { // before the caches know the Check, perhaps, and after
		for _, r := range replicas {
			if _, err := r.Submit(t.Context(), "ada", order(`{"amount": 2, "note": "x"}`), "key", check.Patience{}); !errors.Is(err, check.ErrKeyReused) {
				t.Errorf("another request under the key: %v", err)
			}
			e.sees(r, made, true)
		}
	}
	if other := replicas[0].submit(t, "bob", order(`{"amount": 2}`), "key"); other.UID == made.UID {
		t.Error("keys are not each owner's own")
	}
	if err := replicas[0].Delete(t.Context(), "ada", made.Name); err != nil {
		t.Fatal(err)
	}
	e.sees(replicas[1], made, false)
	if anew := replicas[1].submit(t, "ada", order(`{"amount": 2}`), "key"); anew.UID == made.UID || anew.Name != made.Name {
		t.Error("a key whose check is gone is free again, and gives the same name")
	}
}
