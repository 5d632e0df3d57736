package cluster

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/cluster/packed"
)

// openCache makes the cache with an informer for each kind, none of which is started yet.
func (c *Cluster) openCache(cfg *rest.Config, httpClient *http.Client, o Options, log logr.Logger) error {
	kinds, err := cached(o)
	if err != nil {
		return err
	}
	c.cache, err = cache.New(cfg, cache.Options{
		HTTPClient: httpClient,
		Scheme:     Scheme(),
		Mapper:     mapper(),
		// A kind that is not listed here would be watched in the whole cluster as soon as somebody asks for it.
		ReaderFailOnMissingInformer:  true,
		DefaultTransform:             strip,
		DefaultUnsafeDisableDeepCopy: new(true),
		DefaultWatchErrorHandler:     logWatchError(log),
		ByObject:                     kinds,
		NewInformer: func(lw toolscache.ListerWatcher, obj runtime.Object, resync time.Duration, indexers toolscache.Indexers) toolscache.SharedIndexInformer {
			return toolscache.NewSharedIndexInformer(follow(lw, c.state, kindOf(obj)), obj, resync, indexers)
		},
	})
	if err != nil {
		return err
	}
	ctx := context.Background() // nothing is waited for
	for object := range kinds {
		informer, err := c.cache.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if err != nil {
			return err
		}
		c.kinds = append(c.kinds, cachedKind{kindOf(object), informer.HasSynced})
		if _, ok := object.(*discoveryv1.EndpointSlice); !ok {
			continue
		}
		counting, err := informer.AddEventHandler(c.replicas)
		if err != nil {
			return err
		}
		c.kinds = append(c.kinds, cachedKind{kindOf(object), counting.HasSynced})
	}
	return nil
}

// cached says which objects are cached.
func cached(o Options) (map[client.Object]cache.ByObject, error) {
	owned, err := labels.NewRequirement(v1alpha1.OwnerLabel, selection.Exists, nil)
	if err != nil {
		return nil, err
	}
	ours, err := labels.NewRequirement(FacadeLabel, selection.Exists, nil)
	if err != nil {
		return nil, err
	}
	kinds := map[client.Object]cache.ByObject{
		&v1alpha1.Check{}: {
			Namespaces: map[string]cache.Config{o.CheckNamespace: {}},
			Label:      labels.NewSelector().Add(*owned),
			Transform:  packing(packed.New()),
		},
		&v1alpha1.RuleSet{}:        {Namespaces: map[string]cache.Config{o.CheckNamespace: {}}},
		&v1alpha1.ClusterRuleSet{}: {},
		&corev1.Secret{}: {
			Namespaces: map[string]cache.Config{o.Namespace: {}},
			Label:      labels.NewSelector().Add(*ours),
		},
	}
	if o.Service != "" {
		service, err := labels.ValidatedSelectorFromSet(labels.Set{discoveryv1.LabelServiceName: o.Service})
		if err != nil {
			return nil, err
		}
		kinds[&discoveryv1.EndpointSlice{}] = cache.ByObject{
			Namespaces: map[string]cache.Config{o.Namespace: {}},
			Label:      service,
		}
	}
	return kinds, nil
}

// mapper knows the kinds' resources without asking: the facade starts while the API server is away.
func mapper() meta.RESTMapper {
	m := meta.NewDefaultRESTMapper(nil)
	add := func(version schema.GroupVersion, kind string, scope meta.RESTScope) {
		m.Add(version.WithKind(kind), scope)
		m.Add(version.WithKind(kind+"List"), scope) // the cache asks for the scope of what it lists into
	}
	add(v1alpha1.GroupVersion, "Check", meta.RESTScopeNamespace)
	add(v1alpha1.GroupVersion, "RuleSet", meta.RESTScopeNamespace)
	add(v1alpha1.GroupVersion, "ClusterRuleSet", meta.RESTScopeRoot)
	add(corev1.SchemeGroupVersion, "Secret", meta.RESTScopeNamespace)
	add(discoveryv1.SchemeGroupVersion, "EndpointSlice", meta.RESTScopeNamespace)
	return m
}

// strip takes off what nobody reads and what makes an object twice as large.
func strip(obj any) (any, error) {
	object, err := meta.Accessor(obj)
	if err != nil {
		return obj, nil //nolint:nilerr // it is a tombstone, which has no object to strip
	}
	if object.GetManagedFields() != nil {
		object.SetManagedFields(nil)
	}
	if annotations := object.GetAnnotations(); annotations[corev1.LastAppliedConfigAnnotation] != "" {
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		object.SetAnnotations(annotations)
	}
	return obj, nil
}

// packing takes the same off Checks, and packs them.
func packing(p *packed.Packer) toolscache.TransformFunc {
	return func(obj any) (any, error) {
		stripped, err := strip(obj)
		if err != nil {
			return nil, err
		}
		return p.Transform(stripped)
	}
}

func kindOf(obj runtime.Object) string {
	kind, err := apiutil.GVKForObject(obj, Scheme())
	if err != nil {
		return "unknown"
	}
	return kind.Kind
}

// logWatchError logs what a Reflector could not do, but for a watch's routine ends and its own.
func logWatchError(log logr.Logger) toolscache.WatchErrorHandlerWithContext {
	return func(ctx context.Context, r *toolscache.Reflector, err error) {
		if ctx.Err() != nil || errors.Is(err, io.EOF) || apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
			return
		}
		log.Error(err, "Could not list or watch", "kind", r.TypeDescription())
	}
}
