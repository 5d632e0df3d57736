package operator_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	certutil "k8s.io/client-go/util/cert"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// TestWebhooksRefuse runs the operator with its webhooks, registered as config/webhook has them but for the address.
func TestWebhooksRefuse(t *testing.T) {
	c := newCluster(t)
	o := testOptions()
	o.Webhooks = true
	o.WebhookCertDir = t.TempDir()
	o.WebhookPort = freePort(t)
	authority := c.webhookCertificate(o.WebhookCertDir)
	c.start(o)
	c.registerWebhooks(authority, o.WebhookPort)

	c.awaitWebhook()

	for name, tc := range map[string]struct{ manifest, want string }{
		"RuleSet": {
			`{apiVersion: checky.dev/v1alpha1, kind: RuleSet, metadata: {name: bad}, spec: {rules: [{name: x, cel: {expression: "input.a >"}}]}}`,
			"spec.rules[x]",
		},
		"ClusterRuleSet": {
			`{apiVersion: checky.dev/v1alpha1, kind: ClusterRuleSet, metadata: {name: bad}, spec: {rules: [{name: x, module: {name: range, params: {field: $.a, minimum: 3}}}]}}`,
			"module.params.minimum",
		},
		"NoInput":    {checkYAML("bad", `{ruleSets: [{name: a}]}`), "set exactly one of input, inputs, inputFrom and inputJSON"},
		"TwoInputs":  {checkYAML("bad", `{input: 1, inputJSON: "1"}`), "set exactly one of input, inputs, inputFrom and inputJSON"},
		"Batch":      {checkYAML("bad", `{inputs: [{input: 1}, {name: a}]}`), "spec.inputs[1]: Invalid value: set exactly one of input and inputJSON"},
		"BatchTwice": {checkYAML("bad", `{inputs: [{input: 1, inputJSON: "1"}]}`), "spec.inputs[0]: Invalid value: set exactly one of input and inputJSON"},
		"BatchLarge": {checkYAML("bad", largeInputs(4, rules.MaxBatchBytes/4+1)), "spec.inputs: Invalid value: its payloads have 786436 bytes together, and one Check takes at most 786432 (768 KiB)"},
		"BatchRule":  {checkYAML("bad", `{inputs: [{input: 1}], rules: [{name: x, module: {name: nonsense}}]}`), "there is no module"},
		"NotJSON":    {checkYAML("bad", `{inputJSON: "{"}`), "it ends in the middle of a value"},
		"TimeZone":   {policyYAML("bad", `{quietHours: [{start: "22:00", end: "06:00", timeZone: Europe/Berln}]}`), "spec.quietHours[0].timeZone"},
		"Local":      {policyYAML("bad", `{quietHours: [{start: "22:00", end: "06:00", timeZone: Local}]}`), "spec.quietHours[0].timeZone"},
		"Selector":   {policyYAML("bad", `{selector: {matchExpressions: [{key: app, operator: Like, values: [x]}]}}`), "spec.selector.matchExpressions[0].operator"},
		"Silence":    {silenceYAML("bad", `{endsAt: "2036-05-01T00:00:00Z", selector: {matchExpressions: [{key: app, operator: In}]}}`), "spec.selector.matchExpressions[0].values"},
		"BadOwnRule": {checkYAML("bad", `{input: 1, rules: [{name: x, module: {name: nonsense}}]}`), "there is no module"},
	} {
		t.Run(name, func(t *testing.T) {
			object, err := decode(c.Scheme(), tc.manifest)
			if err != nil {
				t.Fatal(err)
			}
			object.SetNamespace(c.namespace)
			err = c.Create(t.Context(), object)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}

	// A refused change must not stick to the generation that the next, good one gets.
	c.apply(orders)
	set := &v1alpha1.RuleSet{ObjectMeta: metav1.ObjectMeta{Namespace: c.namespace, Name: "orders"}}
	c.apply(checkYAML("user", `{input: {amount: 99999, customer: x}, ruleSets: [{name: orders}]}`))
	c.verdict("user", v1alpha1.PhaseFailure)
	bad := &v1alpha1.RuleSet{}
	eventually(c, set, "the set", func(*v1alpha1.RuleSet) bool { return true })
	set.DeepCopyInto(bad)
	bad.Spec.Rules[0].Module.Params.Raw = []byte(`{"field":"$.amount","max":"x"}`)
	if err := c.Update(t.Context(), bad); err == nil {
		t.Fatal("a bad change was taken")
	}
	edit(c, set, func() { set.Spec.Rules[0].Module.Params.Raw = []byte(`{"field":"$.amount","max":100000}`) })
	c.verdict("user", v1alpha1.PhaseSuccess)
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // it listens on TCP
}

func (c *cluster) webhookCertificate(dir string) []byte {
	c.t.Helper()
	cert, key, err := certutil.GenerateSelfSignedCertKey("127.0.0.1", []net.IP{net.IPv4(127, 0, 0, 1)}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, data := range map[string][]byte{"tls.crt": cert, "tls.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	return cert
}

func (c *cluster) registerWebhooks(authority []byte, port int) {
	c.t.Helper()
	text, err := os.ReadFile("../../config/webhook/manifests.yaml")
	if err != nil {
		c.t.Fatal(err)
	}
	config := &admissionv1.ValidatingWebhookConfiguration{}
	if err := yaml.UnmarshalStrict(text, config); err != nil {
		c.t.Fatal(err)
	}
	config.Name = "checky-" + config.Name // as kustomize does
	host := "https://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	for i := range config.Webhooks {
		hook := &config.Webhooks[i]
		hook.ClientConfig = admissionv1.WebhookClientConfig{URL: ptr.To(host + *hook.ClientConfig.Service.Path), CABundle: authority}
		hook.NamespaceSelector = nil
	}
	c.create(config)
}

// awaitWebhook waits until the API server calls the webhooks: until then it takes what they would refuse.
func (c *cluster) awaitWebhook() {
	c.t.Helper()
	err := wait.PollUntilContextTimeout(c.t.Context(), 20*time.Millisecond, patience, true, func(ctx context.Context) (bool, error) {
		probe, err := decode(c.Scheme(), checkYAML("probe", `{ruleSets: [{name: a}]}`))
		if err != nil {
			return false, err
		}
		probe.SetNamespace(c.namespace)
		if err := c.Create(ctx, probe); err != nil {
			return true, nil //nolint:nilerr // the refusal is what is waited for
		}
		return false, c.Delete(ctx, probe)
	})
	if err != nil {
		c.t.Fatalf("the API server never called the webhooks: %v", err)
	}
}
