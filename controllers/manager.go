package controllers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/webhook"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	checky "github.com/checky-dev/checky"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/controllers/admission"
	"github.com/checky-dev/checky/controllers/alertpolicy"
	"github.com/checky-dev/checky/controllers/certificate"
	"github.com/checky-dev/checky/controllers/check"
	"github.com/checky-dev/checky/controllers/flood"
	"github.com/checky-dev/checky/controllers/metrics"
	"github.com/checky-dev/checky/controllers/retention"
	"github.com/checky-dev/checky/controllers/ruleset"
	"github.com/checky-dev/checky/controllers/silence"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/relist"
	"github.com/checky-dev/checky/rules/builtin"
)

// The lease of the leader election, whose name can not be asked about before it is there; and who scrapes the metrics, and whether they may.
//
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,verbs=create,namespace=checky-system
// +kubebuilder:rbac:groups=coordination.k8s.io,resources=leases,resourceNames=checky-controller,verbs=get;update,namespace=checky-system
// +kubebuilder:rbac:groups=authentication.k8s.io,resources=tokenreviews,verbs=create
// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// controllerName is who reports Events.
const controllerName = "checky-controller"

// leaseName is the name of the leader election's lease.
const leaseName = "checky-controller"

// New makes a manager that runs the operator when it is started. The registry takes the operator's own metrics; nil
// stands for controller-runtime's, which the manager serves.
func New(ctx context.Context, cluster *rest.Config, o Options, registry controllermetrics.RegistererGatherer) (manager.Manager, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if registry == nil {
		registry = controllermetrics.Registry
	}
	counts, err := metrics.New(registry)
	if err != nil {
		return nil, err
	}
	serving := &certificate.Store{}
	mgr, err := newManager(cluster, &o, serving)
	if err != nil {
		return nil, err
	}
	recorder := mgr.GetEventRecorder(controllerName)
	knowledge, err := openKnowledge(mgr, &o, counts, recorder)
	if err != nil {
		return nil, err
	}
	if err := metrics.WatchKnowledge(registry, knowledge.Stats); err != nil {
		return nil, err
	}
	if err := mgr.Add(manager.RunnableFunc(knowledge.Run)); err != nil {
		return nil, err
	}
	if err := keepCertificates(mgr, &o, serving, recorder, registry); err != nil {
		return nil, err
	}
	return mgr, setup(ctx, mgr, &o, counts, recorder, knowledge)
}

// Scheme knows the kinds that the operator deals in.
func Scheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	return scheme, errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme))
}

func newManager(cluster *rest.Config, o *Options, certificates *certificate.Store) (manager.Manager, error) {
	scheme, err := Scheme()
	if err != nil {
		return nil, err
	}
	cluster = rest.CopyConfig(cluster)
	cluster.QPS = -1 // the API server's priority and fairness paces the controller
	serving := metricsserver.Options{BindAddress: o.MetricsAddress, SecureServing: o.SecureMetrics}
	if o.SecureMetrics {
		serving.FilterProvider = filters.WithAuthenticationAndAuthorization
	}
	options := ctrl.Options{
		Scheme:                        scheme,
		Metrics:                       serving,
		HealthProbeBindAddress:        o.HealthAddress,
		LeaderElection:                o.LeaderElection,
		LeaderElectionID:              leaseName,
		LeaderElectionNamespace:       o.LeaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
		Controller:                    config.Controller{SkipNameValidation: new(true)}, // several managers may run in one process
		Cache: cache.Options{
			DefaultTransform: cache.TransformStripManagedFields(),
			NewInformer:      relist.New(ctrl.Log.WithName("cache")).NewInformer,
			ByObject:         map[client.Object]cache.ByObject{&v1alpha1.Check{}: {Transform: check.NewStripper().Strip}},
		},
	}
	if o.Webhooks {
		serving := webhook.Options{Port: o.WebhookPort, CertDir: o.WebhookCertDir}
		if o.WebhookSecret != "" {
			serving.TLSOpts = []func(*tls.Config){func(c *tls.Config) { c.GetCertificate = certificates.GetCertificate }}
		}
		options.WebhookServer = admission.Bounded(webhook.NewServer(serving))
	}
	return ctrl.NewManager(cluster, options)
}

// openKnowledge opens the knowledge file. Its reloads are logged and counted; one that fails makes an event on the
// controller's Pod.
func openKnowledge(mgr manager.Manager, o *Options, counts *metrics.Metrics, recorder events.EventRecorder) (*rag.Library, error) {
	log := mgr.GetLogger().WithName("knowledge")
	options := rag.Options{Compiled: checky.KnowledgeIndex, Observer: rag.Observer{
		Reloaded: func(s rag.Stats) {
			counts.Reloaded()
			log.Info("Reloaded the knowledge file", "file", s.File, "entries", s.Entries, "version", s.Version)
		},
		ReloadFailed: func(err error) {
			counts.ReloadFailed()
			log.Error(err, "Could not reload the knowledge file; the last good version stays in use")
			if o.PodName != "" {
				pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: o.PodName, Namespace: o.PodNamespace}}
				recorder.Eventf(pod, nil, corev1.EventTypeWarning, "KnowledgeReloadFailed", "Reload", "%s", err)
			}
		},
	}}
	if o.Knowledge == "" {
		return rag.New(checky.KnowledgeName, checky.Knowledge, options)
	}
	library, err := rag.Open(o.Knowledge, options)
	if err != nil {
		return nil, fmt.Errorf("--knowledge: %w", err)
	}
	return library, nil
}

func setup(ctx context.Context, mgr manager.Manager, o *Options, counts *metrics.Metrics, recorder events.EventRecorder, knowledge rag.Retriever) error {
	library := engine.NewLibrary(builtin.New())
	verdicts := flood.New(flood.Options{
		Next: recorder, Writer: mgr.GetClient(), Scheme: mgr.GetScheme(), Controller: controllerName, Gathered: counts.EventGathered, Clock: clock.RealClock{},
		Listing: func(namespace string) string {
			return "kubectl get checks -n " + namespace + " --field-selector status.phase!=" + string(v1alpha1.PhaseSuccess)
		},
	})
	statuses, err := check.NewStatusWriter(mgr.GetConfig(), mgr.GetHTTPClient(), mgr.GetScheme())
	if err != nil {
		return err
	}
	checks := &check.Reconciler{
		Client:     mgr.GetClient(),
		Statuses:   statuses,
		Live:       mgr.GetAPIReader(),
		Engine:     &engine.Engine{Retriever: knowledge},
		Library:    library,
		Events:     verdicts,
		Metrics:    counts,
		DefaultTTL: o.DefaultTTL,
		Clock:      clock.RealClock{},
	}
	sounds, err := alertpolicy.NewSounds(mgr, o.Namespace)
	if err != nil {
		return err
	}
	policies := &alertpolicy.Reconciler{Client: mgr.GetClient(), Sounds: sounds, Metrics: counts, Events: recorder, Clock: clock.RealClock{}}
	silences := &silence.Reconciler{Client: mgr.GetClient(), Events: recorder, Clock: clock.RealClock{}}
	keep := &retention.Reconciler{Client: mgr.GetClient(), Metrics: counts, Cap: o.MaxFinished, Concurrency: o.Concurrency}
	err = errors.Join(
		checks.SetupWithManager(ctx, mgr, o.Concurrency),
		ruleset.Setup(mgr, library, recorder),
		policies.SetupWithManager(ctx, mgr),
		silences.SetupWithManager(mgr),
		keep.SetupWithManager(ctx, mgr),
		mgr.Add(verdicts),
		mgr.AddHealthzCheck("ping", healthz.Ping),
		mgr.AddReadyzCheck("ping", healthz.Ping),
	)
	if err != nil || !o.Webhooks {
		return err
	}
	return errors.Join(
		admission.Setup(mgr, library, clock.RealClock{}),
		mgr.AddReadyzCheck("webhooks", mgr.GetWebhookServer().StartedChecker()),
	)
}
