package cel

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFunctions(t *testing.T) {
	found := map[string]Function{}
	for _, f := range New().Functions() {
		found[f.Name] = f
	}
	for name, want := range map[string]struct {
		reason string
		forms  []string
	}{
		"startsWith":    {reason: "a function of the standard library", forms: []string{"string.startsWith(string) -> bool"}},
		"isCIDR":        {reason: "one of Kubernetes'", forms: []string{"isCIDR(string) -> bool"}},
		"exists":        {reason: "a macro has no forms"},
		"math.greatest": {reason: "a macro has its namespace"},
	} {
		f, there := found[name]
		if diff := cmp.Diff(want.forms, f.Forms); !there || diff != "" {
			t.Errorf("%s: %s: there %t (-want +got):\n%s", name, want.reason, there, diff)
		}
	}
	for _, name := range []string{"_+_", "@in", "in", "math.@max", "cel.@block"} {
		if _, there := found[name]; there {
			t.Errorf("%s is listed, which nobody can call", name)
		}
	}
}
