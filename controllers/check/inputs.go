package check

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// maxInputKinds is how many kinds of inputs are watched; each costs the metadata of all its objects.
const maxInputKinds = 50

// InputWatcher sees to it that changes of inputs bring back the Checks that use them.
type InputWatcher interface {
	// Watch begins to watch a kind, unless it is watched already. Its error is a *NotAllowedError
	// where the controller lacks the right to, or one that meta.IsNoMatchError knows where the cluster does not
	// serve the kind.
	Watch(ctx context.Context, kind schema.GroupVersionKind) error
}

// NotAllowedError is the error of a kind that may not be an input. Its text says what to do.
type NotAllowedError struct{ problem string }

func (e *NotAllowedError) Error() string { return e.problem }

// inputWatches watches the metadata of the kinds that inputs come from: each from when it is first asked for, so that
// the controller needs no right, and no memory, for what nobody uses.
type inputWatches struct {
	mgr     ctrl.Manager
	check   controller.Controller
	handler handler.EventHandler

	mu      sync.Mutex
	watched map[schema.GroupVersionKind]bool
	denied  map[schema.GroupVersionKind]denial // of kinds that the cluster serves, so there are no more than it has
}

// denial is what came of asking for the right to watch a kind. It holds for a while: many Checks ask about the same kind.
type denial struct {
	err   *NotAllowedError
	until time.Time
}

func newInputWatches(mgr ctrl.Manager, check controller.Controller, h handler.EventHandler) *inputWatches {
	return &inputWatches{mgr: mgr, check: check, handler: h, watched: map[schema.GroupVersionKind]bool{}, denied: map[schema.GroupVersionKind]denial{}}
}

func (w *inputWatches) Watch(ctx context.Context, kind schema.GroupVersionKind) error {
	if known, err := w.known(kind); known {
		return err
	}
	mapping, err := served(w.mgr.GetRESTMapper(), kind)
	if err != nil {
		return err
	}
	if mapping.Scope.Name() != meta.RESTScopeNameNamespace {
		return &NotAllowedError{fmt.Sprintf("kind %s is not namespaced, and an input is an object of the Check's namespace; correct spec.inputFrom.resourceRef", kind.Kind)}
	}
	for _, verb := range []string{"get", "list", "watch"} {
		err := w.allowed(ctx, verb, mapping.Resource)
		if refusal := (*NotAllowedError)(nil); errors.As(err, &refusal) {
			w.deny(kind, refusal)
		}
		if err != nil {
			return err
		}
	}
	return w.begin(kind)
}

// served finds the resource of a kind. The mapper also answers to a kind in lower case; taken for a kind of its own, secret would
// pass by all that goes by a kind's name: the masking of Secrets, and the index of inputs.
func served(mapper meta.RESTMapper, kind schema.GroupVersionKind) (*meta.RESTMapping, error) {
	mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	proper, err := mapper.KindFor(mapping.Resource)
	if err == nil && proper != kind {
		err = &meta.NoKindMatchError{GroupKind: kind.GroupKind(), SearchedVersions: []string{kind.Version}}
	}
	return mapping, err
}

// known says what is known of a kind without asking the API server.
func (w *inputWatches) known(kind schema.GroupVersionKind) (known bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if d, ok := w.denied[kind]; ok && time.Now().Before(d.until) {
		return true, d.err
	}
	return w.watched[kind], nil
}

func (w *inputWatches) deny(kind schema.GroupVersionKind, err *NotAllowedError) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.denied[kind] = denial{err, time.Now().Add(deniedRetry / 2)}
}

// allowed asks the API server before an informer is started: one that lacks the right would retry for ever.
func (w *inputWatches) allowed(ctx context.Context, verb string, resource schema.GroupVersionResource) error {
	review := &authorizationv1.SelfSubjectAccessReview{Spec: authorizationv1.SelfSubjectAccessReviewSpec{
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: verb, Group: resource.Group, Version: resource.Version, Resource: resource.Resource,
		},
	}}
	if err := w.mgr.GetClient().Create(ctx, review); err != nil {
		return err
	}
	if !review.Status.Allowed {
		return notGranted(resource.GroupResource())
	}
	return nil
}

// AggregationLabel on a ClusterRole adds its rules to what the controller may read as inputs.
const AggregationLabel = "rbac.checky.dev/aggregate-to-inputs"

// notGranted is the error of a kind that the controller has no rights to.
func notGranted(resource schema.GroupResource) *NotAllowedError {
	return &NotAllowedError{fmt.Sprintf(
		"the controller may not get, list and watch %s; grant it by a ClusterRole labelled %s: \"true\", or correct spec.inputFrom",
		resource, AggregationLabel)}
}

// begin starts the watch. Two callers at once start it twice only as far as the controller, which shares the informer.
func (w *inputWatches) begin(kind schema.GroupVersionKind) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.watched[kind]:
		return nil
	case len(w.watched) >= maxInputKinds:
		return &NotAllowedError{fmt.Sprintf("inputs of %d kinds are watched already, which is as many as the controller takes; check a ConfigMap instead", maxInputKinds)}
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(kind)
	err := w.check.Watch(source.Kind[client.Object](w.mgr.GetCache(), object, w.handler, predicate.ResourceVersionChangedPredicate{}))
	if err == nil {
		w.watched[kind] = true
	}
	return err
}
