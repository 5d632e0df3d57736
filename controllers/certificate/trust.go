package certificate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
)

// operation is one of a JSON patch (RFC 6902).
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

// trust has the webhooks trust the authorities of a Secret.
func (r *reconciler) trust(ctx context.Context, c *Certificate, secret *corev1.Secret) (finding, error) {
	authorities, found := authoritiesOf(secret)
	if found != (finding{}) {
		return found, nil
	}
	config := &admissionv1.ValidatingWebhookConfiguration{}
	if err := r.live.Get(ctx, client.ObjectKey{Name: c.WebhookConfiguration}, config); err != nil {
		return finding{}, client.IgnoreNotFound(err) // the watch tells when it comes
	}
	patch := bundlePatch(config, authorities)
	if patch == nil {
		return finding{}, nil
	}
	text, err := json.Marshal(patch)
	if err != nil {
		return finding{}, err
	}
	if err := r.writer.Patch(ctx, config, client.RawPatch(types.JSONPatchType, text)); err != nil {
		return finding{}, err
	}
	log.FromContext(ctx).Info("The webhooks trust the certificate's authority", "webhookConfiguration", c.WebhookConfiguration)
	return finding{}, nil
}

// bundlePatch sets caBundle where it is another; nil: it is nowhere. It is a JSON patch, that touches nothing else: not what a newer API
// has and this version does not know. An apply of one's own (server-side) would make Checky an owner of the webhooks, which their
// manifests could then not take away any more. The version is tested, since the webhooks are told by their places in the list.
func bundlePatch(config *admissionv1.ValidatingWebhookConfiguration, authorities []byte) []operation {
	var list []operation
	for i := range config.Webhooks {
		if !bytes.Equal(config.Webhooks[i].ClientConfig.CABundle, authorities) {
			list = append(list, operation{"add", fmt.Sprintf("/webhooks/%d/clientConfig/caBundle", i), authorities})
		}
	}
	if list == nil {
		return nil
	}
	return append([]operation{{"test", "/metadata/resourceVersion", config.ResourceVersion}}, list...)
}
