package docs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

// TestModulesAreDocumented does not render the page again; it looks for all that the modules say of themselves.
func TestModulesAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/modules.md"))
	if err != nil {
		t.Fatal(err)
	}
	const repair = "run: make generate"
	sections := map[string]string{}
	_, list, _ := strings.Cut(string(page), "\n## ")
	for section := range strings.SplitSeq(list, "\n## ") {
		name, text, _ := strings.Cut(section, "\n")
		sections[name] = text
	}
	var missing []string
	for _, m := range builtin.New().Modules() {
		texts := []string{m.Summary, m.Example}
		for _, p := range append([]rules.Param{rules.FieldParam}, m.Params...) {
			texts = append(texts, "| `"+p.Name+"` | "+p.Type+" | "+strings.ReplaceAll(p.Doc, "|", `\|`))
		}
		for _, text := range texts {
			if !strings.Contains(sections[m.Name], text) {
				missing = append(missing, m.Name+": "+text)
			}
		}
		delete(sections, m.Name)
	}
	if diff := cmp.Diff([]string(nil), missing); diff != "" {
		t.Errorf("docs/modules.md lacks what modules say; %s\n%s", repair, diff)
	}
	for name := range sections {
		t.Errorf("docs/modules.md has %s, which is no module; %s", name, repair)
	}
}
