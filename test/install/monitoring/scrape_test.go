package monitoring

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	dto "github.com/prometheus/client_model/go"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
	"github.com/checky-dev/checky/controllers"
)

// catalogue has the values that were seen of each label of each series' name, as Prometheus stores them.
type catalogue map[string]map[string]map[string]bool

// catalogued is what all components serve, scraped once for all tests.
var catalogued struct {
	sync.Once
	series catalogue
}

// served are the series that the components have when they have done a little of everything.
func served(t *testing.T) catalogue {
	t.Helper()
	catalogued.Do(func() {
		series := catalogue{}
		cp := controlplanetest.Start(t)
		config := kubeconfig(t, cp.RESTConfig())
		admin := prepare(t, cp.RESTConfig())
		series.add(controllerMetrics(t, config, admin))
		series.add(facadeMetrics(t, config))
		series.add(daemonMetrics(t, config))
		series.add(kubernetesMetrics(t, cp.RESTConfig(), admin))
		catalogued.series = series
	})
	if catalogued.series == nil {
		t.Fatal("the components could not be scraped; the first test that tried tells why")
	}
	return catalogued.series
}

// prepare makes the namespace of the components.
func prepare(t *testing.T, cluster *rest.Config) client.Client {
	t.Helper()
	scheme, err := controllers.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(cluster, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	create(t, admin, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "checky-system"}})
	return admin
}

func create(t *testing.T, admin client.Client, objects ...client.Object) {
	t.Helper()
	for _, o := range objects {
		if err := admin.Create(t.Context(), o); err != nil {
			t.Fatalf("create %T %s: %v", o, o.GetName(), err)
		}
	}
}

// controllerMetrics are those of a controller that leads, made the webhooks' certificate, gave each verdict, deleted a Check and failed to
// reload its knowledge file.
func controllerMetrics(t *testing.T, config string, admin client.Client) map[string]*dto.MetricFamily {
	t.Helper()
	knowledge := filepath.Join(t.TempDir(), "facts.txt")
	write(t, knowledge, "## Amounts\nAn amount is above 0.\n")
	c := start(t, "checky", config, nil, "controller", "--metrics-secure=false", "--health-probe-bind-address=0", "--leader-elect",
		"--leader-election-namespace=checky-system", "--knowledge="+knowledge, "--webhooks", "--webhook-secret=checky-webhook-tls",
		"--webhook-port="+port(t))
	passing := check("passes", "input.amount > 0")
	passing.Spec.TTLSecondsAfterFinished = new(int32(1))
	create(t, admin,
		&v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: "all"}},
		passing, check("fails", "input.amount > 1"), check("errs", "input.absent > 1"))
	c.scrape(func(f map[string]*dto.MetricFamily) bool { return f["checky_knowledge_entries"] != nil })
	write(t, knowledge, "\xff\x00 garbage")
	return c.scrape(func(f map[string]*dto.MetricFamily) bool {
		evaluations := f["checky_evaluations_total"]
		return value(f["leader_election_master_status"], "", "") == 1 && value(f["checky_alert_policies"], "", "") == 1 &&
			value(evaluations, "phase", "Success") > 0 && value(evaluations, "phase", "Failure") > 0 && value(evaluations, "phase", "Error") > 0 &&
			value(f["checky_knowledge_reloads_total"], "result", "failure") > 0 && value(f["checky_knowledge_last_reload_successful"], "", "") == 0 &&
			value(f["checky_checks_deleted_total"], "reason", "ttl") > 0 && value(f["checky_certificate_expiry_timestamp_seconds"], "", "") > 0
	})
}

func check(name, expression string) *v1alpha1.Check {
	return &v1alpha1.Check{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: metav1.NamespaceDefault},
		Spec: v1alpha1.CheckSpec{
			InputJSON: `{"amount": 1}`,
			Rules:     []v1alpha1.Rule{{Name: "amount", CEL: &v1alpha1.CELRule{Expression: expression}}},
		},
	}
}

// facadeMetrics are those of a facade that has a Redis and a mail server, neither of which answers.
func facadeMetrics(t *testing.T, config string) map[string]*dto.MetricFamily {
	t.Helper()
	address := free(t)
	c := start(t, "checky", config, []string{"REDIS_URL=redis://" + free(t)}, "apiserver", "--metrics-secure=false", "--bind-address="+address,
		"--smtp-address="+free(t), "--smtp-tls=none", "--smtp-from=checky@example.com", "--external-url=https://checky.example.com", "--drain-delay=0s")
	c.scrape(func(f map[string]*dto.MetricFamily) bool { return f["checky_apiserver_kubernetes_reachable"] != nil })
	for _, path := range []string{"/readyz", "/v1/checks", "/docs"} { // /v1/checks is refused: there is no token
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	return c.scrape(func(f map[string]*dto.MetricFamily) bool {
		return value(f["checky_apiserver_requests_total"], "route", "/readyz") > 0 && value(f["checky_apiserver_auth_failures_total"], "reason", "no_token") > 0 &&
			f["checky_apiserver_informer_age_seconds"] != nil
	})
}

// daemonMetrics are those of an alert daemon that announced a failure: its first player tells of the sandbox.
func daemonMetrics(t *testing.T, config string) map[string]*dto.MetricFamily {
	t.Helper()
	c := start(t, "checky-alertd", config, nil, "run", "--node-name=node", "--state-dir="+t.TempDir(), "--device=record:"+t.TempDir(),
		"--health-probe-bind-address=0")
	return c.scrape(func(f map[string]*dto.MetricFamily) bool {
		return value(f["checky_alertd_announcements_total"], "result", "played") > 0 && len(f["checky_alertd_sandbox_enforced"].GetMetric()) == 4
	})
}

// kubernetesMetrics are those of the API server, which failed to reach a webhook and let the request pass.
func kubernetesMetrics(t *testing.T, cluster *rest.Config, admin client.Client) map[string]*dto.MetricFamily {
	t.Helper()
	hook := webhooks(t).Webhooks[0]
	if *hook.FailurePolicy != admissionv1.Ignore {
		t.Fatalf("webhook %s has the failure policy %s: an unreachable one is no secret then, and needs another alert", hook.Name, *hook.FailurePolicy)
	}
	address := "https://" + free(t)
	hook.ClientConfig = admissionv1.WebhookClientConfig{URL: &address}
	hook.Rules = []admissionv1.RuleWithOperations{{
		Operations: []admissionv1.OperationType{admissionv1.Create},
		Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
	}}
	create(t, admin, &admissionv1.ValidatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "away"}, Webhooks: []admissionv1.ValidatingWebhook{hook},
	})
	browser, err := rest.HTTPClientFor(cluster)
	if err != nil {
		t.Fatal(err)
	}
	return scrape(t, browser, cluster.Host+"/metrics", func(f map[string]*dto.MetricFamily) bool {
		// The API server takes a while to learn of a webhook.
		create(t, admin, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "passes-", Namespace: metav1.NamespaceDefault}})
		return value(f["apiserver_admission_webhook_fail_open_count"], "name", hook.Name) > 0
	})
}

// webhooks are those that Checky installs.
func webhooks(t *testing.T) *admissionv1.ValidatingWebhookConfiguration {
	t.Helper()
	configuration := &admissionv1.ValidatingWebhookConfiguration{}
	decode(t, "config/webhook/manifests.yaml", configuration)
	return configuration
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// add puts the series of scraped families into the catalogue, those of histograms by their suffixes.
func (c catalogue) add(families map[string]*dto.MetricFamily) {
	for name, family := range families {
		names := []string{name}
		if kind := family.GetType(); kind == dto.MetricType_HISTOGRAM {
			names = []string{name + "_bucket", name + "_sum", name + "_count"}
		} else if kind == dto.MetricType_SUMMARY {
			names = []string{name, name + "_sum", name + "_count"}
		}
		for _, n := range names {
			if c[n] == nil {
				c[n] = map[string]map[string]bool{}
			}
			if strings.HasSuffix(n, "_bucket") {
				c[n]["le"] = map[string]bool{}
			}
			for _, m := range family.GetMetric() {
				for _, l := range m.GetLabel() {
					if c[n][l.GetName()] == nil {
						c[n][l.GetName()] = map[string]bool{}
					}
					c[n][l.GetName()][l.GetValue()] = true
				}
			}
		}
	}
}
