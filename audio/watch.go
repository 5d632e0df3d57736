//go:build linux

package audio

import (
	"context"
	"fmt"
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

// watch tells the state what happens in the cluster, until the context ends. What decides about Checks comes first, so that no Check is judged
// by half of the policies.
func (d *daemon) watch(ctx context.Context) error {
	stale := make(chan struct{}, 1) // of one place: many changes at a time are one
	changed := func(differ matters) toolscache.ResourceEventHandler {
		return onChange(differ, func() {
			select {
			case stale <- struct{}{}:
			default:
			}
		})
	}
	for _, w := range []struct {
		object  client.Object
		handler toolscache.ResourceEventHandler
	}{
		{metadataOf("Namespace"), toolscache.ResourceEventHandlerFuncs{AddFunc: d.namespace, UpdateFunc: func(_, now any) { d.namespace(now) }, DeleteFunc: d.namespaceGone}},
		{metadataOf("Node"), changed(labelsChanged)},
		{&v1alpha1.AlertPolicy{}, changed(specChanged)},
		{&v1alpha1.Silence{}, changed(specChanged)},
	} {
		if err := d.follow(ctx, w.object, w.handler); err != nil {
			return err
		}
	}
	if err := d.follow(ctx, &corev1.ConfigMap{}, toolscache.ResourceEventHandlerFuncs{DeleteFunc: d.sounds.gone}); err != nil { // sounds are at hand when they are to be played
		return err
	}
	d.policies(ctx)
	d.silences(ctx)
	if err := d.follow(ctx, &v1alpha1.Check{}, toolscache.ResourceEventHandlerDetailedFuncs{AddFunc: d.check, UpdateFunc: d.checkChanged, DeleteFunc: d.checkGone}); err != nil {
		return err
	}
	known, err := d.store(ctx, &v1alpha1.Check{})
	if err != nil {
		return err
	}
	d.tell(func(s *dispatch.State, now dispatch.Moment) { s.Synced(now) })
	d.synced.Store(true)
	d.log.Info("Watching")
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-d.room:
			d.checks(known)
		case <-stale:
			d.policies(ctx)
			d.silences(ctx)
		}
	}
}

// follow has a handler called for each object of a kind, and returns when it was for all that there are.
func (d *daemon) follow(ctx context.Context, object client.Object, handler toolscache.ResourceEventHandler) error {
	kind, err := d.live.GroupVersionKindFor(object)
	if err != nil {
		return fmt.Errorf("%T: %w", object, err)
	}
	d.following.Store(&kind)
	informer, err := d.cache.GetInformer(ctx, object)
	if err != nil {
		return fmt.Errorf("%T: %w", object, err)
	}
	registration, err := informer.AddEventHandler(handler)
	if err != nil {
		return fmt.Errorf("%T: %w", object, err)
	}
	if !toolscache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return ctx.Err()
	}
	return nil
}

// store gives what the cache keeps of a kind. The cache's own reader knows API objects alone.
func (d *daemon) store(ctx context.Context, object client.Object) (toolscache.Store, error) {
	informer, err := d.cache.GetInformer(ctx, object)
	if err != nil {
		return nil, fmt.Errorf("%T: %w", object, err)
	}
	shared, ok := informer.(toolscache.SharedIndexInformer)
	if !ok {
		return nil, fmt.Errorf("%T: %T has no store", object, informer)
	}
	return shared.GetStore(), nil
}

// matters says whether two versions of an object differ in what the daemon goes by. A Node is written at each heartbeat of its kubelet, and a policy
// whenever the controller counts what it selects: none of that is worth looking at all failures anew.
type matters func(before, now metav1.Object) bool

// labelsChanged is for what labels alone are gone by of.
func labelsChanged(before, now metav1.Object) bool {
	return !maps.Equal(before.GetLabels(), now.GetLabels())
}

// specChanged is for what the spec alone is gone by of.
func specChanged(before, now metav1.Object) bool {
	return before.GetGeneration() != now.GetGeneration()
}

// onChange calls f for each object that comes, goes, is replaced by another of its name, or changes in what matters.
func onChange(differ matters, f func()) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { f() },
		UpdateFunc: func(before, now any) {
			old, err := meta.Accessor(before)
			if err != nil {
				return
			}
			if present, err := meta.Accessor(now); err == nil && (old.GetUID() != present.GetUID() || differ(old, present)) {
				f()
			}
		},
		DeleteFunc: func(any) { f() },
	}
}

// checks tells of all failing Checks once more: there is room for those that were not followed, and to the others it is no news.
func (d *daemon) checks(known toolscache.Store) {
	for _, listed := range known.List() {
		d.tell(func(s *dispatch.State, now dispatch.Moment) {
			// As it is by now: of one that has gone since the list was made nothing would ever be told again.
			if object, there, err := known.Get(listed); err == nil && there {
				if check, ok := object.(*failure); ok && check.known {
					s.Observe(now, check.Alert, false)
				}
			}
		})
	}
}

// checkChanged tells of a failing Check that changed, or that was replaced by another of its name while nobody watched.
func (d *daemon) checkChanged(before, now any) {
	if uid := uidOf(before); uid != uidOf(now) {
		d.checkGone(before)
	}
	d.check(now, false)
}

// check tells of a failing Check.
func (d *daemon) check(object any, initial bool) {
	check, ok := object.(*failure)
	if !ok {
		return
	}
	if !check.known {
		d.checkGone(check)
		return
	}
	d.tell(func(s *dispatch.State, now dispatch.Moment) { s.Observe(now, check.Alert, initial) })
}

// checkGone tells of a Check that passes, waits or was deleted: in each case it is no longer among the failing ones.
func (d *daemon) checkGone(object any) {
	if uid := uidOf(object); uid != "" {
		d.tell(func(s *dispatch.State, now dispatch.Moment) { s.Gone(now, uid) })
	}
}

// uidOf is the UID of a deleted object, also where only its last known state is at hand.
func uidOf(object any) types.UID {
	if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	accessor, err := meta.Accessor(object)
	if err != nil {
		return ""
	}
	return accessor.GetUID()
}

func (d *daemon) namespace(object any) {
	if namespace, ok := object.(*metav1.PartialObjectMetadata); ok {
		set := namespace.Labels
		if set == nil {
			set = map[string]string{}
		}
		d.tell(func(s *dispatch.State, now dispatch.Moment) { s.SetNamespace(now, namespace.Name, set) })
	}
}

func (d *daemon) namespaceGone(object any) {
	if last, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = last.Obj
	}
	if accessor, err := meta.Accessor(object); err == nil {
		d.tell(func(s *dispatch.State, now dispatch.Moment) { s.SetNamespace(now, accessor.GetName(), nil) })
	}
}
