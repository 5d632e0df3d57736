package cluster

import (
	"context"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
)

// patience is how long a list or a watch waits for the API server to be reachable. Past it, it is tried all the same, and
// its error is the Reflector's to handle: the probe may be what is wrong.
const patience = 30 * time.Second

// follow wraps what an informer lists and watches with: it waits while the API server is away, and tells when its
// watch is connected.
func follow(lw toolscache.ListerWatcher, state *freshness, kind string) *follower {
	return &follower{next: toolscache.ToListerWatcherWithContext(lw), state: state, feed: state.add(kind)}
}

type follower struct {
	next  toolscache.ListerWatcherWithContext
	state *freshness
	feed  *feed
}

var (
	_ toolscache.ListerWatcher            = (*follower)(nil)
	_ toolscache.ListerWatcherWithContext = (*follower)(nil)
)

// List is ListWithContext for callers that have no context; informers are none of them.
func (f *follower) List(options metav1.ListOptions) (runtime.Object, error) {
	return f.ListWithContext(context.Background(), options)
}

// Watch is WatchWithContext for callers that have no context; informers are none of them.
func (f *follower) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return f.WatchWithContext(context.Background(), options)
}

// ListWithContext lists, once the API server can be reached.
func (f *follower) ListWithContext(ctx context.Context, options metav1.ListOptions) (list runtime.Object, err error) {
	err = f.persist(ctx, func() error {
		list, err = f.next.ListWithContext(ctx, options)
		return err
	})
	return list, err
}

// WatchWithContext opens a watch, once the API server can be reached.
func (f *follower) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	var opened watch.Interface
	err := f.persist(ctx, func() (err error) {
		opened, err = f.next.WatchWithContext(ctx, options)
		return err
	})
	if err != nil {
		return nil, err
	}
	initial := options.SendInitialEvents != nil && *options.SendInitialEvents
	return newFollowed(opened, f.state, f.feed, initial), nil
}

// persist calls try when the API server can be reached, and again after each new sign of life for as long as it
// fails for want of contact and patience lasts.
func (f *follower) persist(ctx context.Context, try func() error) error {
	patient, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f.state.await(patient, time.Time{})
	for {
		err := try()
		f.state.tried(f.feed, err)
		if err == nil || !Unreachable(err) || patient.Err() != nil {
			return err
		}
		f.state.await(patient, f.state.clock.Now())
	}
}

// followed is a watch whose end is noted, and whose beginning is where its first events are a list.
type followed struct {
	next   watch.Interface
	events chan watch.Event
	done   chan struct{} // closed by Stop
	stop   func()        // what Stop does, once
}

func newFollowed(next watch.Interface, state *freshness, c *feed, initial bool) *followed {
	f := &followed{next: next, events: make(chan watch.Event), done: make(chan struct{})}
	f.stop = sync.OnceFunc(func() {
		close(f.done)
		f.next.Stop()
	})
	opening := 0
	if !initial {
		opening = state.connect(c)
	}
	go f.forward(state, c, opening)
	return f
}

// forward hands the events on until the watch ends or is stopped. An opening of 0 says that the watch is not connected
// before its initial events are over.
func (f *followed) forward(state *freshness, c *feed, opening int) {
	brought := false
	defer close(f.events)
	defer func() { state.disconnect(c, opening, brought) }()
	for event := range f.next.ResultChan() {
		if opening == 0 && endsInitial(event) {
			opening = state.connect(c)
		}
		brought = brought || event.Type != watch.Error
		select {
		case f.events <- event:
		case <-f.done:
			return
		}
	}
}

// endsInitial tells whether an event ends the list that a watch with SendInitialEvents begins with.
func endsInitial(event watch.Event) bool {
	if event.Type != watch.Bookmark {
		return false
	}
	object, err := meta.Accessor(event.Object)
	return err == nil && object.GetAnnotations()[metav1.InitialEventsAnnotationKey] == "true"
}

// ResultChan implements watch.Interface.
func (f *followed) ResultChan() <-chan watch.Event { return f.events }

// Stop implements watch.Interface.
func (f *followed) Stop() { f.stop() }
