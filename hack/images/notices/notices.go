// Package notices collects the licences of all that is linked into a program: those of the Go toolchain, of the modules,
// and of what the program embeds. It needs the standard library alone, so that a container build fetches nothing for it.
//
//	notices.Write(ctx, out, notices.Program{Root: ".", Package: "./cmd/checky"})
//
// A licence counts if it lies in a linked package's folder or in one above it, up to its module's root; a module without
// one is an error, since it must not be shipped.
package notices

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Program is what is asked about.
type Program struct {
	Root    string   // the folder of its module's go.mod
	Package string   // its import path, or a path from Root as ./cmd/checky
	Env     []string // KEY=VALUE beside the environment: GOOS, GOARCH and CGO_ENABLED as it is built with
}

// A file's name tells that it is a licence: LICENSE, COPYING.txt, NOTICE, redoc.js.LICENSE.txt; but license.go is code.
var (
	licence = regexp.MustCompile(`(?i)(^|\.)(licen[cs]es?|copying|notice|patents)([-.].*)?$`)
	code    = regexp.MustCompile(`(?i)\.(go|mod|sum|s|c|h|sh|py|yaml|yml|json)$`)
)

// text is one licence, and whose it is.
type text struct {
	of   []string // "module version: path in it", in the order of discovery
	body []byte
}

// Write writes the licences, each text once with all that it is the licence of, in an order that depends on them alone.
func Write(ctx context.Context, w io.Writer, program Program) error {
	modules, err := list(ctx, program)
	if err != nil {
		return err
	}
	texts := map[[sha256.Size]byte]*text{}
	for _, m := range modules {
		found, err := m.licences()
		if err != nil {
			return err
		}
		if len(found) == 0 && !m.main {
			return fmt.Errorf("%s has no licence in %s", m.name, m.dir)
		}
		for _, path := range found {
			body, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			body = append(bytes.TrimSpace(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))), '\n')
			key := sha256.Sum256(body)
			if texts[key] == nil {
				texts[key] = &text{body: body}
			}
			in, err := filepath.Rel(m.dir, path)
			if err != nil {
				return err
			}
			texts[key].of = append(texts[key].of, m.name+": "+filepath.ToSlash(in))
		}
	}
	return print(w, texts)
}

func print(w io.Writer, texts map[[sha256.Size]byte]*text) error {
	sorted := make([]*text, 0, len(texts))
	for _, t := range texts {
		slices.Sort(t.of)
		sorted = append(sorted, t)
	}
	slices.SortFunc(sorted, func(a, b *text) int { return strings.Compare(a.of[0], b.of[0]) })
	var out bytes.Buffer
	out.WriteString("This program is made of the works below, each under its licence.\n")
	for _, t := range sorted {
		fmt.Fprintf(&out, "\n%s\n%s\n%s\n\n", strings.Repeat("=", 80), strings.Join(t.of, "\n"), strings.Repeat("-", 80))
		out.Write(t.body)
	}
	_, err := w.Write(out.Bytes())
	return err
}

// module is one of those that the program is linked from.
type module struct {
	name     string // path and version
	dir      string
	main     bool            // the program's own, whose licence is beside this file
	packages map[string]bool // the linked packages' folders
}

// list asks the go command which packages are linked.
func list(ctx context.Context, program Program) ([]*module, error) {
	const format = `{{with .Module}}{{.Path}}{{with .Version}} {{.}}{{end}}	{{.Main}}	{{with .Replace}}{{.Dir}}{{else}}{{.Dir}}{{end}}	{{$.Dir}}{{else}}Go standard library	false		{{.Dir}}{{end}}`
	out, err := goCommand(ctx, program, "list", "-deps", "-f", format, program.Package)
	if err != nil {
		return nil, err
	}
	root, err := goCommand(ctx, program, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	goroot, err := licensed(strings.TrimSpace(string(root)))
	if err != nil {
		return nil, err
	}
	modules := map[string]*module{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 4 {
			return nil, fmt.Errorf("go list: unexpected line %q", line)
		}
		name, dir, in := fields[0], fields[2], fields[3]
		if dir == "" { // the standard library's licence lies at the root of the toolchain
			dir, in = goroot, goroot
		}
		if modules[name] == nil {
			modules[name] = &module{name: name, dir: dir, main: fields[1] == "true", packages: map[string]bool{}}
		}
		modules[name].packages[in] = true
	}
	sorted := make([]*module, 0, len(modules))
	for _, m := range modules {
		sorted = append(sorted, m)
	}
	slices.SortFunc(sorted, func(a, b *module) int { return strings.Compare(a.name, b.name) })
	return sorted, nil
}

// licensed is the folder of the toolchain's licence: distributions keep it above GOROOT or at it.
func licensed(goroot string) (string, error) {
	for _, dir := range []string{goroot, filepath.Dir(goroot)} {
		if _, err := os.Stat(filepath.Join(dir, "LICENSE")); err == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("the Go toolchain in %s has no LICENSE file beside it", goroot)
}

// licences are the paths of a module's licences that bear on the linked packages.
func (m *module) licences() ([]string, error) {
	folders := map[string]bool{}
	for dir := range m.packages {
		for ; !folders[dir] && within(m.dir, dir); dir = filepath.Dir(dir) {
			folders[dir] = true
		}
	}
	if m.main {
		delete(folders, m.dir) // Checky's own licence, which is a file of its own in the image
		if err := m.embedded(folders); err != nil {
			return nil, err
		}
	}
	var found []string
	for dir := range folders {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if name := entry.Name(); entry.Type().IsRegular() && licence.MatchString(name) && !code.MatchString(name) {
				found = append(found, filepath.Join(dir, name))
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

// embedded adds the folders below the linked packages that are no packages: what they embed lies there, licences among it.
func (m *module) embedded(folders map[string]bool) error {
	for dir := range m.packages {
		err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
			if err != nil || !entry.IsDir() || path == dir {
				return err
			}
			if entry.Name() == "testdata" || entry.Name() == "node_modules" || dir == m.dir {
				return filepath.SkipDir
			}
			sources, err := filepath.Glob(filepath.Join(path, "*.go"))
			if err != nil {
				return err
			}
			if len(sources) > 0 {
				return filepath.SkipDir
			}
			folders[path] = true
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func within(root, dir string) bool {
	return dir == root || strings.HasPrefix(dir, root+string(filepath.Separator))
}

func goCommand(ctx context.Context, program Program, args ...string) ([]byte, error) {
	command := exec.CommandContext(ctx, "go", args...) //nolint:gosec // what to run is this program's own
	command.Dir = program.Root
	command.Env = append(os.Environ(), append([]string{"GOWORK=off"}, program.Env...)...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go %s: %w", args[0], err)
	}
	return out, nil
}
