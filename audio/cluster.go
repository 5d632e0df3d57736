package audio

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/relist"
)

// failing selects, at the API server, the Checks that are worth a tone. All others never reach this process.
var failing = fields.AndSelectors(
	fields.OneTermNotEqualSelector("status.phase", string(v1alpha1.PhaseSuccess)),
	fields.OneTermNotEqualSelector("status.phase", string(v1alpha1.PhasePending)),
	fields.OneTermNotEqualSelector("status.phase", ""), // nobody has looked at it yet
)

// newScheme knows the kinds that the daemon reads.
func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, errors.Join(corev1.AddToScheme(scheme), metav1.AddMetaToScheme(scheme), v1alpha1.AddToScheme(scheme))
}

// newMapper knows under which paths the API server has those kinds. It is not asked: the daemon starts while the API server is away, or before
// Checky's kinds are installed, and waits for them.
func newMapper() meta.RESTMapper {
	mapper := meta.NewDefaultRESTMapper([]schema.GroupVersion{v1alpha1.GroupVersion, corev1.SchemeGroupVersion})
	for kind, scope := range map[string]meta.RESTScope{"Check": meta.RESTScopeNamespace, "Silence": meta.RESTScopeNamespace, "AlertPolicy": meta.RESTScopeRoot} {
		mapper.Add(v1alpha1.GroupVersion.WithKind(kind), scope)
	}
	for kind, scope := range map[string]meta.RESTScope{"ConfigMap": meta.RESTScopeNamespace, "Namespace": meta.RESTScopeRoot, "Node": meta.RESTScopeRoot} {
		mapper.Add(corev1.SchemeGroupVersion.WithKind(kind), scope)
	}
	return mapper
}

// metadataOf is an object of which only the metadata is watched.
func metadataOf(kind string) *metav1.PartialObjectMetadata {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind(kind))
	return object
}

// newCache watches what the daemon needs, and keeps of it what the daemon looks at; of ConfigMaps, what sounds makes of them.
func newCache(cluster *rest.Config, scheme *runtime.Scheme, log logr.Logger, node, namespace string, sounds toolscache.TransformFunc) (cache.Cache, error) {
	tones, err := labels.ValidatedSelectorFromSet(labels.Set{v1alpha1.ToneLabel: "true"})
	if err != nil {
		return nil, err
	}
	return cache.New(cluster, cache.Options{
		Scheme:           scheme,
		Mapper:           newMapper(),
		DefaultTransform: cache.TransformStripManagedFields(),
		NewInformer:      relist.New(log).NewInformer,
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.Check{}:       {Field: failing, Transform: newStripper().check},
			&v1alpha1.Silence{}:     {Transform: stripSilence},
			metadataOf("Namespace"): {Transform: keepLabels},
			metadataOf("Node"):      {Field: fields.OneTermEqualSelector("metadata.name", node), Transform: keepLabels},
			&corev1.ConfigMap{}:     {Namespaces: map[string]cache.Config{namespace: {LabelSelector: tones}}, Transform: sounds},
		},
	})
}

// maxSilence is how many bytes a Silence's selection may have, written as JSON: a hundred names of the greatest length fit. A larger one is left out as one
// that cannot work, and its failures sound.
const maxSilence = 64 << 10

// stripSilence is the cache's transform of Silences: it keeps what is silent, and until when.
func stripSilence(object any) (any, error) {
	silence, ok := object.(*v1alpha1.Silence)
	if !ok {
		return nil, fmt.Errorf("expected a Silence, found %T", object)
	}
	kept := &v1alpha1.Silence{ObjectMeta: metav1.ObjectMeta{
		Name: silence.Name, Namespace: silence.Namespace, UID: silence.UID, ResourceVersion: silence.ResourceVersion, Generation: silence.Generation,
	}}
	spec := silence.Spec
	spec.Comment, spec.CreatedBy = "", ""
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	if len(text) <= maxSilence {
		kept.Spec = spec
	}
	return kept, nil
}

// keepLabels is the cache's transform of objects that only their labels matter of.
func keepLabels(object any) (any, error) {
	metadata, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return nil, fmt.Errorf("expected metadata, found %T", object)
	}
	kept := &metav1.PartialObjectMetadata{TypeMeta: metadata.TypeMeta}
	kept.Name, kept.UID, kept.ResourceVersion, kept.Labels = metadata.Name, metadata.UID, metadata.ResourceVersion, metadata.Labels
	return kept, nil
}
