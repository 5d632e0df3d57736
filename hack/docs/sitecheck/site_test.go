package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProblems(t *testing.T) {
	const head, good = `<!doctype html><html lang="en"><body>`, `<main><h1 id="a">A</h1></main>`
	for name, c := range map[string]struct {
		reason string
		files  map[string]string
		want   []string
	}{
		"Good": {
			reason: "links by path, by relative path, to an anchor and to another site lead somewhere",
			files: map[string]string{
				"index.html":   head + good + `<a href="/x/d/"></a><a href="d/b#a"></a><a href="#a"></a><a href="https://example.com"></a>`,
				"d/index.html": head + good + `<img alt="" src="../logo.svg">`, "d/b.html": head + good, "logo.svg": "<svg/>",
				"s.css": `a { background: url("/x/logo.svg") }`,
			},
		},
		"Dead": {
			reason: "a page and an anchor that are not there",
			files:  map[string]string{"index.html": head + good + `<a href="/x/gone"></a><a href="#b"></a><a href="/elsewhere"></a>`},
			want:   []string{"index.html: #b has no such heading", "index.html: /elsewhere leads nowhere", "index.html: /x/gone leads nowhere"},
		},
		"Foreign": {
			reason: "nothing is loaded from another host",
			files: map[string]string{
				"index.html": head + good + `<script src="https://example.com/a.js"></script><link rel="stylesheet" href="//example.com/a.css">`,
				"s.css":      `@import "https://example.com/b.css"; a { background: url(https://example.com/c.png) }`,
			},
			want: []string{
				"index.html: //example.com/a.css is loaded from another host", "index.html: https://example.com/a.js is loaded from another host",
				"s.css: https://example.com/b.css is loaded from another host", "s.css: https://example.com/c.png is loaded from another host",
			},
		},
		"Unread": {
			reason: "what a screen's reader needs: a language, headings in order, words for pictures",
			files:  map[string]string{"index.html": `<html><body><main><h1>A</h1><h3 id="c">C</h3></main><img src="data:,">`},
			want:   []string{"index.html: a picture has no alt", "index.html: its headings jump from level 1 to 3 at c", "index.html: its language is not said"},
		},
		"Orphan": {
			reason: "a page that nothing leads to",
			files:  map[string]string{"index.html": head + good, "b.html": head + good},
			want:   []string{"b.html: no path of links leads here from the first page; name it in docs/.vitepress/sidebar.mts"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range c.files {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s, err := read(dir, "/x/")
			if err != nil {
				t.Fatal(err)
			}
			got := s.problems()
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	if _, err := read(t.TempDir(), "/x/"); err == nil {
		t.Error("a folder without pages is taken for a site")
	}
	if _, err := read(t.TempDir(), "x"); err == nil {
		t.Error("a base without slashes is taken")
	}
}
