package rag

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky"
)

// TestCompiledIndexIsCommitted holds the index that ships to the knowledge file that ships: make generate writes it.
func TestCompiledIndexIsCommitted(t *testing.T) {
	compiled, err := Compile(checky.KnowledgeName, checky.Knowledge)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(compiled, checky.KnowledgeIndex) {
		t.Error("rag-content.idx is not the index of rag-content.txt: run make generate")
	}
}

// TestCompiled: a compiled index is the one that is built, and what is not one of the same content is built anew.
func TestCompiled(t *testing.T) {
	const content = "## Amounts\nan amount above the maximum [limit, money]\nanother amount, and the amount again\n## Names\nJörg and e-mail\n"
	compiled, err := Compile("notes.txt", []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	built := build(t, content)
	for name, tc := range map[string]struct {
		reason string
		text   []byte
		loaded bool
	}{
		"Same":      {"it is of this content", compiled, true},
		"None":      {"there is none", nil, false},
		"Cut":       {"its end is missing", compiled[:len(compiled)-1], false},
		"Longer":    {"there is more after its end", append(slices.Clone(compiled), 0), false},
		"OtherText": {"it is of another content", bytes.Replace(compiled, []byte("sha256:"), []byte("sha256-"), 1), false},
		"OtherForm": {"it is of another form", bytes.Replace(compiled, []byte("index 1"), []byte("index 2"), 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			if loaded := (&index{version: built.version, entries: built.entries}).load(tc.text); loaded != tc.loaded {
				t.Errorf("%s: loaded %t", tc.reason, loaded)
			}
			ix, err := newIndex("file.txt", []byte(content), tc.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(built.fields, ix.fields, cmp.AllowUnexported(dictionary{}, posting{})); diff != "" {
				t.Errorf("%s (-built +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(built.norms, ix.norms); diff != "" {
				t.Errorf("%s (-built +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// FuzzCompiled: whatever stands in a compiled index, it is taken or not, and what is taken stays within the entries.
func FuzzCompiled(f *testing.F) {
	const content = "an amount above the maximum\nanother amount\n"
	compiled, err := Compile("notes.txt", []byte(content))
	if err != nil {
		f.Fatal(err)
	}
	head := len(compiledForm) + len(digest(nil)) + 1
	f.Add(compiled[head:])
	f.Add([]byte{0, 0, 0})
	f.Add([]byte{1, 1, 'a', 2, 1, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, body []byte) {
		ix := &index{version: digest([]byte(content)), entries: make([]entry, 2)}
		if !ix.load(append(slices.Clone(compiled[:head]), body...)) {
			return
		}
		for field := range ix.fields {
			ix.measure(field) // it indexes by entry
		}
	})
}

// TestJoin: the index is the same into however many parts the file is cut.
func TestJoin(t *testing.T) {
	ix := build(t, string(checky.Knowledge))
	for _, cuts := range [][]int{{0, len(ix.entries)}, {0, 1, len(ix.entries)}, {0, 7, 8, 300, len(ix.entries)}} {
		var parts []part
		for i := range cuts[1:] {
			parts = append(parts, ix.analyse(cuts[i], cuts[i+1]))
		}
		for field := range ix.fields {
			if diff := cmp.Diff(ix.fields[field], join(parts, field), cmp.AllowUnexported(dictionary{}, posting{})); diff != "" {
				t.Errorf("cut at %v, field %d:\n%s", cuts, field, diff)
			}
		}
	}
}

// distance is the optimal string alignment distance, by its definition.
func distance(a, b []rune) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}

func TestOneEdit(t *testing.T) {
	word := rapid.SliceOfN(rapid.SampledFrom([]rune("abä")), 0, 6)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if got, want := oneEdit(a, b), distance(a, b) <= 1; got != want {
			t.Errorf("%q and %q are one edit apart: %t, want %t", string(a), string(b), got, want)
		}
	})
}

// TestNear: the spellings near a word are those of all fields, in order, and begin with the same letter.
func TestNear(t *testing.T) {
	ix := build(t, "## cart\ncare core cards scare car czrt ca\ncard\n## carts\nsomething [cart, cast]\n")
	if diff := cmp.Diff([]string{"car", "card", "care", "cart", "cast", "czrt"}, ix.near("cart")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var many strings.Builder
	for letter := 'a'; letter <= 'z'; letter++ {
		many.WriteString("wor" + string(letter) + "m\n")
	}
	if found := build(t, many.String()).near("worm"); len(found) != maxSpellings {
		t.Errorf("%d spellings: %q; want %d", len(found), found, maxSpellings)
	}
}
