package manifests

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// Kustomize renders the kustomization in a folder: the objects in the order in which kubectl sends them.
func Kustomize(dir string) ([]*unstructured.Unstructured, error) {
	options := krusty.MakeDefaultOptions()
	options.Reorder = krusty.ReorderOptionLegacy // kubectl's
	rendered, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), dir)
	if err != nil {
		return nil, fmt.Errorf("kustomize %s: %w", dir, err)
	}
	var objects []*unstructured.Unstructured
	for _, resource := range rendered.Resources() {
		content, err := resource.Map()
		if err != nil {
			return nil, fmt.Errorf("kustomize %s: %s: %w", dir, resource.CurId(), err)
		}
		objects = append(objects, &unstructured.Unstructured{Object: content})
	}
	return objects, nil
}

// With renders an overlay with components on top of it, as a kustomization of somebody's own would.
func With(overlay string, components ...string) (objects []*unstructured.Unstructured, err error) {
	dir, err := os.MkdirTemp("", "checky-kustomize-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// Where the system's temporary folder is a link, paths that lead out of it go by what it leads to.
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	var own types.Kustomization
	own.TypeMeta = types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind}
	relative, err := relativeTo(dir, append([]string{overlay}, components...))
	if err != nil {
		return nil, err
	}
	own.Resources, own.Components = relative[:1], relative[1:]
	text, err := yaml.Marshal(own)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "kustomization.yaml"), text, 0o600); err != nil {
		return nil, err
	}
	return Kustomize(dir)
}

// relativeTo says how folders are called from another: kustomize takes no absolute paths.
func relativeTo(dir string, folders []string) ([]string, error) {
	relative := make([]string, len(folders))
	for i, folder := range folders {
		absolute, err := filepath.Abs(folder)
		if err != nil {
			return nil, err
		}
		if absolute, err = filepath.EvalSymlinks(absolute); err != nil {
			return nil, err
		}
		if relative[i], err = filepath.Rel(dir, absolute); err != nil {
			return nil, err
		}
	}
	return relative, nil
}
