package check

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/restmapper"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestSource(t *testing.T) {
	resource := func(apiVersion, kind string) v1alpha1.InputSource {
		return v1alpha1.InputSource{ResourceRef: &v1alpha1.ResourceReference{APIVersion: apiVersion, Kind: kind, Name: "x"}}
	}
	key := func(name string) v1alpha1.InputSource {
		return v1alpha1.InputSource{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: name, Key: "k"}}
	}
	for name, tc := range map[string]struct {
		reason string
		from   v1alpha1.InputSource
		want   string
	}{
		"ConfigMap":      {"a key of a ConfigMap", key("a.b"), ""},
		"Group":          {"a group and a version", resource("apps/v1", "Deployment"), ""},
		"Core":           {"the core group has no name", resource("v1", "Pod"), ""},
		"RuleSet":        {"no verdict changes a rule set", resource("checky.dev/v1alpha1", "RuleSet"), ""},
		"Nothing":        {"one of three has to be set", v1alpha1.InputSource{}, "set exactly one"},
		"NoVersion":      {"without a version the kind has two names", resource("/", "Secret"), "resourceRef.apiVersion"},
		"EmptyVersion":   {"a slash at the end", resource("apps/", "Deployment"), "resourceRef.apiVersion"},
		"Parent":         {"it would lead elsewhere in the API server's discovery", resource("../v1", "Secret"), "resourceRef.apiVersion"},
		"Query":          {"it would change the request", resource("v1?x=y", "Secret"), "resourceRef.apiVersion"},
		"Check":          {"its verdict would change its input", resource("checky.dev/v1alpha1", "Check"), "a Check cannot be the input of a Check"},
		"CheckOtherCase": {"by whatever name", resource("checky.dev/v1alpha1", "check"), "a Check cannot be the input of a Check"},
		"NameWithSlash":  {"no request can be made for it", key("a/b"), "configMapKeyRef.name"},
		"NameOfDots":     {"no request can be made for it", key(".."), "configMapKeyRef.name"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Source(&tc.from)
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("%s: %v", tc.reason, err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("%s: got %v, want %q in it", tc.reason, err, tc.want)
			}
		})
	}
}

// TestServed asks the mapper that the manager uses for a name that it takes for a kind, and which is none.
func TestServed(t *testing.T) {
	mapper := restmapper.NewDiscoveryRESTMapper([]*restmapper.APIGroupResources{{
		Group: metav1.APIGroup{Versions: []metav1.GroupVersionForDiscovery{{GroupVersion: "v1", Version: "v1"}}},
		VersionedResources: map[string][]metav1.APIResource{"v1": {
			{Name: "secrets", SingularName: "secret", Kind: "Secret", Namespaced: true},
		}},
	}})
	for kind, want := range map[string]bool{"Secret": true, "secret": false, "SECRET": false} {
		mapping, err := served(mapper, schema.GroupVersionKind{Version: "v1", Kind: kind})
		switch {
		case want && (err != nil || mapping.Resource.Resource != "secrets"):
			t.Errorf("%s: %v, %v", kind, mapping, err)
		case !want && !meta.IsNoMatchError(err):
			t.Errorf("%s: %v, want that there is no such kind", kind, err)
		}
	}
}
