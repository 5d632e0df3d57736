package manifests

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// workload is what makes Pods, as far as the tests look at it.
type workload struct {
	name, kind string
	meta       metav1.ObjectMeta
	pods       corev1.PodTemplateSpec
}

// workloads are those of a rendering, the Deployments first.
func workloads(t *testing.T, objects []*unstructured.Unstructured) []workload {
	t.Helper()
	var found []workload
	for _, d := range all[appsv1.Deployment](t, objects, "Deployment") {
		found = append(found, workload{d.Name, "Deployment", d.ObjectMeta, d.Spec.Template})
	}
	for _, d := range all[appsv1.DaemonSet](t, objects, "DaemonSet") {
		found = append(found, workload{d.Name, "DaemonSet", d.ObjectMeta, d.Spec.Template})
	}
	for _, object := range objects {
		switch object.GetKind() {
		case "StatefulSet", "Job", "CronJob", "Pod", "ReplicaSet":
			t.Errorf("%s %s makes Pods that nobody looks at", object.GetKind(), object.GetName())
		}
	}
	return found
}

// broken are the checks of a level's latest version that a Pod does not meet, by id.
func broken(t *testing.T, level api.Level, pods corev1.PodTemplateSpec) map[string]string {
	t.Helper()
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	checks := map[string]string{}
	for _, result := range evaluator.EvaluatePod(api.LevelVersion{Level: level, Version: api.LatestVersion()}, &pods.ObjectMeta, &pods.Spec) {
		if !result.Allowed {
			checks[result.ForbiddenReason] = result.ForbiddenDetail
		}
	}
	return checks
}

// TestPodsAreRestricted evaluates every Pod of every way to install Checky as the API server does in namespaces labelled restricted.
func TestPodsAreRestricted(t *testing.T) {
	for _, r := range renderings(t) {
		found := workloads(t, r.objects)
		if len(found) == 0 {
			t.Errorf("%s has no Pods", r.name)
		}
		for _, w := range found {
			if checks := broken(t, api.LevelRestricted, w.pods); len(checks) > 0 {
				t.Errorf("%s: %s is not restricted: %v", r.name, w.name, checks)
			}
		}
	}
}

// TestNamespaceEnforcesRestricted holds the namespace of the Pods to the standard that they meet.
func TestNamespaceEnforcesRestricted(t *testing.T) {
	for _, r := range renderings(t) {
		for _, namespace := range all[corev1.Namespace](t, r.objects, "Namespace") {
			if namespace.Name != "checky-system" {
				continue
			}
			if level := namespace.Labels[api.EnforceLevelLabel]; level != string(api.LevelRestricted) {
				t.Errorf("%s: checky-system enforces %q", r.name, level)
			}
		}
	}
}

// TestWhatHostPathsCost renders the kustomizations of docs/alerts.md, and compares what they break with what the page says.
func TestWhatHostPathsCost(t *testing.T) {
	page, err := os.ReadFile("../../../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		reason  string
		example string // the first line of the example
		level   api.Level
		want    []string
	}{
		"Plugin":           {"a device plugin needs no more than the namespace allows", "# kustomization.yaml", api.LevelRestricted, nil},
		"Card":             {"what it costs is said by the baseline", "# hostpath.yaml", api.LevelBaseline, []string{"hostPath volumes", "privileged"}},
		"CardRestricted":   {"and by what the namespace enforces", "# hostpath.yaml", api.LevelRestricted, []string{"allowPrivilegeEscalation != false", "privileged", "restricted volume types"}},
		"JournalBaseline":  {"a folder of the node is a hostPath volume too", "# journal.yaml", api.LevelBaseline, []string{"hostPath volumes"}},
		"JournalPrivilege": {"and needs nothing else", "# journal.yaml", api.LevelRestricted, []string{"restricted volume types"}},
	} {
		t.Run(name, func(t *testing.T) {
			daemon := documented(t, string(page), tc.example)
			got := slices.Sorted(maps.Keys(broken(t, tc.level, daemon)))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
	_, section, _ := strings.Cut(string(page), "**Without a device plugin**")
	section, _, _ = strings.Cut(section, "\n### ")
	for _, check := range []string{"hostPath volumes", "privileged", "baseline", "restricted"} {
		if !strings.Contains(section, check) {
			t.Errorf("docs/alerts.md does not say that %s is what the way without a device plugin costs", check)
		}
	}
}

// documented renders an example of a page, and returns the daemon's Pods.
func documented(t *testing.T, page, firstLine string) corev1.PodTemplateSpec {
	t.Helper()
	block := regexp.MustCompile("(?s)```yaml\n(" + regexp.QuoteMeta(firstLine) + "\n.*?)```").FindStringSubmatch(page)
	if block == nil {
		t.Fatalf("there is no example %q", firstLine)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := relativeTo(dir, []string{filepath.Join(configs, "with-alertd")})
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(block[1], "../with-alertd", overlay[0]) // the example lies in a folder beside the overlays
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	objects, err := Kustomize(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range workloads(t, objects) {
		if w.kind == "DaemonSet" {
			return w.pods
		}
	}
	t.Fatalf("%s has no DaemonSet", firstLine)
	return corev1.PodTemplateSpec{}
}
