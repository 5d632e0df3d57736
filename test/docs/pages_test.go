package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"github.com/checky-dev/checky/apiserver"
	"github.com/checky-dev/checky/audio"
	"github.com/checky-dev/checky/audio/trace"
	"github.com/checky-dev/checky/controllers"
	"github.com/checky-dev/checky/controllers/metrics"
	"github.com/checky-dev/checky/rag"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	// fence is a block of code, in which a hash begins a comment.
	fence = regexp.MustCompile("(?ms)^```.*?^```$")
	// span is code within a line, in which brackets are no link.
	span = regexp.MustCompile("`[^`\n]+`")
	// notInAnchor is what a heading loses on its way to an anchor.
	notInAnchor = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(span.ReplaceAllString(read(t, page), "`code`"), -1) {
			target, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			path := page
			if target != "" {
				path = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("%s: %s leads nowhere", page, m[1])
				continue
			}
			if anchor != "" && !hasAnchor(read(t, path), anchor) {
				t.Errorf("%s: %s has no heading %s", page, path, anchor)
			}
		}
	}
}

func hasAnchor(page, anchor string) bool {
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		if strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-") == anchor {
			return true
		}
	}
	return false
}

// documentedFlag is a flag as a table has it: | `--name`... | `default` | or | |.
var documentedFlag = regexp.MustCompile("(?m)^\\| (`--[^|]+) \\| (?:`([^`]*)`)? ?\\|")

func TestFlagsAreDocumented(t *testing.T) {
	page := read(t, filepath.Join(root, "docs/operations.md"))
	controller, facade, daemon := controllers.DefaultOptions(), apiserver.DefaultOptions(), audio.DefaultOptions()
	for heading, command := range map[string]struct {
		bind func(*pflag.FlagSet)
		// perMachine have a default that depends on the machine, and that words say.
		perMachine []string
	}{
		"## Flags":               {bind: controller.BindFlags},
		"### Its flags":          {bind: facade.BindFlags, perMachine: []string{"max-dry-runs"}},
		"### The daemon's flags": {bind: daemon.BindFlags, perMachine: []string{"node-name"}},
	} {
		_, section, found := strings.Cut(page, "\n"+heading+"\n")
		if !found {
			t.Fatalf("docs/operations.md has no %s", heading)
		}
		section, _, _ = strings.Cut(section, "\n"+strings.Repeat("#", strings.IndexByte(heading, ' '))+" ")
		onPage := map[string]string{}
		for _, m := range documentedFlag.FindAllStringSubmatch(section, -1) {
			for name := range strings.SplitSeq(m[1], ", ") {
				onPage[strings.Trim(name, "`-")] = m[2]
			}
		}
		// The commands add those of profiles and logging.
		ofCode := map[string]string{"pprof": "", "log-format": "json", "log-debug": "false"}
		flags := pflag.NewFlagSet(heading, pflag.ContinueOnError)
		command.bind(flags)
		flags.VisitAll(func(f *pflag.Flag) {
			ofCode[f.Name] = f.DefValue
			if f.DefValue == "[]" || slices.Contains(command.perMachine, f.Name) {
				ofCode[f.Name] = ""
			}
		})
		if diff := cmp.Diff(ofCode, onPage); diff != "" {
			t.Errorf("docs/operations.md, %s, is not what the code has (-code +page):\n%s", heading, diff)
		}
	}
}

func TestMetricsAreDocumented(t *testing.T) {
	page := read(t, filepath.Join(root, "docs/operations.md"))
	names := &describing{}
	if _, err := metrics.New(names); err != nil {
		t.Fatal(err)
	}
	if err := metrics.WatchKnowledge(names, func() rag.Stats { return rag.Stats{} }); err != nil {
		t.Fatal(err)
	}
	if len(names.found) == 0 {
		t.Fatal("there are no metrics")
	}
	for _, name := range names.found {
		if !strings.Contains(page, "`"+name) {
			t.Errorf("docs/operations.md lacks %s", name)
		}
	}
}

func TestDaemonMetricsAreDocumented(t *testing.T) {
	names := &describing{}
	if _, err := trace.New(names, func() int { return 0 }); err != nil {
		t.Fatal(err)
	}
	ofCode, onPage := map[string]bool{}, map[string]bool{}
	for _, name := range names.found {
		ofCode[name] = true
	}
	for _, m := range daemonMetric.FindAllStringSubmatch(read(t, filepath.Join(root, "docs/operations.md")), -1) {
		onPage[m[1]] = true
	}
	if diff := cmp.Diff(ofCode, onPage); diff != "" {
		t.Errorf("docs/operations.md is not what the daemon serves (-code +page):\n%s", diff)
	}
}

var daemonMetric = regexp.MustCompile("`(checky_alertd_[a-z_]+)")

// describing is a registry that only writes down the names of metrics.
type describing struct {
	prometheus.Registerer
	found []string
}

var fullName = regexp.MustCompile(`fqName: "([^"]+)"`)

func (d *describing) Register(c prometheus.Collector) error {
	described := make(chan *prometheus.Desc, 8)
	c.Describe(described)
	close(described)
	for desc := range described {
		d.found = append(d.found, fullName.FindStringSubmatch(desc.String())[1])
	}
	return nil
}

// TestReasonsAreDocumented looks for every condition and reason of the API in the contract.
func TestReasonsAreDocumented(t *testing.T) {
	page := read(t, filepath.Join(root, "docs/design/contract.md"))
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "api/v1alpha1/conditions.go"), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		for _, value := range spec.Values {
			literal, ok := value.(*ast.BasicLit)
			if !ok {
				continue
			}
			word, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			found++
			if !regexp.MustCompile(`\b` + word + `\b`).MatchString(page) {
				t.Errorf("docs/design/contract.md lacks %s", word)
			}
		}
		return true
	})
	if found == 0 {
		t.Fatal("there are no reasons")
	}
}

// pages are all of the documentation.
func pages(t *testing.T) []string {
	t.Helper()
	var found []string
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"} {
		found = append(found, filepath.Join(root, name))
	}
	err := filepath.WalkDir(filepath.Join(root, "docs"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "node_modules" { // of the site's generator
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
