package check

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

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

// Source names the object that an input comes from. Its error tells of a reference that no object can answer to.
func Source(from *v1alpha1.InputSource) (kind schema.GroupVersionKind, name string, err error) {
	field := ""
	switch {
	case from.ConfigMapKeyRef != nil:
		kind, name, field = configMapKind, from.ConfigMapKeyRef.Name, "configMapKeyRef"
	case from.SecretKeyRef != nil:
		kind, name, field = secretKind, from.SecretKeyRef.Name, "secretKeyRef"
	case from.ResourceRef != nil:
		name, field = from.ResourceRef.Name, "resourceRef"
		if kind, err = resourceKind(from.ResourceRef); err != nil {
			return kind, "", err
		}
	default:
		return kind, "", fmt.Errorf("spec.inputFrom: set exactly one of configMapKeyRef, secretKeyRef and resourceRef")
	}
	if problems := content.IsPathSegmentName(name); len(problems) > 0 {
		return kind, "", fmt.Errorf("spec.inputFrom.%s.name: %q is no object's name: it %s", field, name, problems[0])
	}
	return kind, name, nil
}

// resourceKind reads the kind off a reference. A Check is no input: one that reads itself, or a ring of them, would
// change its input by every verdict and never come to rest.
func resourceKind(ref *v1alpha1.ResourceReference) (schema.GroupVersionKind, error) {
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil || len(validation.IsDNS1035Label(gv.Version)) > 0 || gv.Group != "" && len(validation.IsDNS1123Subdomain(gv.Group)) > 0 {
		return schema.GroupVersionKind{}, fmt.Errorf("spec.inputFrom.resourceRef.apiVersion: %q is neither GROUP/VERSION, such as apps/v1, nor v1", ref.APIVersion)
	}
	if gv.Group == v1alpha1.GroupVersion.Group && strings.EqualFold(ref.Kind, "Check") {
		return schema.GroupVersionKind{}, errors.New("spec.inputFrom.resourceRef: a Check cannot be the input of a Check; name the object that it checks")
	}
	return gv.WithKind(ref.Kind), nil
}

// readSource reads the object that the input comes from, once it is watched: a change after the reading is never
// missed.
func (r *Reconciler) readSource(ctx context.Context, s *scope, from *v1alpha1.InputSource) error {
	kind, name, err := Source(from)
	if err != nil {
		s.refused = &engine.Obstacle{Reason: v1alpha1.ReasonInvalidSpec, Message: err.Error()}
		return nil //nolint:nilerr // it becomes the verdict
	}
	if s.waiting, err = r.watchSource(ctx, kind); err != nil || s.waiting != nil {
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
		s.waiting = denied(notGranted(schema.GroupResource{Group: kind.Group, Resource: kind.Kind}).problem)
		return nil
	case err != nil:
		return err
	}
	return readObject(s, from, object)
}

// watchSource makes sure that changes of a kind are seen.
func (r *Reconciler) watchSource(ctx context.Context, kind schema.GroupVersionKind) (*waiting, error) {
	refusal := (*NotAllowedError)(nil)
	switch err := r.Inputs.Watch(ctx, kind); {
	case err == nil:
		return nil, nil
	case errors.As(err, &refusal):
		return denied(refusal.problem), nil
	case meta.IsNoMatchError(err):
		return unwatched(v1alpha1.ReasonInputNotFound, fmt.Sprintf(
			"waiting for kind %s of %s, which the cluster does not serve; install it, or correct spec.inputFrom.resourceRef", kind.Kind, kind.GroupVersion())), nil
	default:
		return nil, err
	}
}

// denied waits for a right, or for another reference.
func denied(problem string) *waiting { return unwatched(v1alpha1.ReasonInputForbidden, problem) }

// unwatched waits for what no watch tells of.
func unwatched(reason, message string) *waiting {
	w := stalledBy(&engine.Obstacle{Reason: reason, Message: message})
	w.retryAfter = deniedRetry
	return w
}

// facadeTypes begins the types of the Secrets in which the REST facade keeps accounts and tokens.
const facadeTypes = "checky.dev/"

// ofFacade knows the facade's own Secrets. Verdicts on them would tell, rule by rule, what whoever may create Checks must not know.
func ofFacade(object *unstructured.Unstructured) bool {
	kind, _, _ := unstructured.NestedString(object.Object, "type")
	return IsSecret(object.GroupVersionKind().GroupKind()) && strings.HasPrefix(kind, facadeTypes)
}

// readObject takes the payload out of the object.
func readObject(s *scope, from *v1alpha1.InputSource, object *unstructured.Unstructured) error {
	var ok bool
	switch {
	case ofFacade(object):
		s.waiting = denied("Secrets of the types " + facadeTypes + "* are the REST facade's own, and no payloads; name another in spec.inputFrom")
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
		s.input.secret = IsSecret(object.GroupVersionKind().GroupKind())
		text, err := objectText(object)
		s.input.text = text
		return err
	}
	return nil
}

// IsSecret knows Secrets by any spelling that the API server's discovery might let through.
func IsSecret(kind schema.GroupKind) bool {
	return kind.Group == secretKind.Group && strings.EqualFold(kind.Kind, secretKind.Kind)
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
