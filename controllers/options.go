package controllers

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/utils/clock"
)

// Options are what an operator chooses when the controller is installed.
type Options struct {
	// MetricsAddress is where metrics are served; "0" serves none.
	MetricsAddress string
	// SecureMetrics serves them by TLS, to callers whom the API server authenticates and authorizes.
	SecureMetrics bool
	// HealthAddress is where /healthz and /readyz are served; "0" serves none.
	HealthAddress string
	// LeaderElection lets one of several replicas work at a time.
	LeaderElection bool
	// LeaderElectionNamespace is where its lease is; empty: the namespace that the controller runs in.
	LeaderElectionNamespace string
	// Knowledge is the path of the knowledge file; empty: the one that ships with Checky.
	Knowledge string
	// DefaultTTL is how long finished Checks are kept that do not say so themselves. 0: for ever.
	DefaultTTL time.Duration
	// MaxFinished is how many finished Checks a namespace may keep. 0: no limit.
	MaxFinished int
	// Concurrency is how many Checks are worked on at a time, and how many are deleted at a time where a namespace has too many.
	Concurrency int
	// Webhooks serves the validating webhooks.
	Webhooks bool
	// WebhookPort is the port that they are served on.
	WebhookPort int
	// WebhookCertDir holds tls.crt and tls.key for them.
	WebhookCertDir string
	// WebhookSecret is the Secret, in Namespace, with their certificate, in place of WebhookCertDir; it is made where it is not there.
	WebhookSecret string
	// WebhookService is the Service that the API server calls them by.
	WebhookService string
	// WebhookConfiguration is the ValidatingWebhookConfiguration that is to trust WebhookSecret; empty: none.
	WebhookConfiguration string
	// APIServerSecret is the Secret, in Namespace, with the REST facade's certificate; it is made where it is not there. Empty: none is kept.
	APIServerSecret string
	// APIServerService is the Service that the facade is called by.
	APIServerService string
	// Clock tells when certificates are due; nil: the system's.
	Clock clock.WithTicker
	// Namespace is Checky's own, where the ConfigMaps with the sounds of AlertPolicies are, and the Secrets with certificates.
	Namespace string
	// PodName and PodNamespace name the controller's own Pod, for events that concern no Check. Empty: none are made.
	PodName, PodNamespace string
}

// DefaultOptions are those of an installed controller.
func DefaultOptions() Options {
	return Options{
		MetricsAddress: ":8443",
		SecureMetrics:  true,
		HealthAddress:  ":8081",
		DefaultTTL:     24 * time.Hour,
		MaxFinished:    1000,
		Concurrency:    16,
		WebhookPort:    9443,
		Namespace:      "checky-system",

		WebhookService:       "checky-webhook-service",
		WebhookConfiguration: "checky-validating-webhook-configuration",
		APIServerService:     "checky-apiserver",
	}
}

// BindFlags makes a flag of each option.
func (o *Options) BindFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.MetricsAddress, "metrics-bind-address", o.MetricsAddress, `address to serve metrics on; "0" serves none`)
	flags.BoolVar(&o.SecureMetrics, "metrics-secure", o.SecureMetrics, "serve metrics by TLS, to callers whom the API server authenticates and authorizes")
	flags.StringVar(&o.HealthAddress, "health-probe-bind-address", o.HealthAddress, `address to serve /healthz and /readyz on; "0" serves none`)
	flags.BoolVar(&o.LeaderElection, "leader-elect", o.LeaderElection, "let one of several replicas work at a time")
	flags.StringVar(&o.LeaderElectionNamespace, "leader-election-namespace", o.LeaderElectionNamespace, "namespace of the leader election's lease (default: the controller's own)")
	flags.StringVar(&o.Knowledge, "knowledge", o.Knowledge, "knowledge file to explain verdicts with; it is followed when it changes (default: the one that ships with Checky)")
	flags.DurationVar(&o.DefaultTTL, "default-ttl", o.DefaultTTL, "how long finished Checks are kept that do not set ttlSecondsAfterFinished; 0 keeps them")
	flags.IntVar(&o.MaxFinished, "max-finished-per-namespace", o.MaxFinished, "how many finished Checks a namespace may keep, the newest, shared fairly among the owners that the REST facade serves; 0 sets no limit")
	flags.IntVar(&o.Concurrency, "concurrency", o.Concurrency, "how many Checks are worked on at a time")
	flags.BoolVar(&o.Webhooks, "webhooks", o.Webhooks, "serve the validating webhooks")
	flags.IntVar(&o.WebhookPort, "webhook-port", o.WebhookPort, "port of the validating webhooks")
	flags.StringVar(&o.WebhookCertDir, "webhook-cert-dir", o.WebhookCertDir, "folder with tls.crt and tls.key of the validating webhooks")
	o.bindCertificateFlags(flags)
	flags.StringVar(&o.Namespace, "namespace", o.Namespace, "Checky's own namespace, where ConfigMaps with sounds and Secrets with certificates are")
	flags.StringVar(&o.PodName, "pod-name", o.PodName, "name of the controller's own Pod, for its events")
	flags.StringVar(&o.PodNamespace, "pod-namespace", o.PodNamespace, "namespace of the controller's own Pod, for its events")
}

// maxConcurrency bounds how many Checks are worked on at a time: each may hold a payload and its decoded form.
const maxConcurrency = 256

// Validate says which options cannot be, naming the flag.
func (o *Options) Validate() error {
	var problems []error
	if o.DefaultTTL < 0 {
		problems = append(problems, fmt.Errorf("--default-ttl: %s is negative; give 0 or more", o.DefaultTTL))
	}
	if o.MaxFinished < 0 {
		problems = append(problems, fmt.Errorf("--max-finished-per-namespace: %d is negative; give 0 or more", o.MaxFinished))
	}
	if o.Concurrency < 1 || o.Concurrency > maxConcurrency {
		problems = append(problems, fmt.Errorf("--concurrency: %d is not between 1 and %d", o.Concurrency, maxConcurrency))
	}
	problems = append(problems, o.validateCertificates()...)
	if len(validation.IsDNS1123Label(o.Namespace)) > 0 {
		problems = append(problems, errors.New("--namespace: it is no name that a namespace can have"))
	}
	return errors.Join(problems...)
}
