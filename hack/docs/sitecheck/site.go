package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// site is what was built.
type site struct {
	dir, base string
	pages     map[string]*page // by their files, such as modules/range.html
	styles    map[string]string

	inner, outer, loads int
}

// read reads a site's pages and style sheets.
func read(dir, base string) (*site, error) {
	if !strings.HasPrefix(base, "/") || !strings.HasSuffix(base, "/") {
		return nil, fmt.Errorf("-base %q: give a path with a slash at both ends", base)
	}
	s := &site{dir: dir, base: base, pages: map[string]*page{}, styles: map[string]string{}}
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		switch path.Ext(name) {
		case ".html":
			s.pages[name], err = readPage(file)
		case ".css":
			var text []byte
			text, err = os.ReadFile(file) //nolint:gosec // it was found below dir
			s.styles[name] = string(text)
		}
		return err
	})
	if err == nil && s.pages["index.html"] == nil {
		err = errors.New("there is no index.html in " + dir)
	}
	return s, err
}

// problems says all that is wrong.
func (s *site) problems() []string {
	var found []string
	reached := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(s.pages)) {
		p := s.pages[name]
		for _, problem := range p.problems {
			found = append(found, name+": "+problem)
		}
		for _, address := range p.loads {
			s.loads++
			if problem := s.loadable(name, address); problem != "" {
				found = append(found, name+": "+problem)
			}
		}
		for _, address := range p.links {
			target, problem := s.follow(name, address)
			if problem != "" {
				found = append(found, name+": "+problem)
			}
			reached[name] = append(reached[name], target)
		}
	}
	for name, text := range s.styles {
		for _, m := range styleAddress.FindAllStringSubmatch(text, -1) {
			if problem := s.loadable(name, m[1]+m[2]); problem != "" {
				found = append(found, name+": "+problem)
			}
		}
	}
	return append(found, s.orphans(reached)...)
}

// styleAddress is what a style sheet loads.
var styleAddress = regexp.MustCompile(`url\(["']?([^"')]+)["']?\)|@import\s+["']([^"']+)["']`)

// loadable says what is wrong with what a page or a style sheet loads: it must be a file of the site.
func (s *site) loadable(from, address string) string {
	if strings.HasPrefix(address, "data:") || strings.HasPrefix(address, "#") {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || u.Host != "" || u.Scheme != "" {
		return address + " is loaded from another host"
	}
	if file, ok := s.file(from, u.Path); !ok {
		return address + " is not there: no file " + file
	}
	return ""
}

// follow gives the page that a link leads to, if it is one of the site.
func (s *site) follow(from, address string) (target, problem string) {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return "", address + " is no address"
	case u.Scheme == "http":
		return "", address + " is not https"
	case u.Host != "" || u.Scheme != "":
		s.outer++
		return "", ""
	}
	s.inner++
	target = from
	if u.Path != "" {
		var ok bool
		if target, ok = s.file(from, u.Path); !ok {
			return "", address + " leads nowhere"
		}
	}
	if to := s.pages[target]; to != nil && u.Fragment != "" && !to.ids[u.Fragment] {
		return target, address + " has no such heading"
	}
	return target, ""
}

// file is the file that a server sends for a path, such as modules/range.html for /modules/range.
func (s *site) file(from, at string) (name string, ok bool) {
	if !strings.HasPrefix(at, "/") {
		at = s.base + path.Join(path.Dir(from), at)
	}
	name, ok = strings.CutPrefix(at, s.base)
	if !ok {
		return at, false
	}
	for _, candidate := range []string{name, name + ".html", path.Join(name, "index.html")} {
		if info, err := os.Stat(filepath.Join(s.dir, filepath.FromSlash(candidate))); err == nil && !info.IsDir() && candidate != "" {
			return candidate, true
		}
	}
	return name, false
}

// orphans are pages to which no path of links leads from the first one.
func (s *site) orphans(reached map[string][]string) []string {
	seen, next := map[string]bool{"404.html": true}, []string{"index.html"}
	for len(next) > 0 {
		name := next[0]
		next = next[1:]
		if !seen[name] {
			seen[name] = true
			next = append(next, reached[name]...)
		}
	}
	var found []string
	for name := range s.pages {
		if !seen[name] {
			found = append(found, name+": no path of links leads here from the first page; name it in docs/.vitepress/sidebar.mts")
		}
	}
	return found
}
