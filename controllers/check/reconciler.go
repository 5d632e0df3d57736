// Package check gives every Check its verdict.
//
//	load -> gather -> evaluate -> publish -> announce -> schedule
//
// Each phase is a file, and records what it finds in the scope. A verdict is written once; what has not
// changed is not written at all. Nothing is polled: watches on rule sets and inputs bring back just the
// Checks concerned, through field indexes.
package check

import (
	"context"
	"math/rand/v2"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/checky-dev/checky/controllers/metrics"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/relist"
)

// Reconciler gives Checks their verdicts.
type Reconciler struct {
	// Client reads from the cache and deletes.
	Client client.Client
	// Statuses writes verdicts.
	Statuses StatusWriter
	// Live reads from the API server: inputs, and what the cache does not keep.
	Live client.Reader
	// Inputs watches the objects that inputs come from.
	Inputs InputWatcher
	// Engine evaluates.
	Engine *engine.Engine
	// Library compiles.
	Library *engine.Library
	// Events announces verdicts.
	Events events.EventRecorder
	// Metrics counts.
	Metrics *metrics.Metrics
	// DefaultTTL is how long a finished Check is kept that does not say so itself. 0: for ever.
	DefaultTTL time.Duration
	// Clock tells the time.
	Clock clock.PassiveClock

	arrived arrivals
}

// Reconcile brings one Check's status up to date. Where the API server gives no answer it waits for a moment and has the Check come again: as many
// tries as there are workers, however many Checks wait, and none of them waits for longer each time that it fails.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	result, err := r.reconcile(ctx, req)
	if !relist.Unanswered(err) {
		return result, err
	}
	log.FromContext(ctx).V(1).Info("No answer from the API server; the Check comes again", "error", err.Error())
	relist.Pause(ctx)
	return ctrl.Result{RequeueAfter: time.Millisecond}, nil
}

func (r *Reconciler) reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	arrived := r.arrived.take(req.NamespacedName, r.Clock.Now())
	s, err := r.load(ctx, req)
	if s == nil || err != nil {
		return ctrl.Result{}, err
	}
	if s.check.Spec.Suspend && s.check.Status.Phase.Finished() || r.over(s) {
		return r.schedule(ctx, s)
	}
	if err := r.gather(ctx, s); err != nil {
		return ctrl.Result{}, err
	}
	if early := r.tooEarly(s, arrived); early > 0 {
		r.arrived.note(req.NamespacedName, arrived)
		return ctrl.Result{RequeueAfter: early}, nil
	}
	if s.verdictStands() {
		return r.schedule(ctx, s)
	}
	if err := r.evaluate(ctx, s); err != nil {
		return retryConflict(err)
	}
	before, err := r.publish(ctx, s)
	if err != nil {
		if !apierrors.IsNotFound(err) { // one that is gone does not come again
			r.arrived.note(req.NamespacedName, arrived)
		}
		return retryConflict(err)
	}
	r.Metrics.Published(s.outcome, r.Clock.Since(arrived))
	r.announce(ctx, s, before)
	return r.schedule(ctx, s)
}

// retryConflict turns "somebody else wrote" and "it is gone" into what they are: no errors. The object that won comes
// by watch; the retry is for the case that it came already.
func retryConflict(err error) (ctrl.Result, error) {
	switch {
	case apierrors.IsConflict(err):
		return ctrl.Result{RequeueAfter: 20*time.Millisecond + rand.N(30*time.Millisecond)}, nil //nolint:gosec // jitter
	case apierrors.IsNotFound(err):
		return ctrl.Result{}, nil
	}
	return ctrl.Result{}, err
}

// over says whether a Check has a verdict on its present spec whose time is over. It is given none anew: were rules edited faster than many Checks can be
// evaluated, these would otherwise be evaluated for ever, and become more and more.
func (r *Reconciler) over(s *scope) bool {
	ttl, limited := r.ttl(s)
	done := s.check.Status.CompletionTime
	return limited && s.finished() && done != nil && !done.Add(ttl).After(r.Clock.Now())
}

// schedule deletes the finished Check whose time is over, or comes back when it is, or when what no watch tells of is to be looked
// at: that holds for a Check with a verdict too, whose input may have changed unseen.
func (r *Reconciler) schedule(ctx context.Context, s *scope) (ctrl.Result, error) {
	look := time.Duration(0)
	if s.waiting != nil {
		look = s.waiting.retryAfter
	}
	status := &s.check.Status
	ttl, limited := r.ttl(s)
	if !limited || !status.Phase.Finished() || status.CompletionTime == nil || s.waiting != nil && !s.finished() {
		return ctrl.Result{RequeueAfter: look}, nil
	}
	left := status.CompletionTime.Add(ttl).Sub(r.Clock.Now())
	if left > 0 {
		if look > 0 {
			left = min(left, look)
		}
		return ctrl.Result{RequeueAfter: left}, nil
	}
	uid, version := s.check.UID, s.check.ResourceVersion
	err := r.Client.Delete(ctx, s.check, client.Preconditions{UID: &uid, ResourceVersion: &version})
	if err != nil {
		return retryConflict(err)
	}
	r.Metrics.Deleted("ttl")
	log.FromContext(ctx).V(1).Info("Deleted a finished check", "age", ttl.String())
	return ctrl.Result{}, nil
}

func (r *Reconciler) ttl(s *scope) (ttl time.Duration, limited bool) {
	if own := s.check.Spec.TTLSecondsAfterFinished; own != nil {
		return time.Duration(*own) * time.Second, true
	}
	return r.DefaultTTL, r.DefaultTTL > 0
}

var _ reconcile.Reconciler = (*Reconciler)(nil)
