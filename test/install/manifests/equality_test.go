package manifests

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// chartDir is the chart.
const chartDir = "../../../charts/checky"

// TestChartEqualsKustomize renders each way to install Checky by kustomize and by Helm, and compares them object by object.
func TestChartEqualsKustomize(t *testing.T) {
	knowledge, err := os.ReadFile(filepath.Join(configs, "knowledge", "rag-content.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		reason     string
		overlay    string
		components []string
		values     string // YAML
	}{
		"Default":     {"no value is needed", "default", nil, ``},
		"Minimal":     {"the controller alone", "minimal", nil, `{controller: {replicas: 1, podDisruptionBudget: {enabled: false}}, webhooks: {enabled: false}, apiserver: {enabled: false}, networkPolicy: {enabled: false}}`},
		"Alertd":      {"the alert daemon is opt-in", "with-alertd", nil, `{alertd: {enabled: true}}`},
		"CertManager": {"certificates by cert-manager", "with-certmanager", nil, `{certManager: {enabled: true}}`},
		"Knowledge":   {"a knowledge file of one's own", "default", []string{"knowledge"}, `{knowledge: {content: FILE}}`},
		"Autoscaling": {"the number of replicas is the autoscaler's", "default", []string{"autoscaling"}, `{apiserver: {autoscaling: {enabled: true}}}`},
		"Prometheus":  {"what is scraped, and what alerts", "default", []string{"prometheus"}, `{metrics: {serviceMonitor: {enabled: true}, prometheusRule: {enabled: true}}}`},
		"Grafana":     {"the dashboard", "default", []string{"grafana"}, `{grafana: {dashboard: {enabled: true}}}`},
		"Ingress": {"the example of an Ingress", "default", []string{"ingress"}, `{apiserver: {ingress: {enabled: true, className: nginx,
			annotations: {cert-manager.io/cluster-issuer: letsencrypt}}}}`},
		"Gateway": {"the example of a Gateway", "default", []string{"gateway"}, `{apiserver: {gateway: {enabled: true, className: example,
			annotations: {cert-manager.io/cluster-issuer: letsencrypt}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			var components []string
			for _, component := range tc.components {
				components = append(components, filepath.Join(configs, component))
			}
			want, err := With(filepath.Join(configs, tc.overlay), components...)
			if err != nil {
				t.Fatal(err)
			}
			file, err := json.Marshal(string(knowledge))
			if err != nil {
				t.Fatal(err)
			}
			values := map[string]any{}
			if err := yaml.Unmarshal([]byte(strings.Replace(tc.values, "FILE", string(file), 1)), &values); err != nil {
				t.Fatal(err)
			}
			got, err := Helm(chartDir, values)
			if err != nil {
				t.Fatal(err)
			}
			compare(t, tc.reason, normalise(t, want), normalise(t, got))
		})
	}
}

// compare reports which objects differ, and how.
func compare(t *testing.T, reason string, want, got map[string]map[string]any) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] == nil {
			t.Errorf("%s: the chart lacks %s", reason, name)
		} else if diff := cmp.Diff(want[name], got[name]); diff != "" {
			t.Errorf("%s: %s (-kustomize +chart):\n%s", reason, name, diff)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(got)) {
		if want[name] == nil {
			t.Errorf("%s: the chart alone has %s", reason, name)
		}
	}
}

// normalise takes away what Helm does in its own way, and nothing else: the labels that name a release, the namespace of the release, which Helm
// creates, and the annotation that keeps an object when the release goes. What is left is by kind, namespace and name.
func normalise(t *testing.T, objects []*unstructured.Unstructured) map[string]map[string]any {
	t.Helper()
	named := map[string]map[string]any{}
	for _, object := range objects {
		if object.GetKind() == "Namespace" && object.GetName() == namespace {
			continue
		}
		// By way of JSON both have the same types of numbers.
		text, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		plain := &unstructured.Unstructured{}
		if err := plain.UnmarshalJSON(text); err != nil {
			t.Fatal(err)
		}
		labels := plain.GetLabels()
		for _, label := range []string{"helm.sh/chart", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by", "app.kubernetes.io/version"} {
			delete(labels, label)
		}
		annotations := plain.GetAnnotations()
		delete(annotations, "helm.sh/resource-policy")
		for field, left := range map[string]map[string]string{"labels": labels, "annotations": annotations} {
			if len(left) == 0 {
				unstructured.RemoveNestedField(plain.Object, "metadata", field)
			} else if err := unstructured.SetNestedStringMap(plain.Object, left, "metadata", field); err != nil {
				t.Fatal(err)
			}
		}
		name := strings.Join([]string{plain.GetAPIVersion(), plain.GetKind(), plain.GetNamespace(), plain.GetName()}, " ")
		if named[name] != nil {
			t.Errorf("there are two of %s", name)
		}
		named[name] = plain.Object
	}
	return named
}
