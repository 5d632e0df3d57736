package alertpolicy

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	corev1 "k8s.io/api/core/v1"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/relist"
)

// Sounds that policies name are in ConfigMaps of Checky's own namespace.
//
// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch,namespace=checky-system

// Sounds are the ConfigMaps of Checky's own namespace that are labelled as sounds. Their metadata is watched; a file is read from the
// API server when a policy names it and it has changed, is decoded, and is not kept.
type Sounds struct {
	namespace string
	cache     cache.Cache
	live      client.Reader

	// decoded is, by policy and reference, what came of the last version that was read. Only the reconciler uses it, which works on one
	// request at a time.
	decoded map[string]map[v1alpha1.KeyReference]decodedSound
}

// decodedSound is what is known of a key in one version of a ConfigMap; of none, where there is no such ConfigMap.
type decodedSound struct {
	uid     types.UID
	version string
	problem soundProblem // the zero value: it can be played
}

// NewSounds makes them a cache of their own, since the manager's may hold the metadata of all ConfigMaps, or of none.
func NewSounds(mgr ctrl.Manager, namespace string) (*Sounds, error) {
	own, err := cache.New(mgr.GetConfig(), cache.Options{
		Scheme:               mgr.GetScheme(),
		Mapper:               mgr.GetRESTMapper(),
		HTTPClient:           mgr.GetHTTPClient(),
		DefaultNamespaces:    map[string]cache.Config{namespace: {}},
		DefaultLabelSelector: labels.SelectorFromSet(labels.Set{v1alpha1.ToneLabel: "true"}),
		DefaultTransform:     cache.TransformStripManagedFields(),
		NewInformer:          relist.New(mgr.GetLogger().WithName("sounds")).NewInformer,
	})
	if err != nil {
		return nil, err
	}
	s := &Sounds{namespace: namespace, cache: own, live: mgr.GetAPIReader(), decoded: map[string]map[v1alpha1.KeyReference]decodedSound{}}
	return s, mgr.Add(startedFirst{own})
}

// startedFirst has the manager start a cache with its own, before the controllers that wait for it.
type startedFirst struct{ cache.Cache }

// GetCache is what the manager knows such a cache by.
func (s startedFirst) GetCache() cache.Cache { return s.Cache }

func soundObject() client.Object {
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("ConfigMap"))
	return object
}

// soundChanged brings back the policies that name a ConfigMap.
func (r *Reconciler) soundChanged() handler.EventHandler {
	enqueue := func(ctx context.Context, object client.Object, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) {
		policies := &v1alpha1.AlertPolicyList{}
		if err := r.Client.List(ctx, policies, client.UnsafeDisableDeepCopy); err != nil {
			log.FromContext(ctx).Error(err, "Could not list the policies that a sound concerns")
			return
		}
		for i := range policies.Items {
			if names(&policies.Items[i], object.GetName()) {
				queue.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&policies.Items[i])})
			}
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			enqueue(ctx, e.Object, q)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			enqueue(ctx, e.ObjectNew, q)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q workqueue.TypedRateLimitingInterface[reconcile.Request]) {
			enqueue(ctx, e.Object, q)
		},
	}
}

// names says whether a policy takes a sound from a ConfigMap.
func names(policy *v1alpha1.AlertPolicy, configMap string) bool {
	spec := &policy.Spec
	for _, t := range []*v1alpha1.Tone{spec.Tones.Info, spec.Tones.Warning, spec.Tones.Error, spec.Tones.Critical, spec.RecoveryTone} {
		if t != nil && t.ConfigMapKeyRef != nil && t.ConfigMapKeyRef.Name == configMap {
			return true
		}
	}
	return false
}

// forget drops what is known of a policy's sounds.
func (s *Sounds) forget(policy string) { delete(s.decoded, policy) }

// problems tells what is wrong with the sounds that a policy takes from ConfigMaps.
func (s *Sounds) problems(ctx context.Context, policy *alerts.Policy) ([]soundProblem, error) {
	known, now := s.decoded[policy.Name], map[v1alpha1.KeyReference]decodedSound{}
	var list []soundProblem
	for _, named := range policy.Tones() {
		ref := named.Tone.ConfigMapKeyRef
		if ref == nil {
			continue
		}
		sound, looked := now[*ref]
		if !looked {
			var err error
			if sound, err = s.look(ctx, *ref, known[*ref]); err != nil {
				return nil, err
			}
			now[*ref] = sound
		}
		if p := sound.problem; p.text != "" {
			list = append(list, soundProblem{p.reason, fmt.Sprintf("%s.configMapKeyRef: %s", named.Path, p.text)})
		}
	}
	s.decoded[policy.Name] = now
	return list, nil
}

// look tells what is known of one sound. It reads the file only where the ConfigMap is of another version than the one that is
// known.
func (s *Sounds) look(ctx context.Context, ref v1alpha1.KeyReference, known decodedSound) (decodedSound, error) {
	key, seen := types.NamespacedName{Namespace: s.namespace, Name: ref.Name}, soundObject()
	if err := s.cache.Get(ctx, key, seen); err != nil {
		return s.absent(ref), client.IgnoreNotFound(err)
	}
	if known.uid == seen.GetUID() && known.version == seen.GetResourceVersion() {
		return known, nil
	}
	object := &corev1.ConfigMap{}
	if err := s.live.Get(ctx, key, object); err != nil {
		return s.absent(ref), client.IgnoreNotFound(err)
	}
	if object.Labels[v1alpha1.ToneLabel] != "true" {
		return s.absent(ref), nil
	}
	return decodedSound{object.UID, object.ResourceVersion, s.decode(object, ref)}, nil
}

// absent tells of a ConfigMap that is not among the sounds.
func (s *Sounds) absent(ref v1alpha1.KeyReference) decodedSound {
	return decodedSound{problem: soundProblem{v1alpha1.ReasonToneNotFound, fmt.Sprintf(
		"namespace %s has no ConfigMap %s with the label %s: \"true\"; create or label it, or name another", s.namespace, ref.Name, v1alpha1.ToneLabel)}}
}

// decode tells what is wrong with a key, as the alert daemon would find it: in binaryData, or else in data.
func (s *Sounds) decode(object *corev1.ConfigMap, ref v1alpha1.KeyReference) soundProblem {
	data, ok := object.BinaryData[ref.Key]
	if !ok {
		text, inData := object.Data[ref.Key]
		data, ok = []byte(text), inData
	}
	if !ok {
		return soundProblem{v1alpha1.ReasonToneNotFound, fmt.Sprintf(
			"ConfigMap %s in namespace %s has no key %s; add it under binaryData, or name another", ref.Name, s.namespace, ref.Key)}
	}
	if _, err := tone.Decode(data); err != nil {
		return soundProblem{v1alpha1.ReasonInvalidTone, fmt.Sprintf(
			"key %s of ConfigMap %s in namespace %s cannot be played: %v", ref.Key, ref.Name, s.namespace, err)}
	}
	return soundProblem{}
}
