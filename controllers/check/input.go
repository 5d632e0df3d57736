package check

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
)

var (
	configMapKind = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	secretKind    = schema.GroupVersionKind{Version: "v1", Kind: "Secret"}
)

// deniedRetry is how often the controller looks whether it may read a kind by now. Permissions and new kinds are the
// only things that no watch tells of.
const deniedRetry = time.Minute

// gatherInput reads the payload. That of a Check which the cache has stripped is not there; it is read if it is needed.
func (r *Reconciler) gatherInput(ctx context.Context, s *scope) error {
	if from := s.check.Spec.InputFrom; from != nil {
		return r.readSource(ctx, s, from)
	}
	s.input.text = s.check.Spec.InputText()
	return nil
}

// Source names the object that an input comes from.
func Source(from *v1alpha1.InputSource) (kind schema.GroupVersionKind, name string, err error) {
	switch {
	case from.ConfigMapKeyRef != nil:
		return configMapKind, from.ConfigMapKeyRef.Name, nil
	case from.SecretKeyRef != nil:
		return secretKind, from.SecretKeyRef.Name, nil
	case from.ResourceRef != nil:
		gv, err := schema.ParseGroupVersion(from.ResourceRef.APIVersion)
		if err != nil {
			return kind, "", fmt.Errorf("spec.inputFrom.resourceRef.apiVersion: %q is not GROUP/VERSION", from.ResourceRef.APIVersion)
		}
		return gv.WithKind(from.ResourceRef.Kind), from.ResourceRef.Name, nil
	}
	return kind, "", fmt.Errorf("spec.inputFrom: set exactly one of configMapKeyRef, secretKeyRef and resourceRef")
}

// readSource reads the object that the input comes from, once it is watched: a change after the reading is never
// missed.
func (r *Reconciler) readSource(ctx context.Context, s *scope, from *v1alpha1.InputSource) error {
	kind, name, err := Source(from)
	if err != nil {
		s.refused = &engine.Obstacle{Reason: v1alpha1.ReasonInvalidSpec, Message: err.Error()}
		return nil //nolint:nilerr // it becomes the verdict
	}
	if s.waiting, err = r.watchSource(ctx, s.check.Namespace, kind); err != nil || s.waiting != nil {
		return err
	}
	key := types.NamespacedName{Namespace: s.check.Namespace, Name: name}
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	switch err := r.Live.Get(ctx, key, object); {
	case apierrors.IsNotFound(err):
		s.waiting = stalledBy(engine.MissingInput(key.Namespace, kind.Kind, name))
		return nil
	case apierrors.IsForbidden(err):
		s.waiting = forbidden(kind)
		return nil
	case err != nil:
		return err
	}
	return readObject(s, from, object)
}

// watchSource makes sure that changes of a kind are seen.
func (r *Reconciler) watchSource(ctx context.Context, namespace string, kind schema.GroupVersionKind) (*waiting, error) {
	switch err := r.Inputs.Watch(ctx, namespace, kind); {
	case err == nil:
		return nil, nil
	case meta.IsNoMatchError(err):
		w := stalledBy(&engine.Obstacle{Reason: v1alpha1.ReasonInputNotFound, Message: fmt.Sprintf(
			"waiting for kind %s of %s, which the cluster does not serve; install it, or correct spec.inputFrom.resourceRef", kind.Kind, kind.GroupVersion())})
		w.retryAfter = deniedRetry
		return w, nil
	case isForbidden(err):
		return forbidden(kind), nil
	default:
		return nil, err
	}
}

func isForbidden(err error) bool {
	_, own := err.(*NotAllowedError) //nolint:errorlint // it is returned unwrapped
	return own || apierrors.IsForbidden(err)
}

func forbidden(kind schema.GroupVersionKind) *waiting {
	group := kind.Group
	if group == "" {
		group = "core"
	}
	w := stalledBy(&engine.Obstacle{Reason: v1alpha1.ReasonInputForbidden, Message: fmt.Sprintf(
		"the controller may not get, list and watch namespaced objects of kind %s (%s); grant it by a ClusterRole labelled %s: \"true\", or correct spec.inputFrom",
		kind.Kind, group, AggregationLabel)})
	w.retryAfter = deniedRetry
	return w
}

// AggregationLabel on a ClusterRole adds its rules to what the controller may read as inputs.
const AggregationLabel = "rbac.checky.dev/aggregate-to-inputs"

// readObject takes the payload out of the object.
func readObject(s *scope, from *v1alpha1.InputSource, object *unstructured.Unstructured) error {
	var ok bool
	switch {
	case from.ConfigMapKeyRef != nil:
		s.input.text, ok = configMapValue(object, from.ConfigMapKeyRef.Key)
		if !ok {
			s.waiting = stalledBy(engine.MissingKey("ConfigMap", object.GetName(), from.ConfigMapKeyRef.Key))
		}
	case from.SecretKeyRef != nil:
		s.input.secret = true
		s.input.text, ok = secretValue(object, from.SecretKeyRef.Key)
		if !ok {
			s.waiting = stalledBy(engine.MissingKey("Secret", object.GetName(), from.SecretKeyRef.Key))
		}
	default:
		s.input.secret = object.GroupVersionKind() == secretKind
		text, err := objectText(object)
		s.input.text = text
		return err
	}
	return nil
}

// objectText is a whole object as a payload. The API server's own bookkeeping is left out: managedFields, and the
// resourceVersion, which changes with every write.
func objectText(object *unstructured.Unstructured) ([]byte, error) {
	object.SetManagedFields(nil)
	object.SetResourceVersion("")
	return json.Marshal(object.Object)
}

func configMapValue(object *unstructured.Unstructured, key string) ([]byte, bool) {
	if text, ok, err := unstructured.NestedString(object.Object, "data", key); ok && err == nil {
		return []byte(text), true
	}
	return binaryValue(object, "binaryData", key)
}

func secretValue(object *unstructured.Unstructured, key string) ([]byte, bool) {
	return binaryValue(object, "data", key)
}

// binaryValue decodes a base64 member.
func binaryValue(object *unstructured.Unstructured, field, key string) ([]byte, bool) {
	encoded, ok, err := unstructured.NestedString(object.Object, field, key)
	if !ok || err != nil {
		return nil, false
	}
	value, err := base64.StdEncoding.DecodeString(encoded)
	return value, err == nil
}
