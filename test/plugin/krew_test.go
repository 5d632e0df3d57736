package plugin_test

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"text/template"

	"sigs.k8s.io/yaml"
)

// krewPlugin is a manifest of krew's kind Plugin, of the version v1alpha2: its fields, and no others
// (https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/).
type krewPlugin struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string         `json:"version"`
		Homepage         string         `json:"homepage"`
		ShortDescription string         `json:"shortDescription"`
		Description      string         `json:"description"`
		Caveats          string         `json:"caveats"`
		Platforms        []krewPlatform `json:"platforms"`
	} `json:"spec"`
}

type krewPlatform struct {
	URI      string `json:"uri"`
	SHA256   string `json:"sha256"`
	Bin      string `json:"bin"`
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	Files []struct {
		From string `json:"from"`
		To   string `json:"to"`
	} `json:"files"`
}

// TestKrewManifest fills the template as a release does, and holds it against what krew-index asks for.
func TestKrewManifest(t *testing.T) {
	text, err := os.ReadFile("../../.krew.yaml")
	if err != nil {
		t.Fatal(err)
	}
	const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	filled, err := template.New("krew").Funcs(template.FuncMap{"addURIAndSha": func(address, tag string) string {
		return fmt.Sprintf("uri: %s\n    sha256: %s", strings.ReplaceAll(address, "{{ .TagName }}", tag), sum)
	}}).Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := filled.Execute(&b, map[string]string{"TagName": "v1.2.3"}); err != nil {
		t.Fatal(err)
	}
	var plugin krewPlugin
	if err := yaml.UnmarshalStrict(b.Bytes(), &plugin); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	spec := plugin.Spec
	if plugin.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || plugin.Kind != "Plugin" || plugin.Metadata.Name != "checky" || spec.Version != "v1.2.3" {
		t.Errorf("it is %+v", plugin)
	}
	if n := len(spec.ShortDescription); n == 0 || n > 50 || strings.HasSuffix(spec.ShortDescription, ".") || strings.Contains(strings.ToLower(spec.ShortDescription), "kubectl") {
		t.Errorf("krew-index refuses the short description %q", spec.ShortDescription)
	}
	if spec.Homepage == "" || spec.Description == "" {
		t.Error("homepage or description is missing")
	}
	archive := regexp.MustCompile(`^https://github\.com/checky-dev/checky/releases/download/v1\.2\.3/kubectl-checky_v1\.2\.3_(linux|darwin|windows)_(amd64|arm64)\.(tar\.gz|zip)$`)
	seen := map[string]bool{}
	for _, p := range spec.Platforms {
		labels := p.Selector.MatchLabels
		seen[labels["os"]+"/"+labels["arch"]] = true
		found := archive.FindStringSubmatch(p.URI)
		if found == nil || found[1] != labels["os"] || found[2] != labels["arch"] || (found[3] == "zip") != (labels["os"] == "windows") {
			t.Errorf("%v leads to %s", labels, p.URI)
		}
		if strings.HasSuffix(p.Bin, ".exe") != (labels["os"] == "windows") || p.SHA256 != sum || len(p.Files) == 0 {
			t.Errorf("%v is %+v", labels, p)
		}
	}
	if len(seen) != 6 || len(spec.Platforms) != 6 {
		t.Errorf("it is for %v", seen)
	}
}
