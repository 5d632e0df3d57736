// Package relist has informers list and watch again as soon as an API server that was away is back.
//
//	Reflector --list, watch--> Watcher --+--> API server
//	    ^                         ^      |
//	    |                         +------+ no answer: again a moment later, for as long as it takes
//	    +-- an answer, good or bad
//
// client-go's Reflector waits longer after each failure, up to a minute, and goes on waiting when the API server is back. To find
// that there is no answer costs next to nothing, so here it is tried each second instead. An answer that refuses is the Reflector's to handle,
// but for those of an API server that has just started: it refuses what it allows a moment later.
//
// The package knows nothing of Checky. It finds no connection that hangs: TCP and HTTP/2 end those.
package relist

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
)

const (
	// pauseLeast and pauseMost bound the time from one try to the next; which it is is left to chance, so that not all informers of all
	// processes come at once.
	pauseLeast = 500 * time.Millisecond
	pauseMost  = time.Second
	// starting is for how long after the last try without an answer a refusal is taken for that of an API server which is still
	// starting: it has not read its roles yet, or its own storage is not ready.
	starting = 15 * time.Second
	// remind is how often the log says again that there is no answer.
	remind = time.Minute
)

// Watcher makes informers, and tells the log, once for all of them, when the API server gives no answer.
type Watcher struct {
	log logr.Logger

	mu   sync.Mutex
	away bool      // the last try had no answer
	told time.Time // when the log last said so
}

// New makes a Watcher.
func New(log logr.Logger) *Watcher { return &Watcher{log: log} }

// NewInformer makes an informer, as toolscache.NewSharedIndexInformer does. It is for the cache.Options of controller-runtime.
func (w *Watcher) NewInformer(lw toolscache.ListerWatcher, object runtime.Object, resync time.Duration, indexers toolscache.Indexers) toolscache.SharedIndexInformer {
	return toolscache.NewSharedIndexInformer(w.persistent(lw), object, resync, indexers)
}

func (w *Watcher) persistent(lw toolscache.ListerWatcher) *persistent {
	return &persistent{next: toolscache.ToListerWatcherWithContext(lw), watcher: w}
}

// persistent lists and watches until there is an answer.
type persistent struct {
	next    toolscache.ListerWatcherWithContext
	watcher *Watcher
}

var (
	_ toolscache.ListerWatcher            = (*persistent)(nil)
	_ toolscache.ListerWatcherWithContext = (*persistent)(nil)
)

// List is ListWithContext for callers that have no context; informers are none of them.
func (p *persistent) List(options metav1.ListOptions) (runtime.Object, error) {
	return p.ListWithContext(context.Background(), options)
}

// Watch is WatchWithContext for callers that have no context; informers are none of them.
func (p *persistent) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return p.WatchWithContext(context.Background(), options)
}

// ListWithContext lists.
func (p *persistent) ListWithContext(ctx context.Context, options metav1.ListOptions) (list runtime.Object, err error) {
	err = p.watcher.persist(ctx, func() error {
		list, err = p.next.ListWithContext(ctx, options)
		return err
	})
	return list, err
}

// WatchWithContext opens a watch.
func (p *persistent) WatchWithContext(ctx context.Context, options metav1.ListOptions) (opened watch.Interface, err error) {
	err = p.watcher.persist(ctx, func() error {
		opened, err = p.next.WatchWithContext(ctx, options)
		return err
	})
	return opened, err
}

// persist calls try until there is an answer, or the context ends.
func (w *Watcher) persist(ctx context.Context, try func() error) error {
	away := time.Time{} // when there was no answer last
	for {
		err := try()
		switch {
		case ctx.Err() != nil:
			return err
		case Unanswered(err):
			away = time.Now()
			w.noAnswer(err)
		case !away.IsZero() && refused(err) && time.Since(away) < starting:
		default:
			w.answer()
			return err
		}
		Pause(ctx)
	}
}

// noAnswer has the log say that there is none, if it has not said so lately.
func (w *Watcher) noAnswer(err error) {
	w.mu.Lock()
	due := !w.away || time.Since(w.told) >= remind
	w.away = true
	if due {
		w.told = time.Now()
	}
	w.mu.Unlock()
	if due {
		w.log.Info("The API server gives no answer; it is asked again until it does", "error", err.Error())
	}
}

func (w *Watcher) answer() {
	w.mu.Lock()
	back := w.away
	w.away = false
	w.mu.Unlock()
	if back {
		w.log.Info("The API server answers again")
	}
}

// Pause waits for a moment between two tries, or until the context ends.
func Pause(ctx context.Context) {
	timer := time.NewTimer(pauseLeast + rand.N(pauseMost-pauseLeast)) //nolint:gosec // jitter
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// refused says whether an error is an answer that an API server may give while it starts.
func refused(err error) bool {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return false
	}
	code := answer.Status().Code
	return code >= 500 || code == 429 || code == 401 || code == 403
}
