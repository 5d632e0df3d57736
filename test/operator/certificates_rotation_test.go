package operator_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	certutil "k8s.io/client-go/util/cert"
	testclock "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestCertificatesRotate renews authority and certificate while the API server calls the webhooks all the time, which now fail where
// they cannot be called, and while strangers connect with what the webhooks trust at the moment. Nobody is refused.
func TestCertificatesRotate(t *testing.T) {
	c := newCertified(t)
	now := time.Now()
	clock := testclock.NewFakeClock(now.Add(-120 * time.Hour))
	c.options.Clock = clock
	c.create(c.oldSecret(now))
	first := c.secret(webhookSecret)
	eventually(c.cluster, first, "the Secret", func(*corev1.Secret) bool { return true })
	c.registerWebhooks(first.Data["ca.crt"], c.options.WebhookPort)
	config := c.webhooks()
	edit(c.cluster, config, func() {
		for i := range config.Webhooks {
			config.Webhooks[i].FailurePolicy = new(admissionv1.Fail)
			config.Webhooks[i].NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": c.namespace}}
		}
	})
	c.startAs(c.config, c.options)
	c.serves(c.trusts())

	h := c.hammer()
	for _, step := range []struct {
		by          time.Duration
		authorities int
		same        bool // the certificate
	}{
		{0, 2, true},               // 115 h before now, the authority is older than two thirds of its life
		{84 * time.Hour, 2, false}, // 36 h before now the certificate is, and the new authority known for long
		{34 * time.Hour, 1, false}, // 2 h before now the old authority goes
	} {
		clock.Step(step.by)
		eventually(c.cluster, c.secret(webhookSecret), "the next step", func(s *corev1.Secret) bool {
			list, err := certutil.ParseCertsPEM(s.Data["ca.crt"])
			return err == nil && len(list) == step.authorities && bytes.Equal(s.Data["tls.crt"], first.Data["tls.crt"]) == step.same
		})
		c.trusts()
		h.more()
	}
	h.end()
	t.Logf("%d calls and %d connections", h.calls.Load(), h.dials.Load())
}

// oldSecret has an authority of 8 years and a certificate of 61.6 days: one is due 5 days before now, the other 38 hours.
func (c *certified) oldSecret(now time.Time) *corev1.Secret {
	c.t.Helper()
	const day = 24 * time.Hour
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "old"}, NotBefore: now.Add(-8 * 365 * day), NotAfter: now.Add(2 * 365 * day),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: now.Add(-60*day - 38*time.Hour), NotAfter: now.Add(30*day - 38*time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
	}
	for _, end := range []string{"", "." + c.namespace, "." + c.namespace + ".svc", "." + c.namespace + ".svc.cluster.local"} {
		leaf.DNSNames = append(leaf.DNSNames, "checky-webhook-service"+end)
	}
	data := map[string][]byte{}
	var signer *ecdsa.PrivateKey
	for _, made := range []struct {
		template         *x509.Certificate
		certificate, key string
	}{{authority, "ca.crt", "ca.key"}, {leaf, "tls.crt", "tls.key"}} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			c.t.Fatal(err)
		}
		if signer == nil {
			signer = key
		}
		der, err := x509.CreateCertificate(rand.Reader, made.template, authority, key.Public(), signer)
		if err != nil {
			c.t.Fatal(err)
		}
		text, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			c.t.Fatal(err)
		}
		data[made.certificate] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
		data[made.key] = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})
	}
	secret := c.secret(webhookSecret)
	secret.Type, secret.Data = corev1.SecretTypeTLS, data
	secret.Labels = map[string]string{"checky.dev/certificate": "managed"}
	return secret
}

// hammer is what goes on while certificates change.
type hammer struct {
	c            *certified
	stop         context.CancelFunc
	group        sync.WaitGroup
	calls, dials atomic.Int64
}

// hammer has the API server call the webhooks from four sides, and strangers connect from two, until it is ended.
func (c *certified) hammer() *hammer {
	ctx, stop := context.WithCancel(c.t.Context())
	h := &hammer{c: c, stop: stop}
	set, err := decode(c.Scheme(), orders)
	if err != nil {
		c.t.Fatal(err)
	}
	set.SetNamespace(c.namespace)
	for range 4 {
		h.group.Go(func() {
			for ctx.Err() == nil {
				if err := c.Create(ctx, set.DeepCopyObject().(client.Object), client.DryRunAll); err != nil && ctx.Err() == nil { //nolint:forcetypeassert // it is one
					c.t.Errorf("a request was refused: %v", err)
					return
				}
				h.calls.Add(1)
			}
		})
	}
	for range 2 {
		h.group.Go(func() {
			for ctx.Err() == nil {
				config := c.webhooks()
				if err := c.Get(ctx, client.ObjectKeyFromObject(config), config); err != nil {
					continue
				}
				if err := c.dial(config.Webhooks[0].ClientConfig.CABundle); err != nil {
					c.t.Errorf("a connection was refused: %v", err)
					return
				}
				h.dials.Add(1)
			}
		})
	}
	c.t.Cleanup(h.end)
	return h
}

// more waits until some calls and connections have come and gone.
func (h *hammer) more() {
	h.c.t.Helper()
	calls, dials := h.calls.Load()+20, h.dials.Load()+20
	err := wait.PollUntilContextTimeout(h.c.t.Context(), 10*time.Millisecond, patience, true, func(context.Context) (bool, error) {
		return h.c.t.Failed() || h.calls.Load() > calls && h.dials.Load() > dials, nil
	})
	if err != nil {
		h.c.t.Fatal(err)
	}
}

func (h *hammer) end() {
	h.stop()
	h.group.Wait()
}
