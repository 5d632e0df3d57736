package cluster

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	certutil "k8s.io/client-go/util/cert"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/test/chaos/plan"
)

// webhookName is that of the API server's configuration of Checky's webhooks.
const webhookName = "checky-validating-webhook-configuration"

// prepare makes what an installation has beside the kinds and roles: who may make Checks, a node, and a policy by which what is critical
// sounds at once, and once.
func (c *Cluster) prepare(ctx context.Context) error {
	certificate, key, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		return err
	}
	c.authority = certificate
	err = errors.Join(os.WriteFile(c.path("webhook", "tls.crt"), certificate, 0o600), os.WriteFile(c.path("webhook", "tls.key"), key, 0o600))
	for _, object := range []client.Object{
		&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: Namespace, Name: "checky-apiserver-checks"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "checky-apiserver-checks"},
			Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "checky-apiserver", Namespace: system}},
		},
		&v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: "critical"}, Spec: v1alpha1.AlertPolicySpec{
			MinSeverity: v1alpha1.SeverityCritical, GroupWait: &metav1.Duration{},
			GroupInterval: &metav1.Duration{Duration: time.Second}, RepeatInterval: &metav1.Duration{},
		}},
	} {
		err = errors.Join(err, c.client.Create(ctx, object))
	}
	return err
}

// startWebhook has the API server ask the controllers about what is written: any that is up, as by a Service.
func (c *Cluster) startWebhook(ctx context.Context) error {
	var next atomic.Int64
	err := c.linkTo(plan.Webhook, func() string {
		for range c.webhooks {
			if to := c.webhooks[int(next.Add(1))%len(c.webhooks)]; listens(to) {
				return to
			}
		}
		return ""
	})
	if err != nil {
		return err
	}
	url := "https://" + c.links[plan.Webhook].Address() + "/validate-checky-dev-v1alpha1-"
	ignore, none := admissionv1.Ignore, admissionv1.SideEffectClassNone
	hooks := &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: webhookName}}
	for _, kind := range []string{"check", "ruleset"} {
		target := url + kind
		hooks.Webhooks = append(hooks.Webhooks, admissionv1.ValidatingWebhook{
			Name: kind + ".checky.dev", FailurePolicy: &ignore, SideEffects: &none, AdmissionReviewVersions: []string{"v1"},
			ClientConfig: admissionv1.WebhookClientConfig{URL: &target, CABundle: c.authority},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
				Rule:       admissionv1.Rule{APIGroups: []string{v1alpha1.GroupVersion.Group}, APIVersions: []string{"v1alpha1"}, Resources: []string{kind + "s"}},
			}},
		})
	}
	return c.client.Create(ctx, hooks)
}

// listens tells whether somebody takes connections at an address.
func listens(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second) //nolint:noctx // it has a time limit
	if err != nil {
		return false
	}
	_ = conn.Close() // nothing was sent
	return true
}

// failurePolicy says what becomes of a write about which no webhook can be asked. The API server may be away when it is to be changed.
func (c *Cluster) failurePolicy(ctx context.Context, policy admissionv1.FailurePolicyType) error {
	return retry.OnError(retry.DefaultBackoff, func(error) bool { return ctx.Err() == nil }, func() error {
		hooks := &admissionv1.ValidatingWebhookConfiguration{}
		if err := c.client.Get(ctx, client.ObjectKey{Name: webhookName}, hooks); err != nil {
			return err
		}
		for i := range hooks.Webhooks {
			if strings.HasSuffix(hooks.Webhooks[i].Name, ".checky.dev") {
				hooks.Webhooks[i].FailurePolicy = &policy
			}
		}
		return c.client.Update(ctx, hooks)
	})
}
