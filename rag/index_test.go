package rag

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/blevesearch/vellum"
	zap "github.com/blevesearch/zapx/v17"
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
		"OtherForm": {"it is of another form", bytes.Replace(compiled, []byte("index 2"), []byte("index 1"), 1), false},
	} {
		t.Run(name, func(t *testing.T) {
			if loaded := (&index{version: built.version, entries: built.entries}).load(tc.text); loaded != tc.loaded {
				t.Errorf("%s: loaded %t", tc.reason, loaded)
			}
			ix, err := newIndex("file.txt", []byte(content), tc.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(postingsOf(t, built), postingsOf(t, ix)); diff != "" {
				t.Errorf("%s (-built +got):\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(built.lengths, ix.lengths); diff != "" {
				t.Errorf("%s (-built +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// postingsOf lists what an index holds: by field and term, the entries that have it, how often, and how long the field is.
func postingsOf(t *testing.T, ix *index) map[string][][3]float64 {
	t.Helper()
	r, err := ix.reader()
	must(t, err)
	defer ix.readers.Put(r)
	all := map[string][][3]float64{}
	for _, dictionaries := range r.dictionaries {
		for field, dictionary := range dictionaries {
			terms := dictionary.AutomatonIterator(&vellum.AlwaysMatch{}, nil, nil)
			for {
				term, err := terms.Next()
				must(t, err)
				if term == nil {
					break
				}
				key := fields[field] + " " + term.Term
				all[key] = nil
				must(t, ix.postings(context.Background(), r, term.Term, field, func(entry uint32, frequency, length float64) {
					all[key] = append(all[key], [3]float64{float64(entry), frequency, length})
				}))
			}
		}
	}
	return all
}

// TestPostings: the segments hold what the analyzer makes of the lines.
func TestPostings(t *testing.T) {
	ix := build(t, "## Amounts\nan amount, another amount [sum]\n##\ne-mail\n")
	want := map[string][][3]float64{
		"text amount": {{0, 2, 3}}, "text anoth": {{0, 1, 3}}, "title amount": {{0, 1, 1}}, "tags sum": {{0, 1, 1}},
		"text e": {{1, 1, 3}}, "text mail": {{1, 1, 3}}, "text email": {{1, 1, 3}},
	}
	if diff := cmp.Diff(want, postingsOf(t, ix)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if want := [fieldCount]int{6, 1, 1}; ix.lengths != want {
		t.Errorf("the fields are %v terms long together; want %v", ix.lengths, want)
	}
}

// TestSegments: a file of many segments is searched as one.
func TestSegments(t *testing.T) {
	var content strings.Builder
	for content.Len() < 2*segmentBytes+segmentBytes/2 {
		content.WriteString("an amount above the maximum, and " + strings.Repeat("filling ", 500) + "\n")
	}
	content.WriteString("the amount of the last line\n")
	ix := build(t, content.String())
	if len(ix.segments) != 3 {
		t.Fatalf("%d segments; want 3", len(ix.segments))
	}
	var entries []uint32
	for _, p := range postingsOf(t, ix)["text amount"][:len(ix.entries)] {
		entries = append(entries, uint32(p[0]))
	}
	if !slices.IsSorted(entries) || len(slices.Compact(entries)) != len(ix.entries) {
		t.Errorf("the entries of a word that all of them have are %v", entries)
	}
	if diff := cmp.Diff([]int{ix.entries[len(ix.entries)-1].line}, lines(t, ix, Query{Text: "last amount"}, 0.5)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	compiled, err := Compile("file.txt", []byte(content.String()))
	must(t, err)
	loaded := &index{version: ix.version, entries: ix.entries}
	if !loaded.load(compiled) {
		t.Fatal("the compiled index is not taken")
	}
	if diff := cmp.Diff(postingsOf(t, ix), postingsOf(t, loaded)); diff != "" {
		t.Errorf("-built +loaded:\n%s", diff)
	}
}

// TestCompileIsReproducible: the same content gives the same bytes, and their checksum is zap's.
func TestCompileIsReproducible(t *testing.T) {
	const content = "## Amounts\nan amount above the maximum [limit, money]\nanother amount\n"
	first, err := Compile("notes.txt", []byte(content))
	must(t, err)
	for range 50 {
		again, err := Compile("notes.txt", []byte(content))
		must(t, err)
		if !bytes.Equal(first, again) {
			t.Fatal("the same content gave other bytes")
		}
	}
	path := filepath.Join(t.TempDir(), "segment.zap")
	at := bytes.LastIndexByte(first[:len(compiledForm)+2*len(digest(nil))+2], '\n') + 1
	for range fieldCount + 2 { // the lengths, how many segments, and the size
		_, size := binary.Uvarint(first[at:])
		at += size
	}
	must(t, os.WriteFile(path, first[at:], 0o600))
	opened, err := new(zap.ZapPlugin).Open(path)
	must(t, err)
	if n := opened.Count(); n != 2 {
		t.Errorf("zap finds %d documents; want 2", n)
	}
	body := first[at : len(first)-footerChecksum]
	if got, want := opened.(*zap.Segment).CRC(), crc32.ChecksumIEEE(body); got != want {
		t.Errorf("the checksum is %x; want %x", got, want)
	}
	must(t, opened.Close())
}

// FuzzCompiled: whatever stands in a compiled index, only what Compile wrote is taken.
func FuzzCompiled(f *testing.F) {
	const content = "an amount above the maximum\nanother amount\n"
	compiled, err := Compile("notes.txt", []byte(content))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(compiled)
	f.Add(compiled[:len(compiled)-20])
	f.Add([]byte(compiledForm))
	f.Add([]byte(compiledForm + digest([]byte(content)) + "\n"))
	f.Fuzz(func(t *testing.T, other []byte) {
		ix := &index{version: digest([]byte(content)), entries: make([]entry, 2)}
		if ix.load(other) != bytes.Equal(other, compiled) {
			t.Errorf("%q is taken", other)
		}
	})
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

// TestNearIsOneEdit holds the spellings near a word to the definition.
func TestNearIsOneEdit(t *testing.T) {
	word := rapid.StringOfN(rapid.SampledFrom([]rune("xyä")), 1, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfNDistinct(word, 1, maxSpellings, rapid.ID[string]).Draw(t, "words")
		wanted := word.Draw(t, "wanted")
		ix, err := newIndex("f", []byte("q "+strings.Join(words, " ")), nil)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for _, term := range queryTerms(ix.analyzer, strings.Join(words, " "), nil) {
			spelling := term.spellings[0]
			if []rune(spelling)[0] == []rune(wanted)[0] && distance([]rune(spelling), []rune(wanted)) <= 1 {
				want = append(want, spelling)
			}
		}
		slices.Sort(want)
		r, err := ix.reader()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ix.near(r, wanted)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("near %q of %q are %q and %v; want %q", wanted, words, got, err, want)
		}
	})
}

// TestNear: the spellings near a word are those of all fields, in order, and begin with the same letter.
func TestNear(t *testing.T) {
	ix := build(t, "## cart\ncare core cards scare car czrt ca\ncard\n## carts\nsomething [cart, cast]\n")
	if diff := cmp.Diff([]string{"car", "card", "care", "cart", "cast", "czrt"}, near(t, ix, "cart")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var many strings.Builder
	for letter := 'a'; letter <= 'z'; letter++ {
		many.WriteString("wor" + string(letter) + "m\n")
	}
	if found := near(t, build(t, many.String()), "worm"); len(found) != maxSpellings {
		t.Errorf("%d spellings: %q; want %d", len(found), found, maxSpellings)
	}
}

func near(t *testing.T, ix *index, term string) []string {
	t.Helper()
	r, err := ix.reader()
	must(t, err)
	found, err := ix.near(r, term)
	must(t, err)
	return found
}
