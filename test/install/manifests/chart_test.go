package manifests

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/pod-security-admission/api"
)

// choices are the files of values that the chart is tried with, by name.
func choices(t *testing.T) map[string]map[string]any {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(chartDir, "ci", "*-values.yaml"))
	if err != nil || len(files) < 4 {
		t.Fatalf("files of values: %v, %v", files, err)
	}
	found := map[string]map[string]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found[strings.TrimSuffix(filepath.Base(file), "-values.yaml")] = parse(t, string(text))
	}
	return found
}

// installed are all objects that a release makes in a namespace: those of the manifest and those of its tests.
func installed(t *testing.T, namespace string, values map[string]any) (manifest, tests []*unstructured.Unstructured) {
	t.Helper()
	rendered, err := render(chartDir, namespace, values)
	if err != nil {
		t.Fatal(err)
	}
	if manifest, err = decode(rendered.Manifest); err != nil {
		t.Fatal(err)
	}
	for _, hook := range rendered.Hooks {
		objects, err := decode(hook.Manifest)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, objects...)
	}
	return manifest, tests
}

// TestChartIsLinted runs Helm's own linter with each choice of values: it has nothing to say.
func TestChartIsLinted(t *testing.T) {
	for name, values := range choices(t) {
		t.Run(name, func(t *testing.T) {
			for _, message := range lint.AllWithKubeVersion(chartDir, values, namespace, &kubeVersion).Messages {
				if message.Severity > support.InfoSev || strings.Contains(message.Err.Error(), "recommended") {
					t.Error(message)
				}
			}
		})
	}
}

// TestChartPodsAreRestricted evaluates the Pods of each choice of values, the test's too, as the API server does in namespaces labelled restricted.
func TestChartPodsAreRestricted(t *testing.T) {
	for name, values := range choices(t) {
		t.Run(name, func(t *testing.T) {
			manifest, tests := installed(t, namespace, values)
			for _, w := range workloads(t, manifest) {
				if checks := broken(t, api.LevelRestricted, w.pods); len(checks) > 0 {
					t.Errorf("%s is not restricted: %v", w.name, checks)
				}
			}
			for _, pod := range all[corev1.Pod](t, tests, "Pod") {
				if checks := broken(t, api.LevelRestricted, corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}); len(checks) > 0 {
					t.Errorf("%s is not restricted: %v", pod.Name, checks)
				}
			}
		})
	}
}

// TestChartHostPathCosts holds the value alertd.hostPath.enabled to what docs/alerts.md says of such a patch: the same Pod, and the same price.
func TestChartHostPathCosts(t *testing.T) {
	objects, err := Helm(chartDir, parse(t, `{alertd: {enabled: true, hostPath: {enabled: true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/alerts.md")
	if err != nil {
		t.Fatal(err)
	}
	want := documented(t, string(page), "# hostpath.yaml")
	for _, w := range workloads(t, objects) {
		if w.kind != "DaemonSet" {
			continue
		}
		if diff := cmp.Diff(want, w.pods); diff != "" {
			t.Errorf("the Pod (-docs/alerts.md +chart):\n%s", diff)
		}
		got := slices.Sorted(maps.Keys(broken(t, api.LevelBaseline, w.pods)))
		if diff := cmp.Diff([]string{"hostPath volumes", "privileged"}, got); diff != "" {
			t.Errorf("what the baseline says (-want +got):\n%s", diff)
		}
	}
}

// TestChartObjectsAreWhatTheirKindsAllow decodes what each choice of values makes strictly into the Go types: an unknown field is an error.
func TestChartObjectsAreWhatTheirKindsAllow(t *testing.T) {
	decoder := serializer.NewCodecFactory(kinds(t), serializer.EnableStrict).UniversalDeserializer()
	for name, values := range choices(t) {
		t.Run(name, func(t *testing.T) {
			manifest, tests := installed(t, namespace, values)
			for _, object := range append(manifest, tests...) {
				text, err := json.Marshal(object.Object)
				if err != nil {
					t.Fatal(err)
				}
				if _, _, err := decoder.Decode(text, nil, nil); err != nil {
					t.Errorf("%s %s: %v", object.GetKind(), object.GetName(), err)
				}
			}
		})
	}
}

// TestChartFollowsItsNamespace installs into another namespace, for another one of Checks: nothing names the usual ones.
func TestChartFollowsItsNamespace(t *testing.T) {
	for name, values := range choices(t) {
		t.Run(name, func(t *testing.T) {
			set(values, "checkNamespace.name", "checked")
			manifest, tests := installed(t, "elsewhere", values)
			for _, object := range append(manifest, tests...) {
				text, err := json.Marshal(object.Object)
				if err != nil {
					t.Fatal(err)
				}
				if object.GetKind() != "CustomResourceDefinition" && strings.Contains(string(text), "checky-system") {
					t.Errorf("%s %s names checky-system", object.GetKind(), object.GetName())
				}
				if ns := object.GetNamespace(); ns != "" && ns != "elsewhere" && ns != "checked" {
					t.Errorf("%s %s is in namespace %s", object.GetKind(), object.GetName(), ns)
				}
			}
		})
	}
}

// TestChartAccounts gives each component an account of another name: the Pod runs as it, and whatever was granted to the usual one is to it.
func TestChartAccounts(t *testing.T) {
	values := parse(t, `{alertd: {enabled: true, serviceAccount: {name: a-daemon}}, apiserver: {serviceAccount: {name: a-facade, create: false}},
		controller: {serviceAccount: {name: a-controller, annotations: {example.com/role: a}}}}`)
	objects, err := Helm(chartDir, values)
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]string{}
	for _, w := range workloads(t, objects) {
		runs[w.name] = w.pods.Spec.ServiceAccountName
	}
	if diff := cmp.Diff(map[string]string{"checky-alertd": "a-daemon", "checky-apiserver": "a-facade", "checky-controller": "a-controller"}, runs); diff != "" {
		t.Errorf("who the Pods run as (-want +got):\n%s", diff)
	}
	created := map[string]map[string]string{}
	for _, account := range all[corev1.ServiceAccount](t, objects, "ServiceAccount") {
		created[account.Name] = account.Annotations
	}
	if diff := cmp.Diff(map[string]map[string]string{"a-daemon": nil, "a-controller": {"example.com/role": "a"}}, created); diff != "" {
		t.Errorf("the accounts (-want +got):\n%s", diff)
	}
	var subjects []rbacv1.Subject
	for _, binding := range all[rbacv1.ClusterRoleBinding](t, objects, "ClusterRoleBinding") {
		subjects = append(subjects, binding.Subjects...)
	}
	for _, binding := range all[rbacv1.RoleBinding](t, objects, "RoleBinding") {
		subjects = append(subjects, binding.Subjects...)
	}
	for _, subject := range subjects {
		if !strings.HasPrefix(subject.Name, "a-") {
			t.Errorf("something is granted to %s", subject.Name)
		}
	}
	for _, object := range objects {
		text, err := json.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		for _, usual := range []string{"checky-controller", "checky-apiserver"} {
			if strings.Contains(string(text), "system:serviceaccount:checky-system:"+usual+"'") {
				t.Errorf("%s %s is about %s", object.GetKind(), object.GetName(), usual)
			}
		}
	}
}

// commands are those of the notes, which are indented.
func commands(notes string) string {
	var script strings.Builder
	for line := range strings.Lines(notes) {
		if command, found := strings.CutPrefix(line, "    "); found {
			script.WriteString(command)
		}
	}
	return script.String()
}

// TestChartNotesAreCommands has a shell read the notes of each choice of values.
func TestChartNotesAreCommands(t *testing.T) {
	for name, values := range choices(t) {
		t.Run(name, func(t *testing.T) {
			rendered, err := render(chartDir, namespace, values)
			if err != nil {
				t.Fatal(err)
			}
			check := exec.CommandContext(t.Context(), "bash", "-n")
			check.Stdin = strings.NewReader(commands(rendered.Info.Notes))
			if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
				t.Errorf("%v\n%s\n%s", err, out, rendered.Info.Notes)
			}
			if strings.Contains(rendered.Info.Notes, "\n\n\n") || strings.Contains(rendered.Info.Notes, "<no value>") {
				t.Errorf("gaps:\n%s", rendered.Info.Notes)
			}
		})
	}
}

// documentedValues are the files of values in docs/helm.md.
var documentedValues = regexp.MustCompile("(?s)```yaml\n# values.yaml\n(.*?)```")

// TestChartTakesWhatIsDocumented renders each file of values that docs/helm.md shows: all of it is known, and the objects are what their kinds allow.
func TestChartTakesWhatIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/helm.md")
	if err != nil {
		t.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(kinds(t), serializer.EnableStrict).UniversalDeserializer()
	blocks := documentedValues.FindAllSubmatch(page, -1)
	if len(blocks) < 14 {
		t.Errorf("docs/helm.md has %d files of values", len(blocks))
	}
	for _, block := range blocks {
		manifest, tests := installed(t, namespace, parse(t, string(block[1])))
		for _, object := range append(manifest, tests...) {
			text, err := json.Marshal(object.Object)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := decoder.Decode(text, nil, nil); err != nil {
				t.Errorf("%s%s %s: %v", block[1], object.GetKind(), object.GetName(), err)
			}
			if object.GetKind() == "CustomResourceDefinition" && !strings.Contains(string(page), " "+object.GetName()) {
				t.Errorf("docs/helm.md does not say how %s is deleted", object.GetName())
			}
		}
	}
}

// TestChartKeepsWhatIsPeoples holds that Checks survive an uninstallation: the kinds stay, and the namespace of Checks.
func TestChartKeepsWhatIsPeoples(t *testing.T) {
	objects, err := Helm(chartDir, nil)
	if err != nil {
		t.Fatal(err)
	}
	kept := map[string]int{}
	for _, object := range objects {
		if object.GetAnnotations()["helm.sh/resource-policy"] == "keep" {
			kept[object.GetKind()]++
		}
	}
	if diff := cmp.Diff(map[string]int{"CustomResourceDefinition": 5, "Namespace": 1}, kept); diff != "" {
		t.Errorf("what is kept (-want +got):\n%s", diff)
	}
}
