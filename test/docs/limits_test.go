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
	"strconv"
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
	"tally":       "engine/tally",
	"controllers": "controllers",
	"check":       "controllers/check",
	"alertpolicy": "controllers/alertpolicy",
	"admission":   "controllers/admission",
	"certificate": "controllers/certificate",
	"cmd/checky":  "cmd/checky",
	"silence":     "controllers/silence",
	"readiness":   "controllers/readiness",
	"retention":   "controllers/retention",
	"relist":      "relist",
	"intern":      "intern",
	"flood":       "controllers/flood",

	"apiserver":                "apiserver",
	"apiserver/account":        "apiserver/account",
	"apiserver/authn":          "apiserver/authn",
	"apiserver/check":          "apiserver/check",
	"apiserver/cluster":        "apiserver/cluster",
	"apiserver/cluster/packed": "apiserver/cluster/packed",
	"apiserver/mail":           "apiserver/mail",
	"apiserver/observe":        "apiserver/observe",
	"apiserver/password":       "apiserver/password",
	"apiserver/route":          "apiserver/route",
	"apiserver/serve":          "apiserver/serve",
	"apiserver/throttle":       "apiserver/throttle",

	"alerts":             "alerts",
	"alerts/tone":        "alerts/tone",
	"audio":              "audio",
	"audio/device":       "audio/device",
	"audio/dispatch":     "audio/dispatch",
	"audio/journal":      "audio/journal",
	"audio/output":       "audio/output",
	"audio/player":       "audio/player",
	"audio/player/child": "audio/player/child",
	"audio/sandbox":      "audio/sandbox",
	"audio/trace":        "audio/trace",

	"plugin":             "cmd/kubectl-checky",
	"cmd/checky/records": "cmd/checky/records",
}

// documented are the packages of which every exported limit has to be on the page.
var documented = []string{
	"rules", "cel", "jsonschema", "rag",
	"apiserver/account", "apiserver/authn", "apiserver/check", "apiserver/mail", "apiserver/password", "apiserver/route", "apiserver/serve", "apiserver/throttle",
	"alerts", "alerts/tone", "audio", "audio/device", "audio/dispatch", "audio/journal", "audio/player", "audio/sandbox", "audio/trace",
}

// row is a limit as the page has it: | text | value, unit | `package.constant` |
var row = regexp.MustCompile("(?m)^\\| [^|]+ \\| ([0-9]+)( (?:ms|s|min|h|days)\\b)?(?: [^|]*)? \\| `([a-z/]+\\.[A-Za-z]+)` \\|")

// units are those of times on the page.
var units = map[string]time.Duration{
	" ms": time.Millisecond, " s": time.Second, " min": time.Minute, " h": time.Hour, " days": 24 * time.Hour,
}

func TestLimitsAreDocumented(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/limits.md"))
	if err != nil {
		t.Fatal(err)
	}
	constants, sources := map[string]string{}, newSources()
	for name, folder := range packages {
		maps.Copy(constants, sources.constantsOf(t, name, filepath.Join(root, folder)))
	}
	onPage, ofCode := map[string]string{}, map[string]string{}
	for _, m := range row.FindAllStringSubmatch(string(page), -1) {
		onPage[m[3]] = m[1]
		if unit := units[m[2]]; unit > 0 {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			onPage[m[3]] = inMilliseconds(time.Duration(n) * unit)
		}
		ofCode[m[3]] = constants[m[3]]
	}
	for name, value := range constants {
		short, limit, _ := strings.Cut(name, ".")
		if slices.Contains(documented, short) && (strings.HasPrefix(limit, "Max") || strings.HasPrefix(limit, "DefaultMax")) {
			ofCode[name] = value
		}
	}
	if diff := cmp.Diff(ofCode, onPage); diff != "" {
		t.Errorf("docs/limits.md is not what the code has (-code +page):\n%s", diff)
	}
}

func inMilliseconds(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }

// constantsOf gives a package's numeric constants, those of type time.Duration in milliseconds.
func (s *sources) constantsOf(t *testing.T, name, folder string) map[string]string {
	t.Helper()
	checked, err := s.typesOf(name, folder)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, object := range checked.Scope().Names() {
		c, ok := checked.Scope().Lookup(object).(*types.Const)
		if !ok || c.Val().Kind() != constant.Int {
			continue
		}
		text := c.Val().ExactString()
		if n, exact := constant.Int64Val(c.Val()); exact && c.Type().String() == "time.Duration" {
			text = inMilliseconds(time.Duration(n))
		}
		values[name+"."+object] = text
	}
	return values
}

// sources reads packages for their constants. As an importer it has package time, and package rules, whose limits others are made
// of, and none of the packages that would take seconds to read.
type sources struct {
	files    *token.FileSet
	standard types.Importer
	read     map[string]*types.Package
}

func newSources() *sources {
	files := token.NewFileSet()
	return &sources{files: files, standard: importer.ForCompiler(files, "source", nil), read: map[string]*types.Package{}}
}

// Import implements types.Importer.
func (s *sources) Import(path string) (*types.Package, error) {
	switch path {
	case "time":
		return s.standard.Import(path)
	case "github.com/checky-dev/checky/rules":
		return s.typesOf("rules", filepath.Join(root, "rules"))
	}
	return nil, errors.New("not imported")
}

// typesOf looks at a package's declarations. What cannot be resolved without the packages that are not imported is none of the
// constants asked for.
func (s *sources) typesOf(name, folder string) (*types.Package, error) {
	if checked := s.read[name]; checked != nil {
		return checked, nil
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var parsed []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(s.files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, file)
	}
	config := types.Config{Importer: s, IgnoreFuncBodies: true, Error: func(error) {}}
	checked, _ := config.Check(name, s.files, parsed, nil)
	checked.MarkComplete()
	s.read[name] = checked
	return checked, nil
}
