package operator_test

import (
	"bytes"
	"os"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
	"github.com/checky-dev/checky/controllers"
)

const (
	webhookSecret = "checky-webhook-tls"
	facadeSecret  = "checky-apiserver-tls"
)

// certified is a namespace with an operator that keeps certificates.
type certified struct {
	*cluster
	config  *rest.Config
	options controllers.Options
}

// newCertified has an operator in a namespace that may do what the deployed controller may there, and no more.
func newCertified(t *testing.T) *certified {
	t.Helper()
	c := newCluster(t)
	c.operatorConfig() // what all operators may
	user := "checky-controller-of-" + c.namespace
	for _, role := range []string{"checky-controller", "test-inputs"} {
		binding := bindTo(role)
		binding.Name, binding.Subjects[0].Name = role+"-"+c.namespace, user
		c.create(binding)
	}
	text, err := os.ReadFile("../../config/rbac/certificates.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		document = bytes.ReplaceAll(document, []byte("system:serviceaccount:checky-system:checky-controller"), []byte(user))
		object, err := decode(c.Scheme(), string(document))
		if err != nil {
			t.Fatal(err)
		}
		switch o := object.(type) {
		case *rbacv1.RoleBinding:
			o.Subjects = []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}
		case *rbacv1.ClusterRoleBinding:
			o.Subjects = []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}
		}
		if object.GetNamespace() != "" {
			object.SetNamespace(c.namespace)
		}
		c.create(object)
	}
	config, err := controlplanetest.Start(t).UserConfig(user)
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions()
	o.Namespace, o.Webhooks, o.WebhookPort = c.namespace, true, freePort(t)
	o.WebhookSecret, o.APIServerSecret = webhookSecret, facadeSecret
	return &certified{c, config, o}
}

func (c *certified) secret(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: name}}
}

func (c *certified) webhooks() *admissionv1.ValidatingWebhookConfiguration {
	return &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: "checky-validating-webhook-configuration"}}
}

// trusts waits until every webhook trusts what a Secret says.
func (c *certified) trusts() []byte {
	c.t.Helper()
	var authority []byte
	eventually(c.cluster, c.webhooks(), "the webhooks trust the authority", func(config *admissionv1.ValidatingWebhookConfiguration) bool {
		secret := c.secret(webhookSecret)
		if err := c.Get(c.t.Context(), client.ObjectKeyFromObject(secret), secret); apierrors.IsNotFound(err) {
			return false
		} else if err != nil {
			c.t.Fatal(err)
		}
		authority = secret.Data["ca.crt"]
		for i := range config.Webhooks {
			if len(authority) == 0 || !bytes.Equal(config.Webhooks[i].ClientConfig.CABundle, authority) {
				return false
			}
		}
		return true
	})
	return authority
}

// TestCertificates starts an operator where there is nothing: its webhooks are called with what it made.
func TestCertificates(t *testing.T) {
	c := newCertified(t)
	c.registerWebhooks(nil, c.options.WebhookPort)
	c.startAs(c.config, c.options)
	c.awaitWebhook()
	c.trusts()
	for _, name := range []string{webhookSecret, facadeSecret} {
		eventually(c.cluster, c.secret(name), "Secret "+name, func(s *corev1.Secret) bool {
			return s.Type == corev1.SecretTypeTLS && s.Labels["checky.dev/certificate"] == "managed"
		})
	}
}
