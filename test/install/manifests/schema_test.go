package manifests

import (
	"encoding/json"
	"errors"
	"testing"

	certmanagerv1 "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// kinds knows every kind that Checky's manifests have: Kubernetes' own, Checky's, and those of others that the opt-ins are for.
func kinds(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(
		clientgoscheme.AddToScheme(scheme), apiextensionsv1.AddToScheme(scheme), v1alpha1.AddToScheme(scheme),
		certmanagerv1.AddToScheme(scheme), monitoringv1.AddToScheme(scheme), gatewayv1.Install(scheme),
	); err != nil {
		t.Fatal(err)
	}
	return scheme
}

// TestObjectsAreWhatTheirKindsAllow decodes every object strictly into its Go type: a field that the kind does not have, or has twice, is an
// error, and so is a kind or a version that there is not. What the fields' values may be is asked of a real API server.
func TestObjectsAreWhatTheirKindsAllow(t *testing.T) {
	decoder := serializer.NewCodecFactory(kinds(t), serializer.EnableStrict).UniversalDeserializer()
	seen := map[schema.GroupVersionKind]int{}
	for _, r := range renderings(t) {
		for _, object := range r.objects {
			text, err := json.Marshal(object.Object)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := decoder.Decode(text, nil, nil); err != nil {
				t.Errorf("%s: %s %s: %v", r.name, object.GetKind(), object.GetName(), err)
			}
			seen[object.GroupVersionKind()]++
		}
	}
	if len(seen) < 18 {
		t.Errorf("the manifests have %d kinds: %v", len(seen), seen)
	}
}

// TestStrictDecodingFinds holds the test above to what it is for: a decoder that takes anything would pass every manifest.
func TestStrictDecodingFinds(t *testing.T) {
	decoder := serializer.NewCodecFactory(kinds(t), serializer.EnableStrict).UniversalDeserializer()
	for name, text := range map[string]string{
		"UnknownField": `{"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": {"enableServiceLink": false}}}}`,
		"FieldTwice":   `{"apiVersion": "v1", "kind": "Service", "spec": {"type": "ClusterIP", "type": "NodePort"}}`,
		"WrongType":    `{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": {"selector": "checky"}}`,
		"Version":      `{"apiVersion": "policy/v1beta7", "kind": "PodDisruptionBudget"}`,
		"Others":       `{"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "spec": {"dnsName": "x"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := decoder.Decode([]byte(text), nil, nil); err == nil {
				t.Errorf("it is taken: %s", text)
			}
		})
	}
}
