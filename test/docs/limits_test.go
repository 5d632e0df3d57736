// Package docs_test holds the documentation to the code.
package docs_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// packages are the folders whose limits docs/limits.md lists, by the name that the page has for them.
var packages = map[string]string{
	"rules":       "rules",
	"cel":         "rules/cel",
	"jsonschema":  "rules/jsonschema",
	"rag":         "rag",
	"engine":      "engine",
	"controllers": "controllers",
	"check":       "controllers/check",
}

// documented are the packages of which every exported limit has to be on the page.
var documented = []string{"rules", "cel", "jsonschema", "rag"}

// row is a limit as the page has it: | text | value, unit | `package.constant` |
var row = regexp.MustCompile("(?m)^\\| [^|]+ \\| ([0-9]+)( ms)?(?: [^|]*)? \\| `([a-z]+\\.[A-Za-z]+)` \\|")

func TestLimitsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/limits.md"))
	if err != nil {
		t.Fatal(err)
	}
	constants := map[string]string{}
	for name, folder := range packages {
		maps.Copy(constants, constantsOf(t, name, filepath.Join(root, folder)))
	}
	onPage, ofCode := map[string]string{}, map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		onPage[m[3]] = m[1] + m[2]
		ofCode[m[3]] = constants[m[3]]
	}
	for name, value := range constants {
		short, limit, _ := strings.Cut(name, ".")
		if slices.Contains(documented, short) && strings.HasPrefix(limit, "Max") {
			ofCode[name] = value
		}
	}
	if diff := cmp.Diff(ofCode, onPage); diff != "" {
		t.Errorf("docs/limits.md is not what the code has (-code +page):\n%s", diff)
	}
}

// constantsOf gives a package's numeric constants, those of type time.Duration in milliseconds.
func constantsOf(t *testing.T, name, folder string) map[string]string {
	t.Helper()
	files := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var parsed []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, file)
	}
	// What cannot be resolved without the package's dependencies is none of the constants asked for.
	config := types.Config{Importer: timeOnly{importer.ForCompiler(files, "source", nil)}, IgnoreFuncBodies: true, Error: func(error) {}}
	checked, _ := config.Check(name, files, parsed, nil)
	values := map[string]string{}
	for _, object := range checked.Scope().Names() {
		c, ok := checked.Scope().Lookup(object).(*types.Const)
		if !ok || c.Val().Kind() != constant.Int {
			continue
		}
		text := c.Val().ExactString()
		if n, exact := constant.Int64Val(c.Val()); exact && c.Type().String() == "time.Duration" {
			text = fmt.Sprintf("%d ms", time.Duration(n).Milliseconds())
		}
		values[name+"."+object] = text
	}
	return values
}

// timeOnly imports package time, and none of the packages that would take seconds to read.
type timeOnly struct{ types.Importer }

func (i timeOnly) Import(path string) (*types.Package, error) {
	if path != "time" {
		return nil, errors.New("not imported")
	}
	return i.Importer.Import(path)
}
