package main

import (
	"context"
	"errors"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// The waits between tries of a cluster that does not answer: they double, with jitter.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 10 * time.Second
)

func retries() *wait.Backoff {
	return &wait.Backoff{Duration: firstRetry, Factor: 2, Jitter: 0.2, Steps: 8, Cap: lastRetry}
}

// follower sees the Checks of a selection as they are, and each change of them, whatever becomes of the connection.
//
//	list ──> watch ──event──> changed, deleted
//	 ^         │ ended: again, from the last event
//	 └─────────┘ 410 Gone
type follower struct {
	cluster *cluster
	options []client.ListOption

	// changed is called with each Check that is there or new or different; deleted with the last state of one that
	// is gone while it was watched. They end the following by true or an error.
	changed, deleted func(*v1alpha1.Check) (done bool, err error)
	// listed is called after a list, which does not tell what is gone since. It may be nil.
	listed func() (done bool, err error)

	reached bool // the cluster answered once: from then on it is waited for
}

var errDone = errors.New("seen")

// follow begins behind a resource version, or with a list where it is empty. It ends when it was told to, with the context, and
// with an error that another try would not mend.
func (f *follower) follow(ctx context.Context, version string) error {
	backoff := retries()
	for ctx.Err() == nil {
		before := version
		err := f.once(ctx, &version)
		switch {
		case errors.Is(err, errDone):
			return nil
		case apierrors.IsGone(err) || apierrors.IsResourceExpired(err):
			version = ""
		case err == nil && version != before:
			backoff = retries()
			continue
		case err != nil && (!f.reached || !passing(err)):
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(backoff.Step()):
		}
	}
	return ctx.Err()
}

// passing tells what another try may mend: no connection, or a server that is starting, busy or out of time.
func passing(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		var own *ownError
		return !errors.As(err, &own)
	}
	return apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

// ownError is one that a callback ended the following with.
type ownError struct{ error }

// Unwrap is for package errors.
func (e *ownError) Unwrap() error { return e.error }

// ended is what follows from a callback's answer.
func ended(done bool, err error) error {
	switch {
	case err != nil:
		return &ownError{err}
	case done:
		return errDone
	}
	return nil
}

// once lists if it has to, and watches until the watch ends.
func (f *follower) once(ctx context.Context, version *string) error {
	if *version == "" {
		listed, err := f.cluster.eachCheck(ctx, func(k *v1alpha1.Check) error { return ended(f.changed(k)) }, f.options...)
		if err != nil {
			return err
		}
		if f.listed != nil {
			if err := ended(f.listed()); err != nil {
				return err
			}
		}
		*version = listed
		f.reached = true
	}
	raw := &client.ListOptions{Raw: &metav1.ListOptions{ResourceVersion: *version, AllowWatchBookmarks: true}}
	events, err := f.cluster.Watch(ctx, &v1alpha1.CheckList{}, append([]client.ListOption{raw}, f.options...)...)
	if err != nil {
		return err
	}
	defer events.Stop()
	f.reached = true
	for event := range events.ResultChan() {
		if event.Type == watch.Error {
			return apierrors.FromObject(event.Object)
		}
		check, ok := event.Object.(*v1alpha1.Check)
		if !ok {
			continue
		}
		switch event.Type {
		case watch.Added, watch.Modified:
			err = ended(f.changed(check))
		case watch.Deleted:
			err = ended(f.deleted(check))
		}
		if err != nil {
			return err
		}
		*version = check.ResourceVersion
	}
	return nil
}
