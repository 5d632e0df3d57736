// Package retention keeps the number of finished Checks in a namespace below a cap, so that the store never
// fills, however long Checks say that they want to be kept. The oldest go first; where several owners share a namespace,
// those of whoever has most.
package retention

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sort"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/metrics"
)

// settle is how long changes in a namespace are gathered before its Checks are counted.
const settle = time.Second

// inTurn is how many Checks of a namespace are deleted before it is the next namespace's turn, and again is how soon it is this one's after that.
const (
	inTurn = 1000
	again  = 10 * time.Millisecond
)

// indexFinished holds the finished Checks of the cache.
const indexFinished = "checky.finished"

// Reconciler counts the finished Checks of a namespace. Its requests name a namespace alone.
type Reconciler struct {
	// Client reads from the cache and deletes.
	Client client.Client
	// Metrics counts.
	Metrics *metrics.Metrics
	// Cap is how many finished Checks a namespace may keep. 0: no limit.
	Cap int
	// Concurrency is how many deletions are under way at once. With as many as there are evaluations at once, what a slow API server does to
	// the one it does to the other, and Checks cannot finish faster than they go.
	Concurrency int
}

// SetupWithManager registers the reconciler.
func (r *Reconciler) SetupWithManager(ctx context.Context, mgr ctrl.Manager) error {
	if r.Cap == 0 {
		return nil
	}
	err := mgr.GetFieldIndexer().IndexField(ctx, &v1alpha1.Check{}, indexFinished, func(object client.Object) []string {
		if object.(*v1alpha1.Check).Status.Phase.Finished() { //nolint:forcetypeassert // it is registered for Checks
			return []string{"true"}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return ctrl.NewControllerManagedBy(mgr).
		Named("retention").
		Watches(&v1alpha1.Check{}, handler.Funcs{
			CreateFunc: func(_ context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
				countSoon(q, e.Object)
			},
			UpdateFunc: func(_ context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
				countSoon(q, e.ObjectNew)
			},
		}).
		Complete(r)
}

// countSoon asks for one count of the namespace, however many of its Checks finish until then.
func countSoon(queue workqueue.TypedRateLimitingInterface[reconcile.Request], object client.Object) {
	if check, ok := object.(*v1alpha1.Check); ok && check.Status.Phase.Finished() {
		queue.AddAfter(reconcile.Request{NamespacedName: types.NamespacedName{Namespace: check.Namespace}}, settle)
	}
}

// Reconcile deletes the finished Checks beyond the cap.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	list := &v1alpha1.CheckList{}
	err := r.Client.List(ctx, list, client.InNamespace(req.Namespace), client.MatchingFields{indexFinished: "true"}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return ctrl.Result{}, err
	}
	gone := surplus(list.Items, r.Cap)
	deleted, changed, err := r.delete(ctx, gone[:min(len(gone), inTurn)])
	if deleted > 0 {
		log.FromContext(ctx).Info("Deleted finished checks of a full namespace", "deleted", deleted, "cap", r.Cap)
	}
	switch {
	case err != nil:
		return ctrl.Result{}, err
	case len(gone) > inTurn:
		return ctrl.Result{RequeueAfter: again}, nil
	case changed > 0:
		return ctrl.Result{RequeueAfter: settle}, nil
	}
	return ctrl.Result{}, nil
}

// delete deletes Checks, several at once, unless they were evaluated or edited meanwhile: such a one may no longer be one of the oldest. An error
// of one keeps those that have not begun.
func (r *Reconciler) delete(ctx context.Context, checks []*v1alpha1.Check) (deleted, changed int, err error) {
	var gone, other atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.Concurrency)
	for _, check := range checks {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			uid, version := check.UID, check.ResourceVersion
			err := r.Client.Delete(ctx, check.DeepCopy(), client.Preconditions{UID: &uid, ResourceVersion: &version})
			switch {
			case err == nil:
				r.Metrics.Deleted("cap")
				gone.Add(1)
			case apierrors.IsConflict(err):
				other.Add(1)
			default:
				return client.IgnoreNotFound(err)
			}
			return nil
		})
	}
	err = group.Wait()
	return int(gone.Load()), int(other.Load()), err
}

// surplus gives the Checks beyond the cap, those that finished first. Owners who have few keep all of theirs: each may have as many
// as there is room for if nobody has more (max-min fairness), so that one who makes many pushes out none but their own.
func surplus(checks []v1alpha1.Check, limit int) []*v1alpha1.Check {
	if len(checks) <= limit {
		return nil
	}
	byOwner := map[string][]*v1alpha1.Check{}
	for i := range checks {
		owner := checks[i].Labels[v1alpha1.OwnerLabel]
		byOwner[owner] = append(byOwner[owner], &checks[i])
	}
	share, left := fairShare(byOwner, limit)
	var gone []*v1alpha1.Check
	for _, owner := range slices.Sorted(maps.Keys(byOwner)) {
		theirs, keep := byOwner[owner], share
		if len(theirs) > share && left > 0 {
			keep, left = share+1, left-1
		}
		if len(theirs) > keep {
			slices.SortFunc(theirs, byFinish)
			gone = append(gone, theirs[:len(theirs)-keep]...)
		}
	}
	slices.SortFunc(gone, byFinish)
	return gone
}

// fairShare is the largest number of Checks that each owner can keep within the limit, and how many more fit after that.
func fairShare(byOwner map[string][]*v1alpha1.Check, limit int) (share, left int) {
	kept := func(share int) (n int) {
		for _, theirs := range byOwner {
			n += min(len(theirs), share)
		}
		return n
	}
	// The first share that is too much is one past the one that is sought.
	share = sort.Search(limit+1, func(share int) bool { return kept(share) > limit }) - 1
	return share, limit - kept(share)
}

func byFinish(a, b *v1alpha1.Check) int {
	return cmp.Or(finishedAt(a).Compare(finishedAt(b)), cmp.Compare(a.Name, b.Name))
}

func finishedAt(check *v1alpha1.Check) time.Time {
	if check.Status.CompletionTime == nil {
		return check.CreationTimestamp.Time
	}
	return check.Status.CompletionTime.Time
}
