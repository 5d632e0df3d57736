package account

import (
	"context"
	"errors"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// errAway is what a client answers that is told to fail.
var errAway = errors.New("the API server is away")

// calls records a client's calls, and makes some fail.
type calls struct {
	mu    sync.Mutex
	names []string
	// fail says which call fails, by its number from 0 and its name; nil: none. lost: it fails after it was done.
	fail func(n int, name string) (fails, lost bool)
}

func (c *calls) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names = nil
}

func (c *calls) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.names...)
}

func (c *calls) set(fail func(n int, name string) (fails, lost bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names, c.fail = nil, fail
}

// call does one call, or not.
func (c *calls) call(name string, do func() error) error {
	c.mu.Lock()
	var fails, lost bool
	if c.fail != nil {
		fails, lost = c.fail(len(c.names), name)
	}
	c.names = append(c.names, name)
	c.mu.Unlock()
	if fails && !lost {
		return errAway
	}
	if err := do(); err != nil || !fails {
		return err
	}
	return errAway
}

func (c *calls) watch(inner client.WithWatch) client.WithWatch {
	return interceptor.NewClient(inner, interceptor.Funcs{
		Get: func(ctx context.Context, inner client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
			return c.call("get", func() error { return inner.Get(ctx, key, obj, opts...) })
		},
		List: func(ctx context.Context, inner client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			return c.call("list", func() error { return inner.List(ctx, list, opts...) })
		},
		Create: func(ctx context.Context, inner client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			return c.call("create", func() error { return inner.Create(ctx, obj, opts...) })
		},
		Update: func(ctx context.Context, inner client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			return c.call("update", func() error { return inner.Update(ctx, obj, opts...) })
		},
		Delete: func(ctx context.Context, inner client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			return c.call("delete", func() error { return inner.Delete(ctx, obj, opts...) })
		},
		Patch: func(ctx context.Context, inner client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			return c.call("patch", func() error { return inner.Patch(ctx, obj, patch, opts...) })
		},
	})
}
