package rag

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky"
)

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason  string
		content string
		want    []entry
	}{
		"lines": {
			reason:  "Any text file of lines is a knowledge file, whatever ends its lines",
			content: "first\nsecond\r\n\n   \nthird",
			want:    []entry{{line: 1, text: "first"}, {line: 2, text: "second"}, {line: 5, text: "third"}},
		},
		"headings": {
			reason:  "A heading of any level titles what follows until the next, and an empty one takes the title away",
			content: "zero\n## One\na\n### Two ##\nb\n##\nc\n",
			want: []entry{
				{line: 1, text: "zero"}, {line: 3, title: "One", text: "a"}, {line: 5, title: "Two ##", text: "b"}, {line: 7, text: "c"},
			},
		},
		"comments": {
			reason:  "One number sign and a space, or alone, is a comment; without a space it is text",
			content: "# no\n#\n#yes\n  # no\n##yes\n",
			want:    []entry{{line: 3, text: "#yes"}, {line: 5, text: "##yes"}},
		},
		"byte order mark": {
			reason:  "Editors write one; it is no part of the first line",
			content: "\ufeff## Title\ntext\n",
			want:    []entry{{line: 2, title: "Title", text: "text"}},
		},
		"tags": {
			reason:  "Tags at the end of a line are searched, not shown",
			content: "An amount. [money, price list, iso-4217]\n",
			want:    []entry{{line: 1, text: "An amount.", tags: "money, price list, iso-4217"}},
		},
		"no tags": {
			reason:  "Brackets that hold anything but words are text, and so is a line of nothing else",
			content: "See [1]\nAn array [\"a\", b]\nitems[all]\n[tag]\nempty []\nopen ]\na [x] b\n",
			want: []entry{
				{line: 1, text: "See [1]"}, {line: 2, text: "An array [\"a\", b]"}, {line: 3, text: "items[all]"}, {line: 4, text: "[tag]"},
				{line: 5, text: "empty []"}, {line: 6, text: "open ]"}, {line: 7, text: "a [x] b"},
			},
		},
		"control characters": {
			reason:  "Lines are shown on terminals, which obey control characters",
			content: "red \x1b[31m and\ttab\x7f\n",
			want:    []entry{{line: 1, text: "red  [31m and tab"}},
		},
		"longest line": {
			reason:  "The bound itself is allowed",
			content: strings.Repeat("x", MaxLineBytes) + "\r\n",
			want:    []entry{{line: 1, text: strings.Repeat("x", MaxLineBytes)}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := parse("file.txt", []byte(c.content))
			if err != nil {
				t.Fatalf("%s: %v", c.reason, err)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(entry{})); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct {
		reason  string
		content string
		line    int
		want    string
	}{
		"empty":        {"Nothing could be cited", "", 0, "no entry"},
		"no entry":     {"Headings and comments cannot be cited", "# a\n## b\n\n", 0, "no entry"},
		"NUL":          {"It is not a text file", "a\nb\x00c\n", 2, "NUL"},
		"UTF-16":       {"It is another encoding", "\xff\xfea\x00b\x00", 1, "UTF-8"},
		"Latin-1":      {"It is another encoding", "ok\n\ncaf\xe9\n", 3, "UTF-8"},
		"in a comment": {"A broken comment is a broken file", "# caf\xe9\nok\n", 1, "UTF-8"},
		"long line":    {"A line is one entry, to be read in a terminal", "ok\n" + strings.Repeat("x", MaxLineBytes+1), 2, "8192"},
		"many lines":   {"The index is held in memory", strings.Repeat("\n", MaxLines) + "x", MaxLines + 1, "200000 lines"},
		"large":        {"The file is held in memory", strings.Repeat("x\n", MaxFileBytes/2+1), 0, "32 MiB"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parse("file.txt", []byte(c.content))
			var parse *ParseError
			if !errors.As(err, &parse) {
				t.Fatalf("%s: got %v; want a *ParseError", c.reason, err)
			}
			if parse.File != "file.txt" || parse.Line != c.line || !strings.Contains(parse.Reason, c.want) {
				t.Errorf("%s: got %q; want line %d and %q", c.reason, err, c.line, c.want)
			}
		})
	}
}

func TestParseMostLines(t *testing.T) {
	entries, err := parse("file.txt", bytes.Repeat([]byte("x\n"), MaxLines))
	if err != nil || len(entries) != MaxLines {
		t.Errorf("got %d entries and %v; want as many as lines are allowed", len(entries), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(checky.Knowledge[:2048])
	for _, seed := range []string{"", "\ufeff# c\n## t\r\ntext [a, b]\n", "a\x00", "\xff", "##", "[", " ]", "x []\n", "\x1b[0m"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		entries, err := parse("f", content)
		if err != nil {
			var parse *ParseError
			if !errors.As(err, &parse) {
				t.Fatalf("%v is no *ParseError", err)
			}
			return
		}
		last := 0
		for _, e := range entries {
			if e.line <= last || e.text == "" || strings.ContainsAny(e.text+e.title, "\x00\x1b\r\n") {
				t.Fatalf("entry %+v after line %d", e, last)
			}
			last = e.line
		}
	})
}
