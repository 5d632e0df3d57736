package e2e_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

const (
	webhookSecret = "checky-webhook-tls"
	facadeSecret  = "checky-apiserver-tls"
	facadeName    = "checky-apiserver." + system + ".svc"
)

// newCertificates deletes what signs and what is signed of both, and waits until the facade serves by the new certificate and the API server
// trusts the webhooks' again. No container restarts for that.
func (c *cluster) newCertificates(f *facade) {
	c.t.Helper()
	before := c.replicas()
	old := map[string][]byte{}
	for _, name := range []string{webhookSecret, facadeSecret} {
		var secret corev1.Secret
		c.get(&secret, name)
		old[name] = secret.Data["ca.crt"]
	}
	c.kubectl("-n", system, "delete", "secret", webhookSecret, facadeSecret)
	c.managed(facadeSecret, old[facadeSecret])
	c.trust(f)
	c.servedBy(facadeSecret)
	c.managed(webhookSecret, old[webhookSecret])
	c.await("the webhooks refuse a rule that does not compile", func(ctx context.Context) error {
		bad := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "bad"}, Spec: v1alpha1.RuleSetSpec{
			Rules: []v1alpha1.Rule{{Name: "bad", CEL: &v1alpha1.CELRule{Expression: "input.("}}},
		}}
		switch err := c.Create(ctx, bad, client.DryRunAll); {
		case err == nil:
			return errors.New("it was taken")
		case !strings.Contains(err.Error(), "denied the request"):
			return err
		}
		return nil
	})
	if after := c.replicas(); after != before {
		c.t.Errorf("the Pods were %s and are %s", before, after)
	}
}

// managed waits until the controller has made a Secret with another authority.
func (c *cluster) managed(name string, old []byte) {
	c.t.Helper()
	c.await("a new "+name, func(ctx context.Context) error {
		var secret corev1.Secret
		if err := c.Get(ctx, client.ObjectKey{Namespace: system, Name: name}, &secret); err != nil {
			return err
		}
		if secret.Labels["checky.dev/certificate"] != "managed" || len(secret.Data["ca.crt"]) == 0 || bytes.Equal(secret.Data["ca.crt"], old) {
			return errors.New("it is the old one still")
		}
		return nil
	})
}

// replicas names the Pods of controller and facade, with their restarts.
func (c *cluster) replicas() string {
	c.t.Helper()
	var all []string
	for _, component := range []string{"controller", "apiserver"} {
		for _, pod := range c.pods(component) {
			for _, status := range pod.Status.ContainerStatuses {
				all = append(all, fmt.Sprintf("%s (%d restarts)", pod.Name, status.RestartCount))
			}
		}
	}
	return strings.Join(all, ", ")
}

// servedBy waits until each Pod of the facade serves by the certificate that a Secret holds.
func (c *cluster) servedBy(name string) {
	c.t.Helper()
	var secret corev1.Secret
	c.get(&secret, name)
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(secret.Data["ca.crt"]) {
		c.t.Fatalf("Secret %s has no ca.crt", name)
	}
	dialer := tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: facadeName}}
	for _, pod := range c.pods("apiserver") {
		c.await("Pod "+pod.Name+" serves by the new certificate", func(ctx context.Context) error {
			connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(pod.Status.PodIP, "8443"))
			if err != nil {
				return err
			}
			return connection.Close()
		})
	}
}

// ownCertificate puts a certificate of somebody else's authority in the place of the facade's, which the controller has to leave alone, and
// then hands it back.
func (c *cluster) ownCertificate(f *facade) {
	c.t.Helper()
	ctx := c.t.Context()
	before := c.replicas()
	var secret corev1.Secret
	c.get(&secret, facadeSecret)
	var err error
	secret.Labels, secret.Annotations = nil, nil
	if secret.Data, err = certificateOf(facadeName); err != nil {
		c.t.Fatal(err)
	}
	if err := c.Update(ctx, &secret); err != nil {
		c.t.Fatal(err)
	}
	own := secret.ResourceVersion
	c.trust(f)
	c.servedBy(facadeSecret)
	c.get(&secret, facadeSecret)
	if secret.ResourceVersion != own {
		c.t.Error("the controller has written to a Secret that is not its own")
	}
	c.kubectl("-n", system, "delete", "secret", facadeSecret)
	c.managed(facadeSecret, secret.Data["ca.crt"])
	c.trust(f)
	c.servedBy(facadeSecret)
	if after := c.replicas(); after != before {
		c.t.Errorf("the Pods were %s and are %s", before, after)
	}
}

// certificateOf makes an authority and a certificate for a name.
func certificateOf(name string) (map[string][]byte, error) {
	now := time.Now()
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority of the owner's"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, NotBefore: authority.NotBefore, NotAfter: authority.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	root, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), authorityKey)
	if err != nil {
		return nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"ca.crt":  pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root}),
		"tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}),
		"tls.key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}),
	}, nil
}

// knowledgeKey is the knowledge file in the ConfigMap checky-knowledge.
const knowledgeKey = "rag-content.txt"

// changeKnowledge has new verdicts cite a new line, spoils the file, which changes nothing but makes an Event, and puts back what was there.
func (c *cluster) changeKnowledge() {
	c.t.Helper()
	ctx := c.t.Context()
	var config corev1.ConfigMap
	c.get(&config, "checky-knowledge")
	shipped := config.Data[knowledgeKey]
	set := func(text string, binary []byte) {
		c.t.Helper()
		config.Data, config.BinaryData = map[string]string{knowledgeKey: text}, nil
		if binary != nil {
			config.Data, config.BinaryData = nil, map[string][]byte{knowledgeKey: binary}
		}
		if err := c.Update(ctx, &config); err != nil {
			c.t.Fatal(err)
		}
	}
	set("## Harbour dues\nThe limit of a harbour's dues is one hundred: ask the night clerk.\n", nil)
	c.await("verdicts cite the new line", func(ctx context.Context) error { return c.explained(ctx, "night clerk", "[rag-content.txt:2]") })
	set("", []byte("\xff\x00 garbage"))
	c.await("the Event KnowledgeReloadFailed", func(ctx context.Context) error {
		var events eventsv1.EventList
		if err := c.List(ctx, &events, client.InNamespace(system)); err != nil {
			return err
		}
		for i := range events.Items {
			if events.Items[i].Reason == "KnowledgeReloadFailed" {
				return nil
			}
		}
		return errors.New("there is none")
	})
	if err := c.explained(ctx, "night clerk", "[rag-content.txt:2]"); err != nil {
		c.t.Errorf("the last good knowledge file is not in use: %v", err)
	}
	set(shipped, nil)
	c.await("verdicts cite what was shipped", func(ctx context.Context) error { return c.explained(ctx, "[rag-content.txt:") })
}

// explained has a new Check fail, and tells whether its explanation has some texts.
func (c *cluster) explained(ctx context.Context, texts ...string) error {
	check := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Namespace: "default", GenerateName: "dues-"}, Spec: v1alpha1.CheckSpec{
		InputJSON: `{"dues": 700}`,
		Rules: []v1alpha1.Rule{{
			Name: "dues", CEL: &v1alpha1.CELRule{Expression: "input.dues <= 100"}, Explain: &v1alpha1.Explain{Query: "limit of harbour dues, above the maximum"},
		}},
	}}
	if err := c.Create(ctx, check); err != nil {
		return err
	}
	if err := c.phase(ctx, check, v1alpha1.PhaseFailure); err != nil {
		return err
	}
	for _, text := range texts {
		if !strings.Contains(check.Status.Explanation, text) {
			return fmt.Errorf("no %q in %s", text, check.Status.Explanation)
		}
	}
	return nil
}

// phase reads a Check until it has come to a phase.
func (c *cluster) phase(ctx context.Context, check *v1alpha1.Check, want v1alpha1.Phase) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := c.Get(ctx, client.ObjectKeyFromObject(check), check)
		if err == nil && check.Status.Phase == want && check.Status.ObservedGeneration == check.Generation {
			return nil
		}
		if pause(ctx, 200*time.Millisecond) != nil {
			return fmt.Errorf("Check %s is %q, should be %s: %w", check.Name, check.Status.Phase, want, errors.Join(err, ctx.Err()))
		}
	}
}

// changeInput has a Check follow its payload.
func (c *cluster) changeInput() {
	c.t.Helper()
	ctx := c.t.Context()
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "changing"}, Data: map[string]string{"order": `{"amount": 7}`}}
	check := fromConfigMap("default", "changing", config.Name)
	for _, object := range []client.Object{config, check} {
		if err := c.Create(ctx, object); err != nil && !apierrors.IsAlreadyExists(err) {
			c.t.Fatal(err)
		}
	}
	for _, step := range []struct {
		amount int
		want   v1alpha1.Phase
	}{{7, v1alpha1.PhaseSuccess}, {700, v1alpha1.PhaseFailure}, {8, v1alpha1.PhaseSuccess}} {
		config.Data["order"] = fmt.Sprintf(`{"amount": %d}`, step.amount)
		if err := c.Update(ctx, config); err != nil {
			c.t.Fatal(err)
		}
		if err := c.phase(ctx, check, step.want); err != nil {
			c.t.Error(err)
		}
	}
}
