//go:build linux

package audio

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

// maxInquiries is how many Checks may wait to be looked up. Past it, a recovery is not announced.
const maxInquiries = 1000

// inquireTimeout bounds one look at the API server.
const inquireTimeout = 5 * time.Second

// inquire looks up Checks that no longer fail, one after the other, until the context ends: the watch tells that they are gone from
// among the failing ones, and not whether they pass or were deleted.
func (d *daemon) inquire(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case alert := <-d.inquiry:
			if d.passes(ctx, alert) {
				d.tell(func(s *dispatch.State, now dispatch.Moment) { s.Recovered(now, alert.UID) })
			}
		}
	}
}

// passes tells whether a Check passes now. Where the API server does not say, it counts as no recovery.
func (d *daemon) passes(ctx context.Context, alert dispatch.Alert) bool {
	var check v1alpha1.Check
	backoff := wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Steps: 4}
	err := wait.ExponentialBackoffWithContext(ctx, backoff, func(ctx context.Context) (bool, error) {
		ctx, cancel := context.WithTimeout(ctx, inquireTimeout)
		defer cancel()
		err := d.live.Get(ctx, types.NamespacedName{Namespace: alert.Namespace, Name: alert.Name}, &check)
		if apierrors.IsNotFound(err) || apierrors.IsForbidden(err) {
			return false, err
		}
		return err == nil, nil
	})
	if err != nil {
		if !apierrors.IsNotFound(err) && ctx.Err() == nil {
			d.log.Error(err, "Could not tell whether a Check passes; its recovery is not announced", "namespace", alert.Namespace, "check", alert.Name)
		}
		return false
	}
	return check.UID == alert.UID && check.Status.Phase == v1alpha1.PhaseSuccess
}
