package cluster

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// callTimeout bounds a call whose context has no deadline of its own.
const callTimeout = 10 * time.Second

// bounded is a client whose calls end, and whose errors tell whether the API server could be reached.
type bounded struct {
	client.Client
	caller
}

// caller makes calls. It is what bounded and its subresources share.
type caller struct{ state *freshness }

// call makes a call within its time. Nothing is sent into connections that are known to be dead.
func (c caller) call(ctx context.Context, send func(ctx context.Context) error) error {
	if c.state.isLost() {
		return fmt.Errorf("%w: it has not answered for more than %s", ErrAway, silence)
	}
	if _, limited := ctx.Deadline(); !limited {
		limit, cancel := context.WithTimeout(ctx, callTimeout)
		defer cancel()
		ctx = limit
	}
	err := send(ctx)
	if Unreachable(err) {
		return fmt.Errorf("%w: %w", ErrAway, err)
	}
	return err
}

func (b *bounded) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.Client.Get(ctx, key, obj, opts...) })
}

func (b *bounded) List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.Client.List(ctx, list, opts...) })
}

func (b *bounded) Apply(ctx context.Context, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.Client.Apply(ctx, obj, opts...) })
}

func (b *bounded) Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.Client.Create(ctx, obj, opts...) })
}

func (b *bounded) Delete(ctx context.Context, obj client.Object, opts ...client.DeleteOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.Client.Delete(ctx, obj, opts...) })
}

func (b *bounded) DeleteAllOf(ctx context.Context, obj client.Object, opts ...client.DeleteAllOfOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.Client.DeleteAllOf(ctx, obj, opts...) })
}

func (b *bounded) Update(ctx context.Context, obj client.Object, opts ...client.UpdateOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.Client.Update(ctx, obj, opts...) })
}

func (b *bounded) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.Client.Patch(ctx, obj, patch, opts...) })
}

func (b *bounded) Status() client.SubResourceWriter { return b.SubResource("status") }

func (b *bounded) SubResource(name string) client.SubResourceClient {
	return &boundedPart{SubResourceClient: b.Client.SubResource(name), caller: b.caller}
}

// boundedPart is bounded for a subresource.
type boundedPart struct {
	client.SubResourceClient
	caller
}

func (b *boundedPart) Get(ctx context.Context, obj, part client.Object, opts ...client.SubResourceGetOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.SubResourceClient.Get(ctx, obj, part, opts...) })
}

func (b *boundedPart) Create(ctx context.Context, obj, part client.Object, opts ...client.SubResourceCreateOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.SubResourceClient.Create(ctx, obj, part, opts...) })
}

func (b *boundedPart) Update(ctx context.Context, obj client.Object, opts ...client.SubResourceUpdateOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.SubResourceClient.Update(ctx, obj, opts...) })
}

func (b *boundedPart) Patch(ctx context.Context, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.SubResourceClient.Patch(ctx, obj, patch, opts...) })
}

func (b *boundedPart) Apply(ctx context.Context, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
	return b.call(ctx, func(ctx context.Context) error { return b.SubResourceClient.Apply(ctx, obj, opts...) })
}
