//go:build linux

package audio

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// The API server is asked whether it still answers, since a watch that cannot be had is retried in silence, and a daemon that sees nothing sounds
// like a cluster in which nothing fails.
const (
	reachFirst    = 5 * time.Second // after the start
	reachInterval = 10 * time.Second
	reachTimeout  = 5 * time.Second
)

// reach asks the API server, until the context ends, for one object of the kind that is waited for, and of Checks once all is watched.
func (d *daemon) reach(ctx context.Context) error {
	var unseen pace // of what the log says of a cluster that cannot be seen
	for wait := reachFirst; ; wait = reachInterval {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		if err := d.ask(ctx); ctx.Err() == nil {
			d.noteAway(err, &unseen)
		}
	}
}

// ask lists one object.
func (d *daemon) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	kind := v1alpha1.GroupVersion.WithKind("Check")
	if waited := d.following.Load(); waited != nil {
		kind = *waited
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
	options := []client.ListOption{client.Limit(1)}
	if kind.Kind == "ConfigMap" {
		options = append(options, client.InNamespace(d.options.Namespace))
	}
	if err := d.live.List(ctx, list, options...); err != nil {
		return fmt.Errorf("list %s: %w", kind.GroupKind(), err)
	}
	return nil
}

// noteAway takes note of what came of asking, for readiness and metrics, and has the log say it, once in a while.
func (d *daemon) noteAway(err error, unseen *pace) {
	d.away.Store(&err)
	d.metrics.Cluster(err == nil)
	switch {
	case err == nil && unseen.told:
		*unseen = pace{}
		d.log.Info("The cluster can be seen again")
	case err != nil && unseen.due(d.now().Mono):
		d.log.Error(err, "The cluster cannot be seen; what fails is not heard until it can (is the API server up, are Checky's kinds installed, is the role checky-alertd bound?)")
	}
}

// seen is why the daemon does not know what fails; nil: it does.
func (d *daemon) seen() error {
	if err := d.away.Load(); err != nil && *err != nil {
		return fmt.Errorf("the cluster cannot be seen: %w", *err)
	}
	if !d.synced.Load() {
		return errUnseen
	}
	return nil
}
