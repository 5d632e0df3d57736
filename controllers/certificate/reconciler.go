package certificate

import (
	"bytes"
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	certutil "k8s.io/client-go/util/cert"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

const (
	// Label is what a Secret has that Checky made, and renews.
	Label   = "checky.dev/certificate"
	managed = "managed"

	// foreignAnnotation is on the Secrets that cert-manager writes.
	foreignAnnotation = "cert-manager.io/certificate-name"

	// conflictRetry is how long a replica waits that came second, before it looks at what the first has written.
	conflictRetry = 100 * time.Millisecond
)

// Certificate is one that is kept.
type Certificate struct {
	// Secret is its name.
	Secret string
	// Service is whose names it is good for.
	Service string
	// WebhookConfiguration is the ValidatingWebhookConfiguration whose webhooks are to trust it; empty: none.
	WebhookConfiguration string
	// Store serves by it; nil: somebody else does.
	Store *Store
}

// reconciler keeps the certificates of a namespace.
type reconciler struct {
	namespace    string
	certificates map[string]*Certificate // by Secret
	live         client.Reader           // no cache: what is watched is metadata alone
	writer       client.Writer
	clock        clock.PassiveClock
	events       events.EventRecorder
	metrics      *counts
	reported     map[string]finding // by Secret, what was told of it last; the one worker's own
}

// Reconcile serves what a Secret holds, makes or renews it where that is due, and has the webhooks trust it.
func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	c := r.certificates[request.Name]
	if c == nil {
		return ctrl.Result{}, nil
	}
	secret := &corev1.Secret{}
	err := r.live.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: c.Secret}, secret)
	switch {
	case apierrors.IsNotFound(err):
		secret, err = r.create(ctx, c)
	case err == nil && own(secret):
		r.serve(c, secret)
		err = r.renew(ctx, c, secret)
	}
	if apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) { // another replica was first
		return ctrl.Result{RequeueAfter: conflictRetry}, nil
	}
	if err != nil {
		return ctrl.Result{}, err
	}
	found := r.serve(c, secret)
	if found == (finding{}) && c.WebhookConfiguration != "" {
		found, err = r.trust(ctx, c, secret)
	}
	r.report(ctx, secret, found)
	if apierrors.IsInvalid(err) || apierrors.IsConflict(err) { // somebody changed the webhooks meanwhile
		return ctrl.Result{RequeueAfter: conflictRetry}, nil
	}
	return ctrl.Result{}, err
}

// own tells whether a Secret is Checky's to write.
func own(secret *corev1.Secret) bool {
	_, foreign := secret.Annotations[foreignAnnotation]
	return secret.Labels[Label] == managed && !foreign
}

// create makes a Secret that is not there.
func (r *reconciler) create(ctx context.Context, c *Certificate) (*corev1.Secret, error) {
	data, err := refresh(nil, namesOf(c.Service, r.namespace), r.clock.Now())
	if err != nil {
		return nil, err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: r.namespace, Name: c.Secret, Labels: map[string]string{
			Label: managed, "app.kubernetes.io/name": "checky",
		}},
		Type: corev1.SecretTypeTLS,
		Data: data,
	}
	if err := r.writer.Create(ctx, secret); err != nil {
		return nil, err
	}
	r.issued(ctx, c, secret)
	return secret, nil
}

// renew writes a Secret of Checky's own anew where something in it is due or cannot be used.
func (r *reconciler) renew(ctx context.Context, c *Certificate, secret *corev1.Secret) error {
	data, err := refresh(secret.Data, namesOf(c.Service, r.namespace), r.clock.Now())
	if err != nil || data == nil {
		return err
	}
	secret.Data = data
	if err := r.writer.Update(ctx, secret); err != nil {
		return err
	}
	r.issued(ctx, c, secret)
	return nil
}

func (r *reconciler) issued(ctx context.Context, c *Certificate, secret *corev1.Secret) {
	r.metrics.issued.WithLabelValues(c.Secret).Inc()
	pair, err := decode(secret.Data)
	if err != nil {
		return
	}
	expiry := pair.Leaf.NotAfter.UTC().Format(time.RFC3339)
	log.FromContext(ctx).Info("Wrote a certificate", "expires", expiry)
	r.events.Eventf(secret, nil, corev1.EventTypeNormal, "CertificateIssued", "Issue", "made or renewed for Service %s; it expires at %s", c.Service, expiry)
}

// serve puts what a Secret holds to use, and says what is wrong with it. What cannot be read leaves the last good certificate in use; what
// has expired is served, as there is no knowing by whose clock.
func (r *reconciler) serve(c *Certificate, secret *corev1.Secret) finding {
	pair, err := decode(secret.Data)
	if err != nil {
		return finding{reasonInvalid, fmt.Sprintf("it cannot be served by, and the last good certificate stays in use: %v; mend it, or delete it to have one made", err)}
	}
	r.metrics.expiry.WithLabelValues(c.Secret).Set(float64(pair.Leaf.NotAfter.Unix()))
	if c.Store != nil {
		c.Store.current.Store(pair)
	}
	if expiry := pair.Leaf.NotAfter; !r.clock.Now().Before(expiry) {
		return finding{reasonInvalid, fmt.Sprintf("it expired at %s; renew it", expiry.UTC().Format(time.RFC3339))}
	}
	return finding{}
}

// authoritiesOf are those that whoever calls a server is to trust. Without them the webhooks trust what they did.
func authoritiesOf(secret *corev1.Secret) ([]byte, finding) {
	text := secret.Data[authorityKey]
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, finding{reasonUnknown, "it has no ca.crt, so the caBundle of the webhooks is left as it is; put the authority there, or into the caBundle by hand"}
	}
	if _, err := certutil.ParseCertsPEM(text); err != nil {
		return nil, finding{reasonInvalid, "its ca.crt holds no certificates in PEM, so the caBundle of the webhooks is left as it is; mend it"}
	}
	return text, finding{}
}

// Reasons of events.
const (
	reasonInvalid = "CertificateInvalid" // it cannot be served by or trusted
	reasonUnknown = "AuthorityUnknown"   // whom to trust is left to whoever made the Secret
)

// finding is what is wrong with a Secret, or to be known of it. The zero value: nothing.
type finding struct{ reason, text string }

// report tells a finding once, and once that there is none any more.
func (r *reconciler) report(ctx context.Context, secret *corev1.Secret, found finding) {
	invalid := 0.0
	if found.reason == reasonInvalid {
		invalid = 1
	}
	r.metrics.invalid.WithLabelValues(secret.Name).Set(invalid)
	before := r.reported[secret.Name]
	if before == found {
		return
	}
	r.reported[secret.Name] = found
	kind := corev1.EventTypeNormal
	switch found.reason {
	case "":
		found = finding{"CertificateValid", "it can be served by and trusted"}
	case reasonInvalid:
		kind = corev1.EventTypeWarning
	}
	log.FromContext(ctx).Info("Looked at a certificate", "reason", found.reason, "found", found.text)
	r.events.Eventf(secret, nil, kind, found.reason, "Serve", "%s", found.text)
}
