package controllers

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/checky-dev/checky/controllers/certificate"
)

func (o *Options) bindCertificateFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.WebhookSecret, "webhook-secret", o.WebhookSecret, "Secret with the webhooks' certificate, in place of --webhook-cert-dir: made where it is not there, renewed, and put into the webhook configuration")
	flags.StringVar(&o.WebhookService, "webhook-service", o.WebhookService, "Service that the API server calls the webhooks by, whose names their certificate has")
	flags.StringVar(&o.WebhookConfiguration, "webhook-configuration", o.WebhookConfiguration, "ValidatingWebhookConfiguration that is to trust --webhook-secret; empty: none")
	flags.StringVar(&o.APIServerSecret, "apiserver-secret", o.APIServerSecret, "Secret with the REST facade's certificate: made where it is not there, and renewed (default: none is kept)")
	flags.StringVar(&o.APIServerService, "apiserver-service", o.APIServerService, "Service that the REST facade is called by, whose names its certificate has")
}

// validateCertificates says which of the options of certificates cannot be.
func (o *Options) validateCertificates() []error {
	var problems []error
	switch given := o.WebhookCertDir != "" && o.WebhookSecret != ""; {
	case given:
		problems = append(problems, errors.New("--webhook-secret and --webhook-cert-dir: give one of them"))
	case o.Webhooks && o.WebhookCertDir == "" && o.WebhookSecret == "":
		problems = append(problems, errors.New("--webhooks needs --webhook-secret, a Secret to keep its certificate in, or --webhook-cert-dir, a folder with tls.crt and tls.key"))
	case !o.Webhooks && o.WebhookSecret != "":
		problems = append(problems, errors.New("--webhook-secret: it is of no use without --webhooks"))
	}
	if o.WebhookSecret != "" && o.WebhookSecret == o.APIServerSecret {
		problems = append(problems, errors.New("--apiserver-secret: it is the one of --webhook-secret; name another"))
	}
	for flag, name := range map[string]string{
		"--webhook-secret": o.WebhookSecret, "--apiserver-secret": o.APIServerSecret, "--webhook-configuration": o.WebhookConfiguration,
	} {
		if name != "" && len(validation.IsDNS1123Subdomain(name)) > 0 {
			problems = append(problems, fmt.Errorf("%s: it is no name that an object can have", flag))
		}
	}
	for flag, name := range map[string]string{"--webhook-service": o.WebhookService, "--apiserver-service": o.APIServerService} {
		if len(validation.IsDNS1123Label(name)) > 0 {
			problems = append(problems, fmt.Errorf("%s: it is no name that a Service can have", flag))
		}
	}
	return problems
}

// keepCertificates has a manager keep those that the options name. The webhooks serve by store.
func keepCertificates(
	mgr ctrl.Manager, o *Options, store *certificate.Store, recorder events.EventRecorder, registry prometheus.Registerer,
) error {
	var kept []*certificate.Certificate
	if o.WebhookSecret != "" {
		kept = append(kept, &certificate.Certificate{
			Secret: o.WebhookSecret, Service: o.WebhookService, WebhookConfiguration: o.WebhookConfiguration, Store: store,
		})
		if err := mgr.AddReadyzCheck("webhook-certificate", store.Ready); err != nil {
			return err
		}
	}
	if o.APIServerSecret != "" {
		kept = append(kept, &certificate.Certificate{Secret: o.APIServerSecret, Service: o.APIServerService})
	}
	if len(kept) == 0 {
		return nil
	}
	now := o.Clock
	if now == nil {
		now = clock.RealClock{}
	}
	return certificate.Setup(mgr, o.Namespace, kept, now, recorder, registry)
}
