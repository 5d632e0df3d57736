package operator_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
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
	user    string
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
	return &certified{c, user, config, o}
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

// TestCertificatesHeal spoils what the operator keeps, in each way that somebody may.
func TestCertificatesHeal(t *testing.T) {
	c := newCertified(t)
	c.registerWebhooks(nil, c.options.WebhookPort)
	c.startAs(c.config, c.options)
	before := c.trusts()

	config := c.webhooks()
	for _, spoiled := range [][]byte{nil, c.webhookCertificate(t.TempDir())} {
		edit(c.cluster, config, func() { config.Webhooks[1].ClientConfig.CABundle = spoiled })
		if after := c.trusts(); !bytes.Equal(before, after) {
			t.Error("the authority is another one")
		}
	}
	secret := c.secret(webhookSecret)
	edit(c.cluster, secret, func() { secret.Data["tls.crt"] = []byte("garbage") })
	eventually(c.cluster, secret, "a new certificate", func(s *corev1.Secret) bool {
		_, err := tls.X509KeyPair(s.Data["tls.crt"], s.Data["tls.key"])
		return err == nil
	})
	if after := c.trusts(); !bytes.Equal(before, after) {
		t.Error("the authority is another one, though only the certificate was spoiled")
	}
	for _, name := range []string{webhookSecret, facadeSecret} {
		gone := c.secret(name)
		if err := c.Delete(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		eventually(c.cluster, c.secret(name), "another Secret "+name, func(s *corev1.Secret) bool { return len(s.Data["tls.crt"]) > 0 })
	}
	if after := c.trusts(); bytes.Equal(before, after) {
		t.Error("who deletes the Secret gets the same authority again")
	}
	c.awaitWebhook()
}

// TestForeignCertificate gives the operator a Secret of somebody else's: it is used, and never written.
func TestForeignCertificate(t *testing.T) {
	c := newCertified(t)
	dir := t.TempDir()
	authority := c.webhookCertificate(dir)
	key, err := os.ReadFile(dir + "/tls.key")
	if err != nil {
		t.Fatal(err)
	}
	foreign := c.secret(webhookSecret)
	foreign.Type, foreign.Data = corev1.SecretTypeTLS, map[string][]byte{"tls.crt": authority, "tls.key": key}
	foreign.Labels = map[string]string{"checky.dev/certificate": "managed"} // the annotation counts for more
	foreign.Annotations = map[string]string{"cert-manager.io/certificate-name": "x"}
	c.create(foreign)
	unlabelled := c.secret(facadeSecret)
	unlabelled.Type, unlabelled.Data = corev1.SecretTypeTLS, map[string][]byte{"tls.crt": []byte("garbage"), "tls.key": []byte("garbage")}
	c.create(unlabelled)
	c.registerWebhooks(nil, c.options.WebhookPort)
	c.options.HealthAddress = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	op := c.startAs(c.config, c.options)

	c.noted(foreign, "AuthorityUnknown", "ca.crt")
	c.noted(unlabelled, "CertificateInvalid", "tls.crt and tls.key")
	if c.bundles() != "" {
		t.Error("the webhooks trust something, though the Secret does not say what")
	}
	edit(c.cluster, foreign, func() { foreign.Data["ca.crt"] = authority })
	c.trusts()
	c.awaitWebhook()
	if code, _ := get(t, "http://"+c.options.HealthAddress+"/readyz", ""); code != http.StatusOK {
		t.Errorf("/readyz: %d", code)
	}

	edit(c.cluster, foreign, func() { foreign.Data["tls.crt"] = []byte("garbage") })
	c.noted(foreign, "CertificateInvalid", "tls.crt and tls.key")
	if gauge(t, op, "checky_certificate_invalid", webhookSecret) != 1 || gauge(t, op, "checky_certificate_invalid", facadeSecret) != 1 {
		t.Error("the metrics do not say that the Secrets are spoiled")
	}
	block, _ := pem.Decode(authority)
	last, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if got := gauge(t, op, "checky_certificate_expiry_timestamp_seconds", webhookSecret); got != float64(last.NotAfter.Unix()) {
		t.Errorf("the certificate in use expires at %v", got)
	}
	if err := c.dial(authority); err != nil {
		t.Errorf("the last good certificate is not in use: %v", err)
	}
	for _, s := range []*corev1.Secret{foreign, unlabelled} {
		now := c.secret(s.Name)
		eventually(c.cluster, now, "the Secret", func(*corev1.Secret) bool { return true })
		if now.ResourceVersion != s.ResourceVersion {
			t.Errorf("Secret %s was written", s.Name)
		}
	}
	edit(c.cluster, foreign, func() { foreign.Data["tls.crt"] = authority })
	err = wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return gauge(t, op, "checky_certificate_invalid", webhookSecret) == 0, nil
	})
	if err != nil {
		t.Error("a mended Secret is not taken")
	}
}

// bundles are the authorities that the webhooks trust, one after the other.
func (c *certified) bundles() string {
	c.t.Helper()
	config := c.webhooks()
	if err := c.Get(c.t.Context(), client.ObjectKeyFromObject(config), config); err != nil {
		c.t.Fatal(err)
	}
	var all []byte
	for i := range config.Webhooks {
		all = append(all, config.Webhooks[i].ClientConfig.CABundle...)
	}
	return string(all)
}

// noted waits for an event of a Secret.
func (c *certified) noted(secret *corev1.Secret, reason, want string) {
	c.t.Helper()
	err := wait.PollUntilContextTimeout(c.t.Context(), 50*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		for _, e := range eventsOf(c.cluster, secret) {
			if e.Reason == reason && strings.Contains(e.Note, want) {
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		c.t.Fatalf("no event of Secret %s says %q", secret.Name, want)
	}
}

// gauge reads a gauge by the value of its one label; -1: there is none.
func gauge(t *testing.T, op *operator, name, label string) float64 {
	t.Helper()
	families, err := op.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetValue() == label {
				return m.GetGauge().GetValue()
			}
		}
	}
	return -1
}

// dial makes a connection to the webhooks, as somebody who trusts what he is given.
func (c *certified) dial(authorities []byte) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authorities)
	dialer := &tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}}
	conn, err := dialer.DialContext(context.WithoutCancel(c.t.Context()), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(c.options.WebhookPort)))
	if err != nil {
		return err
	}
	return conn.Close()
}

// serves waits until the webhooks serve by a certificate that somebody takes who trusts these authorities.
func (c *certified) serves(authorities []byte) {
	c.t.Helper()
	err := wait.PollUntilContextTimeout(c.t.Context(), 20*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return c.dial(authorities) == nil, nil
	})
	if err != nil {
		c.t.Fatalf("the webhooks serve by another authority, or not: %v", c.dial(authorities))
	}
}

// TestCertificatesRace starts several operators at once where there is nothing: they agree on one authority.
func TestCertificatesRace(t *testing.T) {
	c := newCertified(t)
	c.registerWebhooks(nil, c.options.WebhookPort)
	var operators []*operator
	ports := []int{c.options.WebhookPort, freePort(t), freePort(t)}
	for _, port := range ports {
		o := c.options
		o.WebhookPort = port
		operators = append(operators, c.startAs(c.config, o))
	}
	authority := c.trusts()
	for _, port := range ports {
		c.options.WebhookPort = port
		c.serves(authority)
	}
	made := 0.0
	for _, op := range operators {
		made += counter(t, op, "checky_certificates_issued_total", webhookSecret)
	}
	if made != 1 || !bytes.Equal(authority, c.trusts()) {
		t.Errorf("%v certificates were made", made)
	}
}

// TestCertificatesWithoutLeader starts an operator while another, of which nobody knows whether it keeps certificates, leads.
func TestCertificatesWithoutLeader(t *testing.T) {
	c := newCertified(t)
	c.create(
		&coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "checky-controller"},
			Spec: coordinationv1.LeaseSpec{
				HolderIdentity: new("old"), LeaseDurationSeconds: new(int32(3600)),
				AcquireTime: &metav1.MicroTime{Time: time.Now()}, RenewTime: &metav1.MicroTime{Time: time.Now()},
			},
		},
		&rbacv1.Role{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "leases"},
			Rules:      []rbacv1.PolicyRule{{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"get", "create", "update"}}},
		},
		&rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "leases"},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: "leases"},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: c.user}},
		},
	)
	c.options.LeaderElection, c.options.LeaderElectionNamespace = true, c.namespace
	c.registerWebhooks(nil, c.options.WebhookPort)
	op := c.startAs(c.config, c.options)
	c.serves(c.trusts())
	c.awaitWebhook()
	if n := evaluations(t, op); n != 0 {
		t.Errorf("the standby evaluated %v times", n)
	}
}

// TestCertificateRights tries, as the operator, what the role for certificates has to refuse.
func TestCertificateRights(t *testing.T) {
	c := newCertified(t)
	c.create(c.secret("other"))
	user, err := client.New(c.config, client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	token := c.secret(facadeSecret)
	token.Type = corev1.SecretTypeServiceAccountToken
	token.Annotations = map[string]string{corev1.ServiceAccountNameKey: "default"}
	for name, try := range map[string]func() error{
		"update another Secret": func() error { return user.Update(t.Context(), c.secret("other")) },
		"delete its own":        func() error { return user.Delete(t.Context(), c.secret(webhookSecret)) },
		"list all webhooks":     func() error { return user.List(t.Context(), &admissionv1.ValidatingWebhookConfigurationList{}) },
		"create a ServiceAccount's token": func() error {
			return wait.PollUntilContextTimeout(t.Context(), 50*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
				err := user.Create(ctx, token.DeepCopy())
				if err != nil || c.Delete(ctx, token.DeepCopy()) != nil { // until the API server knows the policy
					return true, err
				}
				return false, nil
			})
		},
	} {
		if err := try(); !apierrors.IsForbidden(err) && !apierrors.IsInvalid(err) {
			t.Errorf("it may %s: %v", name, err)
		}
	}
}
