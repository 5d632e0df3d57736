package manifests

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"
)

// configs is the folder of the manifests.
const configs = "../../../config"

// overlays are what people install, by folder.
var overlays = []string{"default", "dev", "minimal", "with-alertd", "with-certmanager"}

// rendering is one way to install Checky.
type rendering struct {
	name    string
	objects []*unstructured.Unstructured
}

// renderings are the overlays by themselves, and config/default with each component.
func renderings(t *testing.T) []rendering {
	t.Helper()
	var all []rendering
	for _, overlay := range overlays {
		objects, err := Kustomize(filepath.Join(configs, overlay))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rendering{overlay, objects})
	}
	for _, component := range folders(t, types.ComponentKind) {
		objects, err := With(filepath.Join(configs, "with-alertd"), filepath.Join(configs, component))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rendering{"with-alertd and " + component, objects})
	}
	return all
}

// folders are those of config/ that hold a kustomization of a kind, by name.
func folders(t *testing.T, kind string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(configs, "*", "kustomization.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var kustomization types.Kustomization
		if err := yaml.UnmarshalStrict(text, &kustomization); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if kustomization.Kind == kind {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	return found
}

// all of a kind are the objects of it, decoded into its Go type.
func all[T any](t *testing.T, objects []*unstructured.Unstructured, kind string) []T {
	t.Helper()
	var found []T
	for _, object := range objects {
		if object.GetKind() != kind {
			continue
		}
		var typed T
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed); err != nil {
			t.Fatalf("%s %s: %v", kind, object.GetName(), err)
		}
		found = append(found, typed)
	}
	return found
}

// TestEveryFolderIsInstalled holds the list of overlays to the folders: each is an overlay, a component, or a part of an overlay.
func TestEveryFolderIsInstalled(t *testing.T) {
	used := map[string]bool{}
	for _, folder := range folders(t, types.KustomizationKind) {
		text, err := os.ReadFile(filepath.Join(configs, folder, "kustomization.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		var kustomization types.Kustomization
		if err := yaml.Unmarshal(text, &kustomization); err != nil {
			t.Fatal(err)
		}
		for _, resource := range append(kustomization.Resources, kustomization.Components...) {
			used[strings.TrimPrefix(resource, "../")] = true
		}
	}
	for _, folder := range folders(t, types.KustomizationKind) {
		if !used[folder] && !slices.Contains(overlays, folder) {
			t.Errorf("config/%s is part of nothing that is tested here", folder)
		}
	}
}

// TestRenderingIsDeterministic renders twice: what make install-yaml writes is the same for the same commit.
func TestRenderingIsDeterministic(t *testing.T) {
	first, second := renderings(t), renderings(t)
	for i := range first {
		if diff := cmp.Diff(first[i].objects, second[i].objects); diff != "" {
			t.Errorf("%s differs the second time:\n%s", first[i].name, diff)
		}
	}
}

// TestObjectsAreNamedOnce holds that no two objects are one: the second would overwrite the first.
func TestObjectsAreNamedOnce(t *testing.T) {
	for _, r := range renderings(t) {
		seen := map[string]bool{}
		for _, object := range r.objects {
			name := strings.Join([]string{object.GroupVersionKind().GroupKind().String(), object.GetNamespace(), object.GetName()}, "/")
			if seen[name] {
				t.Errorf("%s has %s twice", r.name, name)
			}
			seen[name] = true
			if object.GetLabels()["app.kubernetes.io/name"] != "checky" && !generated(object) {
				t.Errorf("%s: %s lacks the label app.kubernetes.io/name: checky", r.name, name)
			}
		}
	}
}

// generated tells whether an object is made by controller-gen, which writes no labels.
func generated(object *unstructured.Unstructured) bool {
	switch object.GetKind() {
	case "CustomResourceDefinition", "ValidatingWebhookConfiguration":
		return true
	case "ClusterRole", "Role":
		return object.GetName() == "checky-controller"
	}
	return false
}
