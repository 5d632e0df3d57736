package operator_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// TestSamplesInClusterAndFromFiles compares, byte for byte, what the cluster and `checky check -o json` say of every
// sample.
func TestSamplesInClusterAndFromFiles(t *testing.T) {
	c := newCluster(t)
	c.namespace = "default" // where the samples are at home, and which messages name
	c.start(testOptions())
	c.allowDeployments()
	checks := c.applySamples()
	offline := checkFiles(t)
	for _, k := range checks {
		t.Run(k.Name, func(t *testing.T) {
			want, ok := offline["default/"+k.Name]
			if !ok {
				t.Fatal("checky check does not tell of it")
			}
			phase := v1alpha1.Phase(k.Annotations["checky.dev/expected-phase"])
			got := c.verdict(k.Name, phase).Status.Verdict
			if phase == v1alpha1.PhasePending {
				if want.Phase != v1alpha1.PhaseError {
					t.Errorf("phase %s without a cluster that could be waited for", want.Phase)
				}
				return
			}
			if from := k.Spec.InputFrom; from != nil && from.ResourceRef != nil {
				got.InputDigest, want.InputDigest = "", "" // the API server adds members to an object
			}
			if diff := cmp.Diff(text(t, want), text(t, got)); diff != "" {
				t.Errorf("-files +cluster\n%s", diff)
			}
		})
	}
}

func text(t *testing.T, v v1alpha1.Verdict) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// allowDeployments grants what the samples' own opt-in grants.
func (c *cluster) allowDeployments() {
	c.t.Helper()
	file, err := os.ReadFile("../../config/samples/00-inputs-deployments.yaml")
	if err != nil {
		c.t.Fatal(err)
	}
	role, err := decode(c.Scheme(), string(documents(file)[0]))
	if err != nil {
		c.t.Fatal(err)
	}
	c.create(role, bindTo(role.GetName()))
}

func documents(file []byte) [][]byte {
	var docs [][]byte
	for _, doc := range bytes.Split(file, []byte("\n---\n")) {
		if len(bytes.TrimSpace(doc)) > 0 {
			docs = append(docs, doc)
		}
	}
	return docs
}

// applySamples creates all samples, in the namespace of the test, and gives back the Checks among them.
func (c *cluster) applySamples() []*v1alpha1.Check {
	c.t.Helper()
	files, err := filepath.Glob("../../config/samples/[0-9]*.yaml")
	if err != nil || len(files) == 0 {
		c.t.Fatalf("no samples: %v", err)
	}
	var checks []*v1alpha1.Check
	for _, name := range files {
		if strings.Contains(name, "00-inputs") {
			continue
		}
		file, err := os.ReadFile(name)
		if err != nil {
			c.t.Fatal(err)
		}
		for _, doc := range documents(file) {
			object := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(doc, object); err != nil {
				c.t.Fatalf("%s: %v", name, err)
			}
			if object.GetKind() != "ClusterRuleSet" {
				object.SetNamespace(c.namespace)
			}
			c.create(object)
			if object.GetKind() == "Check" {
				k := &v1alpha1.Check{}
				if err := yaml.UnmarshalStrict(doc, k); err != nil {
					c.t.Fatalf("%s: %v", name, err)
				}
				checks = append(checks, k)
			}
		}
	}
	return checks
}

// checkFiles runs the real command over the samples.
func checkFiles(t *testing.T) map[string]v1alpha1.Verdict {
	t.Helper()
	binary := controlplanetest.Build(t, "checky")
	out, err := exec.CommandContext(t.Context(), binary, "check", "-f", "../../config/samples", "-o", "json").Output()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("checky check ended with %v, want exit code 2", err)
	}
	var list []struct {
		Name string `json:"name"`
		v1alpha1.Verdict
	}
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	byName := map[string]v1alpha1.Verdict{}
	for _, v := range list {
		byName[v.Name] = v.Verdict
	}
	return byName
}
