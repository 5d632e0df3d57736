package manifests

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// releaseName and namespace are what the documentation installs by: helm install checky charts/checky -n checky-system.
const (
	releaseName = "checky"
	namespace   = "checky-system"
)

// kubeVersion is that of the cluster which charts are rendered for: the control plane's of hack/controlplane.
var kubeVersion = chartutil.KubeVersion{Version: "v1.36.3", Major: "1", Minor: "36"}

// Helm renders the chart in a folder by Helm's own library, for release checky in namespace checky-system, with values on top of the chart's own:
// the objects in the order in which Helm sends them, without its tests. It needs no cluster.
func Helm(chartDir string, values map[string]any) ([]*unstructured.Unstructured, error) {
	rendered, err := render(chartDir, namespace, values)
	if err != nil {
		return nil, err
	}
	return decode(rendered.Manifest)
}

// render makes what Helm would store of an installation: manifest, hooks and notes.
func render(chartDir, namespace string, values map[string]any) (*release.Release, error) {
	chart, err := loader.Load(chartDir)
	if err != nil {
		return nil, fmt.Errorf("load the chart in %s: %w", chartDir, err)
	}
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.ReleaseName, install.Namespace = releaseName, namespace
	install.DryRun, install.ClientOnly = true, true
	install.KubeVersion = &kubeVersion
	rendered, err := install.Run(chart, values)
	if err != nil {
		return nil, fmt.Errorf("render the chart in %s: %w", chartDir, err)
	}
	return rendered, nil
}

// decode reads the objects of a manifest of several documents.
func decode(manifest string) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(&object.Object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("document %d of the manifest: %w", len(objects)+1, err)
		}
		if len(object.Object) > 0 {
			objects = append(objects, object)
		}
	}
}
