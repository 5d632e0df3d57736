package certificate

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
	reported     map[string]string // by Secret, what was told of it last; the one worker's own
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
	problem := r.serve(c, secret)
	if problem == "" && c.WebhookConfiguration != "" {
		problem, err = r.trust(ctx, c, secret)
	}
	r.report(ctx, secret, problem)
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

// serve puts what a Secret holds to use, and says what is wrong with it. What cannot be used leaves the last good certificate in use.
func (r *reconciler) serve(c *Certificate, secret *corev1.Secret) (problem string) {
	pair, err := decode(secret.Data)
	if err != nil {
		return fmt.Sprintf("it cannot be served by: %v; mend it, or delete it to have one made", err)
	}
	r.metrics.expiry.WithLabelValues(c.Secret).Set(float64(pair.Leaf.NotAfter.Unix()))
	if c.Store != nil {
		c.Store.current.Store(pair)
	}
	return ""
}

// authoritiesOf are those that whoever calls a server is to trust. None: the Secret doesn't say.
func authoritiesOf(secret *corev1.Secret) ([]byte, error) {
	text := secret.Data[authorityKey]
	if strings.TrimSpace(string(text)) == "" {
		return nil, errors.New("it has no ca.crt, so the webhooks trust what they did; put the authority there, or into their caBundle by hand")
	}
	if _, err := certutil.ParseCertsPEM(text); err != nil {
		return nil, errors.New("ca.crt holds no certificates in PEM, so the webhooks trust what they did")
	}
	return text, nil
}

// report tells once what is wrong with a Secret, and once that nothing is any more.
func (r *reconciler) report(ctx context.Context, secret *corev1.Secret, problem string) {
	before := r.reported[secret.Name]
	r.metrics.invalid.WithLabelValues(secret.Name).Set(map[bool]float64{true: 1}[problem != ""])
	if before == problem {
		return
	}
	r.reported[secret.Name] = problem
	if problem == "" {
		log.FromContext(ctx).Info("The certificate can be used again")
		r.events.Eventf(secret, nil, corev1.EventTypeNormal, "CertificateValid", "Serve", "it can be used again")
		return
	}
	log.FromContext(ctx).Info("The certificate cannot be used; the last good one stays in use", "problem", problem)
	r.events.Eventf(secret, nil, corev1.EventTypeWarning, "CertificateInvalid", "Serve", "%s", problem)
}
