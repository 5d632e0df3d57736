package check_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/check"
)

// gets counts reads of the API server.
func gets(n *atomic.Int64) interceptor.Funcs {
	return interceptor.Funcs{Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
		n.Add(1)
		return next.Get(ctx, key, o, opts...)
	}}
}

func TestGet(t *testing.T) {
	e := newEnv(t)
	calls := &atomic.Int64{}
	r, other := e.start(gets(calls)), e.start(interceptor.Funcs{})
	made := other.submit(t, "ada", order(`{"amount": 1}`), "")
	if got, err := r.Get(t.Context(), "ada", made.Name); err != nil || got.UID != made.UID {
		t.Errorf("what another replica has just made: %v", err)
	}
	e.sees(r, made, true)
	calls.Store(0)
	if got, err := r.Get(t.Context(), "ada", made.Name); err != nil || got.UID != made.UID {
		t.Errorf("from the cache: %v", err)
	}
	unowned := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: e.namespace, Name: "01h455vb4pex5vsknk084sn02q"}}
	unowned.Spec.InputJSON = "1"
	if err := e.Create(t.Context(), unowned); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		owner, id string
		calls     int64
	}{
		"another's":           {"bob", made.Name, 0},
		"nobody's, as nobody": {"", unowned.Name, 1},
		"nobody's":            {"ada", unowned.Name, 1},
		"unknown":             {"ada", "0123456789abcdefghjkmnpqrs", 1},
		"no id":               {"ada", "../secrets/x", 0},
		"upper case":          {"ada", "01H455VB4PEX5VSKNK084SN02Q", 0},
		"empty":               {"ada", "", 0},
	} {
		calls.Store(0)
		if _, err := r.Get(t.Context(), c.owner, c.id); !errors.Is(err, check.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
		if calls.Load() != c.calls {
			t.Errorf("%s: %d reads, want %d", name, calls.Load(), c.calls)
		}
		calls.Store(0)
		if err := r.last(t.Context(), c.owner, c.id); !errors.Is(err, check.ErrNotFound) {
			t.Errorf("watch %s: %v", name, err)
		}
	}
}

// TestGetFails is a live read that does not come about.
func TestGetFails(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
		return lost
	}})
	if _, err := r.Get(t.Context(), "ada", "0123456789abcdefghjkmnpqrs"); !errors.Is(err, check.ErrUnavailable) || !errors.Is(err, lost) {
		t.Errorf("error %v", err)
	}
}

func TestList(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{})
	var want []string
	for i := range 7 {
		c := r.submit(t, "ada", order(`{"amount": 1}`), "")
		if i%2 == 0 {
			c = e.finish(c, v1alpha1.PhaseSuccess)
		}
		e.sees(r, c, true)
		want = append(want, c.Name)
	}
	r.submit(t, "bob", order(`{"amount": 1}`), "")
	slices.Reverse(want) // these names are in the order of time
	list := func(phases ...v1alpha1.Phase) (got []string) {
		query := check.Query{Limit: 2, Phases: phases}
		for {
			page, err := r.List(t.Context(), "ada", query)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range page.Checks {
				got = append(got, c.Name)
			}
			if query.Cursor = page.Next; page.Next == "" {
				return got
			}
		}
	}
	if diff := cmp.Diff(want, list()); diff != "" {
		t.Errorf("all (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{want[0], want[2], want[4], want[6]}, list(v1alpha1.PhaseSuccess, v1alpha1.PhaseFailure)); diff != "" {
		t.Errorf("finished (-want +got):\n%s", diff)
	}
	if page, err := r.List(t.Context(), "eve", check.Query{}); err != nil || len(page.Checks) != 0 || page.Next != "" {
		t.Errorf("of nobody: %+v, %v", page, err)
	}
}

func TestDelete(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{})
	made := r.submit(t, "ada", order(`{"amount": 1}`), "")
	if err := r.Delete(t.Context(), "bob", made.Name); !errors.Is(err, check.ErrNotFound) {
		t.Errorf("another's: %v", err)
	}
	if err := r.Delete(t.Context(), "ada", made.Name); err != nil {
		t.Errorf("one's own: %v", err)
	}
	if n := len(e.stored()); n != 0 {
		t.Errorf("%d are left", n)
	}
	if err := r.Delete(t.Context(), "ada", made.Name); !errors.Is(err, check.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
}

// TestDeleteAfterReplacement deletes what the cache knows while another's Check has taken its name: that one stays.
func TestDeleteAfterReplacement(t *testing.T) {
	for name, owner := range map[string]string{"another's": "bob", "one's own": "ada"} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			replaced := false
			r := e.start(interceptor.Funcs{Delete: func(ctx context.Context, next client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
				if !replaced {
					replaced = true
					if err := next.Delete(ctx, o); err != nil {
						return err
					}
					taken := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{
						Namespace: o.GetNamespace(), Name: o.GetName(), Labels: map[string]string{v1alpha1.OwnerLabel: owner},
					}}
					taken.Spec.InputJSON = "1"
					if err := next.Create(ctx, taken); err != nil {
						return err
					}
				}
				return next.Delete(ctx, o, opts...)
			}})
			made := r.submit(t, "ada", order(`{"amount": 1}`), "")
			err := r.Delete(t.Context(), "ada", made.Name)
			if stored := e.stored(); owner == "bob" && (!errors.Is(err, check.ErrNotFound) || len(stored) != 1) {
				t.Errorf("%d are left, %v", len(stored), err)
			} else if owner == "ada" && (err != nil || len(stored) != 0) {
				t.Errorf("%d are left, %v", len(stored), err)
			}
		})
	}
}

// TestUnclearDelete loses the answer of a Delete that was done: it has succeeded, though the next try finds nothing.
func TestUnclearDelete(t *testing.T) {
	e := newEnv(t)
	first := true
	r := e.start(interceptor.Funcs{Delete: func(ctx context.Context, next client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
		err := next.Delete(ctx, o, opts...)
		if first {
			first = false
			return lost
		}
		return err
	}})
	made := r.submit(t, "ada", order(`{"amount": 1}`), "")
	if err := r.Delete(t.Context(), "ada", made.Name); err != nil {
		t.Errorf("error %v", err)
	}
}

// TestDeleteAll deletes more than one page, through the client that the facade has.
func TestDeleteAll(t *testing.T) {
	e := newEnv(t)
	r := e.start(interceptor.Funcs{})
	r.link.client = r.link.Cluster.Client()
	const many = 520
	var group errgroup.Group
	group.SetLimit(8)
	for i := range many {
		group.Go(func() error {
			_, err := r.Submit(t.Context(), "ada", order(fmt.Sprintf(`{"amount": %d}`, i)), "", check.Patience{})
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	kept := r.submit(t, "bob", order(`{"amount": 1}`), "")
	if err := r.DeleteAll(t.Context(), "ada"); err != nil {
		t.Fatal(err)
	}
	if stored := e.stored(); len(stored) != 1 || stored[0].UID != kept.UID {
		t.Errorf("%d are left, want bob's", len(stored))
	}
	if err := r.DeleteAll(t.Context(), "ada"); err != nil {
		t.Errorf("nothing to delete: %v", err)
	}
}
