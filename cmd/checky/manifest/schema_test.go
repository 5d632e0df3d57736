package manifest

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/config"
)

// Every definition that ships is one that manifests are held against.
func TestSchemasHoldEveryDefinition(t *testing.T) {
	files, err := fs.Glob(config.Files, "crd/bases/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for kind, file := range definitions {
		known = append(known, file)
		if compiled, err := schemas.kind(kind); err != nil || compiled == nil || !slices.Contains(strings.Split(readFile(t, file), "\n"), "    kind: "+kind) {
			t.Errorf("%s is not the definition of %s: %v", file, kind, err)
		}
	}
	slices.Sort(known)
	if diff := cmp.Diff(files, known); diff != "" {
		t.Errorf("definitions (-shipped +known):\n%s", diff)
	}
}

// A definition that no manifest needs is not compiled.
func TestSchemasAreCompiledWhenNeeded(t *testing.T) {
	l := Loader{Reader: &Reader{Stdin: strings.NewReader(set + "spec: {rules: [" + aRule + "]}")}, Schemas: NewSchemas(config.Files), Namespace: "default"}
	if _, err := l.Load(nil, []string{"-"}); err != nil {
		t.Fatal(err)
	}
	if len(l.Schemas.kinds) != 1 || l.Schemas.kinds["RuleSet"] == nil {
		t.Errorf("%d definitions are compiled for a RuleSet", len(l.Schemas.kinds))
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := fs.ReadFile(config.Files, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
