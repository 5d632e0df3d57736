package manifests

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// hostile are strings that are more than a string where a template does not quote them.
var hostile = []string{
	"x\n      hostNetwork: true\n      injected: x",
	"x\n        - --injected",
	"x\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: injected}",
	"{injected: x}",
	"injected: x",
	"x # injected",
	"'x\"",
	"{{ .Values }}",
	"x' || true || 'x",
}

// poison is a value with its strings replaced.
func poison(value any, by string) any {
	switch value := value.(type) {
	case string:
		return by
	case []any:
		list := slices.Clone(value)
		for i := range list {
			list[i] = poison(list[i], by)
		}
		return list
	case map[string]any:
		entries := maps.Clone(value)
		for key := range entries {
			entries[key] = poison(entries[key], by)
		}
		return entries
	}
	return value
}

// shape is what of a value does not depend on its strings.
func shape(value any) any {
	switch value := value.(type) {
	case []any:
		list := make([]any, len(value))
		for i := range value {
			list[i] = shape(value[i])
		}
		return list
	case map[string]any:
		entries := map[string]any{}
		for key := range value {
			entries[key] = shape(value[key])
		}
		return entries
	}
	return fmt.Sprintf("%T", value)
}

// shapes are those of all objects of a release with its tests; an error: the values are refused.
func shapes(t *testing.T, values map[string]any) ([]any, error) {
	t.Helper()
	rendered, err := render(chartDir, namespace, values)
	if err != nil {
		return nil, err
	}
	manifests := []string{rendered.Manifest}
	for _, hook := range rendered.Hooks {
		manifests = append(manifests, hook.Manifest)
	}
	var all []any
	for _, manifest := range manifests {
		objects, err := decode(manifest)
		if err != nil {
			t.Errorf("what is made of it is no YAML: %v", err)
		}
		for _, object := range objects {
			all = append(all, shape(object.Object))
		}
	}
	return all, nil
}

// TestValuesInjectNothing gives each string of each value of the chart texts that mean more in YAML, and in CEL: they are refused, or stay
// strings where the value belongs.
func TestValuesInjectNothing(t *testing.T) {
	taken := 0
	for _, path := range valuePaths(t) {
		change, found := effects[path]
		if component, rest, _ := strings.Cut(path, "."); !found {
			change.to = ofComponents[rest]
			if component == "alertd" {
				change.beside = `{alertd: {enabled: true}}`
			}
		}
		var to any
		if err := yaml.Unmarshal([]byte(change.to), &to); err != nil {
			t.Fatal(err)
		}
		if cmp.Equal(to, poison(to, hostile[0])) {
			continue // it has no strings
		}
		t.Run(path, func(t *testing.T) {
			usual := parse(t, change.beside)
			set(usual, "crds.install", false) // they take no value, and most of the time
			set(usual, path, to)
			want, err := shapes(t, usual)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range hostile {
				values := parse(t, change.beside)
				set(values, "crds.install", false)
				set(values, path, poison(to, text))
				got, err := shapes(t, values)
				if err != nil {
					continue
				}
				taken++
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%q is more than a string (-a usual one +it):\n%s", text, diff)
				}
				if strings.HasSuffix(path, "serviceAccount.name") {
					t.Errorf("%q is taken as a name, and policies compare names", text)
				}
			}
		})
	}
	if taken < 50 {
		t.Errorf("%d texts were taken: the test does not see what it looks for", taken)
	}
}
