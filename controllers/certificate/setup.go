package certificate

import (
	"context"
	"errors"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/events"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/checky-dev/checky/relist"
)

const (
	// look is how often each certificate is looked at though nothing has changed: renewals are due by the clock.
	look = time.Hour

	// firstRetry and lastRetry are how long a Secret waits that could not be read or written, at first and at most.
	firstRetry = 50 * time.Millisecond
	lastRetry  = 30 * time.Second
)

// Setup has a manager keep certificates in Secrets of a namespace, on every replica.
func Setup(mgr ctrl.Manager, namespace string, certificates []*Certificate, now clock.WithTicker, recorder events.EventRecorder, registry prometheus.Registerer) error {
	metrics, err := newCounts(registry)
	if err != nil {
		return err
	}
	r := &reconciler{
		namespace:    namespace,
		certificates: map[string]*Certificate{},
		live:         mgr.GetAPIReader(),
		writer:       mgr.GetClient(),
		clock:        now,
		events:       recorder,
		metrics:      metrics,
		reported:     map[string]finding{},
	}
	build := builder.TypedControllerManagedBy[reconcile.Request](mgr).Named("certificate").WithOptions(controller.Options{
		NeedLeaderElection:      new(false),
		MaxConcurrentReconciles: 1,
		RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
	})
	for _, c := range certificates {
		r.certificates[c.Secret] = c
		secret, err := r.watch(mgr, corev1.SchemeGroupVersion.WithKind("Secret"), namespace, c.Secret, c.Secret)
		if err != nil {
			return err
		}
		build = build.WatchesRawSource(secret)
		if c.WebhookConfiguration == "" {
			continue
		}
		kind := admissionv1.SchemeGroupVersion.WithKind("ValidatingWebhookConfiguration")
		webhooks, err := r.watch(mgr, kind, "", c.WebhookConfiguration, c.Secret)
		if err != nil {
			return err
		}
		build = build.WatchesRawSource(webhooks)
	}
	return build.WatchesRawSource(r.clockwork(now)).Complete(r)
}

// watch follows one object by its name, and looks at a Secret when it changes. The cache is one of its own: the manager's would hold
// all objects of the kind.
func (r *reconciler) watch(mgr ctrl.Manager, kind schema.GroupVersionKind, namespace, name, secret string) (source.Source, error) {
	options := cache.Options{
		Scheme:               mgr.GetScheme(),
		Mapper:               mgr.GetRESTMapper(),
		HTTPClient:           mgr.GetHTTPClient(),
		DefaultFieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, name),
		DefaultTransform:     cache.TransformStripManagedFields(),
		NewInformer:          relist.New(mgr.GetLogger().WithName("certificates")).NewInformer,
	}
	if namespace != "" {
		options.DefaultNamespaces = map[string]cache.Config{namespace: {}}
	}
	own, err := cache.New(mgr.GetConfig(), options)
	if err != nil {
		return nil, err
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(kind)
	enqueue := handler.EnqueueRequestsFromMapFunc(func(context.Context, client.Object) []reconcile.Request {
		return []reconcile.Request{r.request(secret)}
	})
	return source.Kind[client.Object](own, object, enqueue), mgr.Add(startedFirst{own})
}

// startedFirst has the manager start a cache with its own, before the controllers that wait for it.
type startedFirst struct{ cache.Cache }

// GetCache is what the manager knows such a cache by.
func (s startedFirst) GetCache() cache.Cache { return s.Cache }

func (r *reconciler) request(secret string) reconcile.Request {
	return reconcile.Request{NamespacedName: client.ObjectKey{Namespace: r.namespace, Name: secret}}
}

// clockwork looks at each certificate at the start, since a Secret that is not there makes no event, and by the clock.
func (r *reconciler) clockwork(now clock.WithTicker) source.Source {
	return source.Func(func(ctx context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
		all := func() {
			for secret := range r.certificates {
				queue.Add(r.request(secret))
			}
		}
		ticker := now.NewTicker(look)
		all()
		go func() {
			defer ticker.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-ticker.C():
					all()
				}
			}
		}()
		return nil
	})
}

// counts are what is counted of certificates. The label has the names of the flags, two at most.
type counts struct {
	expiry  *prometheus.GaugeVec
	invalid *prometheus.GaugeVec
	issued  *prometheus.CounterVec
}

func newCounts(registry prometheus.Registerer) (*counts, error) {
	label := []string{"secret"}
	m := &counts{
		expiry: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "checky_certificate_expiry_timestamp_seconds", Help: "When the certificate in use expires, by its Secret, in seconds since 1970.",
		}, label),
		invalid: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "checky_certificate_invalid", Help: "1 while what a Secret holds cannot be served by or trusted, or has expired; else 0.",
		}, label),
		issued: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "checky_certificates_issued_total", Help: "Certificates that this replica made or renewed, by their Secret.",
		}, label),
	}
	return m, errors.Join(registry.Register(m.expiry), registry.Register(m.invalid), registry.Register(m.issued))
}
