package flood

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// maxInstance is how long the API lets an Event's reportingInstance be.
	maxInstance = 128
	// maxNote is how long an Event's note may be, in bytes; the API allows 1 kB.
	maxNote = 1000
	// reasonMore is the reason of a sum.
	reasonMore = "ManyMore"
)

// errBeyond is why Events leave no trace but a number.
var errBeyond = errors.New("more namespaces have Events than are told apart")

// tell writes one Event for each namespace of which something was gathered. What cannot be written is kept for the next time.
func (r *Recorder) tell(ctx context.Context) {
	sums, beyond := r.take()
	if beyond > 0 {
		log.FromContext(ctx).Error(errBeyond, "Events were left out", "events", beyond, "namespaces", maxNamespaces)
	}
	for _, namespace := range slices.Sorted(maps.Keys(sums)) {
		s := sums[namespace]
		switch err := r.write(ctx, namespace, &s); {
		case err == nil:
		case apierrors.IsNotFound(err), apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause): // nobody is left to be told
		default:
			log.FromContext(ctx).Error(err, "Could not write the Event that sums up others", "namespace", namespace, "events", s.total)
			r.giveBack(namespace, s)
		}
	}
}

func (r *Recorder) write(ctx context.Context, namespace string, s *sum) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	now := r.o.Clock.Now()
	kind := corev1.EventTypeNormal
	if s.warning {
		kind = corev1.EventTypeWarning
	}
	return r.o.Writer.Create(ctx, &eventsv1.Event{
		ObjectMeta:          metav1.ObjectMeta{Namespace: cmp.Or(namespace, metav1.NamespaceDefault), GenerateName: clip(s.last.Name, maxPrefix) + "-"},
		EventTime:           metav1.NewMicroTime(now),
		ReportingController: r.o.Controller,
		ReportingInstance:   r.instance,
		Action:              "Sum",
		Reason:              reasonMore,
		Type:                kind,
		Regarding:           s.last,
		Note:                clip(r.note(namespace, s, now), maxNote),
	})
}

// maxPrefix leaves room in an Event's name, which has at most 253 characters, for what the API server appends.
const maxPrefix = 200

// note tells a sum in one line.
func (r *Recorder) note(namespace string, s *sum, now time.Time) string {
	return fmt.Sprintf("%d more events of this namespace within %s have none of their own: %s. This object is the last of them; list what has not passed with: %s",
		s.total, max(now.Sub(s.since), time.Second).Round(time.Second), s, r.o.Listing(namespace))
}

// reasons are those of a sum, the most frequent first.
func (s *sum) reasons() []string {
	return slices.SortedFunc(maps.Keys(s.counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(s.counts[b], s.counts[a]), cmp.Compare(a, b))
	})
}
