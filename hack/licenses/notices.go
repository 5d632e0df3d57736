package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// platforms are those of the released programs; what is linked differs between them, not between architectures.
var platforms = []string{"linux", "darwin", "windows"}

// linuxOnly is the program that sounds; it is released for Linux alone.
const linuxOnly = "github.com/checky-dev/checky/cmd/checky-alertd"

// licenceFile is how modules name the files that have to be kept with their code.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|copyright)([.-].*)?$`)

// notices are texts of licences with what is under each: a module at its version, or a path of this repository.
type notices struct {
	users map[string]map[string]bool
}

func (n *notices) add(text []byte, user string) {
	key := strings.TrimSpace(strings.ReplaceAll(string(text), "\r\n", "\n"))
	if n.users[key] == nil {
		n.users[key] = map[string]bool{}
	}
	n.users[key][user] = true
}

// linked is a package as `go list -json` tells of it.
type linked struct {
	ImportPath, Dir, Name string
	Module                *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// addLinked adds the licences of every package that a released program contains.
func (n *notices) addLinked(ctx context.Context) error {
	seen := map[string]bool{}
	for _, platform := range platforms {
		packages, err := dependencies(ctx, platform)
		if err != nil {
			return err
		}
		for _, p := range packages {
			if p.Module == nil || p.Module.Main || seen[p.ImportPath] {
				continue
			}
			seen[p.ImportPath] = true
			if err := n.addPackage(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// dependencies lists what the programs of a platform are made of.
func dependencies(ctx context.Context, platform string) ([]linked, error) {
	env := append(os.Environ(), "GOOS="+platform, "GOARCH=amd64", "CGO_ENABLED=0")
	if platform == "linux" {
		env = append(env, "CGO_ENABLED=1")
	}
	commands, err := list(ctx, env, "-e", "./cmd/...")
	if err != nil {
		return nil, err
	}
	var programs []string
	for _, p := range commands {
		if p.Name == "main" && (platform == "linux" || p.ImportPath != linuxOnly) {
			programs = append(programs, p.ImportPath)
		}
	}
	return list(ctx, env, append([]string{"-deps"}, programs...)...)
}

func list(ctx context.Context, env []string, args ...string) ([]linked, error) {
	// #nosec G204 -- the arguments are import paths of this module.
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json=ImportPath,Dir,Name,Module"}, args...)...)
	cmd.Env, cmd.Stderr = env, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", strings.Join(args, " "), err)
	}
	var found []linked
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p linked
		switch err := decoder.Decode(&p); { //nolint:musttag // go list names members as Go names fields
		case errors.Is(err, io.EOF):
			return found, nil
		case err != nil:
			return nil, fmt.Errorf("what go list printed: %w", err)
		}
		found = append(found, p)
	}
}

// addPackage adds the licences in a package's folder and above it, up to the root of its module: code that a module took
// from elsewhere has its licence beside it.
func (n *notices) addPackage(p linked) error {
	found := false
	for dir := p.Dir; ; dir = filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if entry.IsDir() || !licenceFile.MatchString(entry.Name()) || strings.HasSuffix(entry.Name(), ".go") {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			if err != nil {
				return err
			}
			n.add(text, p.Module.Path+" "+p.Module.Version)
			found = true
		}
		if dir == p.Module.Dir || dir == filepath.Dir(dir) {
			break
		}
	}
	if !found {
		return fmt.Errorf("%s of %s %s has no licence: look for it, and do without the module if there is none",
			p.ImportPath, p.Module.Path, p.Module.Version)
	}
	return nil
}

// addGo adds the licence of the standard library, which every program contains.
func (n *notices) addGo(ctx context.Context) error {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "LICENSE"))
	if err != nil {
		return err
	}
	n.add(text, "Go's standard library")
	return nil
}

// addEmbedded adds the licences that lie in this repository beside files of others that the programs embed.
func (n *notices) addEmbedded() error {
	checkout, err := os.OpenRoot(".")
	if err != nil {
		return err
	}
	defer checkout.Close() //nolint:errcheck // it was read
	return fs.WalkDir(checkout.FS(), "apiserver", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(entry.Name(), "LICENSE") {
			return err
		}
		text, err := checkout.ReadFile(path)
		if err != nil {
			return err
		}
		n.add(text, "embedded in Checky: "+path)
		return nil
	})
}

const preamble = `Third-party notices

Checky is under the Apache License 2.0 (LICENSE). Its programs contain code and data of others, under the licences below;
each text stands once, below the list of what is under it. A module of which a program contains no package is not listed.

The list of common passwords that the REST facade compares with, apiserver/password/common.txt in Checky's repository,
is under the Mozilla Public License 2.0, https://mozilla.org/MPL/2.0/, and its source is that file.

The image of checky-alertd contains Debian packages besides, ALSA's library (LGPL-2.1-or-later) and the C library among
them; their licences are in its folder /usr/share/doc.

This file is written by "make notices".
`

func (n *notices) write(out io.Writer) {
	type section struct {
		users []string
		text  string
	}
	var sections []section
	for text, users := range n.users {
		sections = append(sections, section{users: slices.Sorted(maps.Keys(users)), text: text})
	}
	slices.SortFunc(sections, func(a, b section) int {
		if by := slices.Compare(a.users, b.users); by != 0 {
			return by
		}
		return strings.Compare(a.text, b.text)
	})
	_, _ = io.WriteString(out, preamble)
	rule := strings.Repeat("=", 100)
	for _, s := range sections {
		_, _ = fmt.Fprintf(out, "\n%s\n%s\n%s\n\n%s\n", rule, strings.Join(s.users, "\n"), rule, s.text)
	}
}
