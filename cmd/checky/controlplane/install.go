package controlplane

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// fieldOwner owns the fields that Install applies.
const fieldOwner = client.FieldOwner("checky")

// Manifests reads the objects of the YAML files in the folders of a file system: CustomResourceDefinitions first,
// then namespaces, then the others by file name and place. A kustomization is no object and is left out.
func Manifests(files fs.FS, folders ...string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for _, folder := range folders {
		names, err := fs.Glob(files, path.Join(folder, "*.yaml"))
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				return nil, err
			}
			found, err := parseManifest(text)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			objects = append(objects, found...)
		}
	}
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return cmp.Compare(installRank(a), installRank(b)) })
	return objects, nil
}

func installRank(object *unstructured.Unstructured) int {
	switch object.GetKind() {
	case "CustomResourceDefinition":
		return 0
	case "Namespace":
		return 1
	default:
		return 2
	}
}

func parseManifest(text []byte) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		json, err := yaml.YAMLToJSON(document)
		if err != nil {
			return nil, err
		}
		if string(json) == "null" { // only comments
			continue
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(json); err != nil {
			return nil, err
		}
		if object.GetKind() != "Kustomization" {
			objects = append(objects, object)
		}
	}
}

// Install applies objects in order (server-side, taking over fields that another owner set) and waits
// until each CustomResourceDefinition is served before it goes on to the next kind. A namespaced object without a
// namespace goes to default.
func Install(ctx context.Context, cfg *rest.Config, objects []*unstructured.Unstructured) error {
	scheme := runtime.NewScheme()
	if err := apiextensionsv1.AddToScheme(scheme); err != nil {
		return err
	}
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		return err
	}
	var definitions []string
	for _, object := range objects {
		if installRank(object) > 0 && len(definitions) > 0 {
			if err := waitServed(ctx, c, definitions); err != nil {
				return err
			}
			definitions = nil
		}
		if err := apply(ctx, c, object); err != nil {
			return fmt.Errorf("install %s %s: %w", object.GetKind(), object.GetName(), err)
		}
		if installRank(object) == 0 {
			definitions = append(definitions, object.GetName())
		}
	}
	return waitServed(ctx, c, definitions)
}

func apply(ctx context.Context, c client.Client, object *unstructured.Unstructured) error {
	object = object.DeepCopy()
	mapping, err := c.RESTMapper().RESTMapping(object.GroupVersionKind().GroupKind(), object.GroupVersionKind().Version)
	if err != nil {
		return err
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace && object.GetNamespace() == "" {
		object.SetNamespace("default")
	}
	return c.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), fieldOwner, client.ForceOwnership)
}

// waitServed waits until definitions are established and their kinds can be asked for.
func waitServed(ctx context.Context, c client.Client, names []string) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for _, name := range names {
		for {
			err := served(ctx, c, name)
			if err == nil {
				break
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				return fmt.Errorf("wait for %s: %w (%w)", name, context.Cause(ctx), err)
			}
		}
	}
	return nil
}

func served(ctx context.Context, c client.Client, name string) error {
	definition := &apiextensionsv1.CustomResourceDefinition{}
	if err := c.Get(ctx, client.ObjectKey{Name: name}, definition); err != nil {
		return err
	}
	established := slices.ContainsFunc(definition.Status.Conditions, func(condition apiextensionsv1.CustomResourceDefinitionCondition) bool {
		return condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue
	})
	if !established {
		return errors.New("not established yet")
	}
	// An established definition answers 404 until its handler is in place.
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion(definition.Spec.Group + "/" + definition.Spec.Versions[0].Name)
	list.SetKind(definition.Spec.Names.ListKind)
	return c.List(ctx, list, client.Limit(1))
}
