package rag

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// build gives an index of content.
func build(t *testing.T, content string) *index {
	t.Helper()
	ix, err := newIndex("file.txt", []byte(content), nil)
	if err != nil {
		t.Fatal(err)
	}
	return ix
}

// lines gives the lines of the hits of a query.
func lines(t *testing.T, ix *index, q Query, threshold float64) []int {
	t.Helper()
	hits, err := ix.search(context.Background(), q, MaxHits, threshold)
	if err != nil {
		t.Fatal(err)
	}
	var list []int
	for _, h := range hits {
		list = append(list, h.Line)
	}
	return list
}

func TestSearch(t *testing.T) {
	const file = `## Amounts
An amount is above the maximum.
An amount is negative. [minus]
## Addresses
A postal code lost its zero. [zip]
The imagePullPolicy is Always. [registry]
The e-mail address is not valid.
Port 443 is for TLS.
`
	ix := build(t, file)
	cases := map[string]struct {
		reason string
		query  Query
		want   []int
	}{
		"best first":  {"The line with more of the words is first", Query{Text: "amount maximum"}, []int{2, 3}},
		"ties":        {"Lines that are equally good come in their order", Query{Text: "amount"}, []int{2, 3}},
		"tail":        {"A line that has far less of the question than the first is none", Query{Text: "image pull policy of addresses"}, []int{6}},
		"hints":       {"Hints order", Query{Text: "amount", Hints: "negative"}, []int{3, 2}},
		"known name":  {"A name that the file knows counts", Query{Text: "codes", Names: "zip"}, []int{5}},
		"other names": {"Names that the file does not know do not count", Query{Text: "negative", Names: "xyzzy plugh frobnicate"}, []int{3}},
		"hints alone": {"Hints ask for nothing", Query{Hints: "negative amount"}, nil},
		"title":       {"A title is searched", Query{Text: "addresses"}, []int{7, 5, 6, 8}},
		"tag":         {"A tag is searched", Query{Text: "registry"}, []int{6}},
		"identifier":  {"An identifier is its words", Query{Text: "image pull policy"}, []int{6}},
		"compound":    {"A compound is found by its other spelling", Query{Text: "email"}, []int{7}},
		"stems":       {"Word forms are one", Query{Text: "codes losing zeros"}, []int{5}},
		"irrelevant":  {"One common word of many is not enough", Query{Text: "amount of rain that falls on mountains in northern Norway"}, nil},
		"unknown":     {"What nothing is about has no answer", Query{Text: "pizza"}, nil},
		"stop words":  {"Stop words ask for nothing", Query{Text: "what is the"}, nil},
		"empty":       {"Nothing asks for nothing", Query{}, nil},
		"misspelt":    {"Where no word is known, those near it are tried", Query{Text: "maximim"}, []int{2}},
		"short":       {"A short word has too many words near it", Query{Text: "fort"}, nil},
		"known":       {"Where a word is known nothing is corrected", Query{Text: "postal code zero maximim"}, []int{5}},
		"values":      {"A number that the file does not have is a value, not a topic", Query{Text: "postal code 99999 12 77 5150"}, []int{5}},
		"number":      {"A number that the file has is a topic", Query{Text: "443"}, []int{8}},
		"syntax":      {"A query has no syntax", Query{Text: `-amount +"maximum" ~2 /an.*/ ^5`}, []int{2, 3}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(t, ix, c.query, DefaultThreshold)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// TestScoreIsBM25F computes the confidence of a small file by hand, from the formula.
func TestScoreIsBM25F(t *testing.T) {
	ix := build(t, "## apple\nberri berri cherri\n## pear\napple dill [berri]\ndill fig gourd\n")
	hits, err := ix.search(context.Background(), Query{Text: "apple berri xylophon"}, 3, -1)
	if err != nil {
		t.Fatal(err)
	}
	rarity := func(df float64) float64 { return math.Pow(math.Log(1+(3+100-df+0.5)/(df+0.5)), 2) }
	saturated := func(tf float64) float64 { return 2.2 * tf / (1.2 + tf) }
	text := func(frequency, length float64) float64 { return frequency / (0.25 + 0.75*length/(8.0/3)) }
	tag := 1 / (0.5 + 0.5*1/(1.0/3))
	// All titles have one term, so that their length is the average. Terms and their entries: apple 2, berri 2, xylophon 0.
	ideal := 2.2 * (2*rarity(2) + rarity(0))
	want := map[int]float64{
		2: rarity(2) * (saturated(1) + saturated(text(2, 3))) / ideal,
		4: rarity(2) * (saturated(text(1, 2)) + saturated(tag)) / ideal,
	}
	if len(hits) != len(want) {
		t.Fatalf("got %d hits; want %d", len(hits), len(want))
	}
	for _, h := range hits {
		if math.Abs(h.Confidence-want[h.Line]) > 1e-12 {
			t.Errorf("line %d has confidence %v; the formula gives %v", h.Line, h.Confidence, want[h.Line])
		}
	}
}

// TestSameAnswersAtEveryBuild uses lines so much alike that their scores are often equal.
func TestSameAnswersAtEveryBuild(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "record number%d has field%d and kind%d wrong\n", i%40, i%7, i%3)
	}
	var first [][]Hit
	for n := range 5 {
		ix := build(t, b.String())
		var answers [][]Hit
		for i := range 60 {
			q := Query{Text: fmt.Sprintf("number%d field%d wrong record", i%45, i%9), Hints: fmt.Sprintf("kind%d", i%4)}
			hits, err := ix.search(context.Background(), q, 20, -1)
			if err != nil {
				t.Fatal(err)
			}
			answers = append(answers, hits)
		}
		if n == 0 {
			first = answers
			continue
		}
		if diff := cmp.Diff(first, answers); diff != "" {
			t.Fatalf("build %d answers differently (-first +now):\n%s", n+1, diff)
		}
	}
}

// TestSearchProperties holds for any file of a few words and any query of them.
func TestSearchProperties(t *testing.T) {
	word := rapid.SampledFrom([]string{"amount", "range", "port", "date", "zone", "quantity", "missing", "field"})
	phrase := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOfN(word, 1, 6).Draw(t, "words"), " ") })
	rapid.Check(t, func(t *rapid.T) {
		content := strings.Join(rapid.SliceOfN(phrase, 1, 20).Draw(t, "lines"), "\n")
		ix, err := newIndex("f", []byte(content), nil)
		if err != nil {
			t.Fatal(err)
		}
		q := Query{Text: phrase.Draw(t, "text"), Hints: phrase.Draw(t, "hints")}
		all, err := ix.search(context.Background(), q, MaxHits, -1)
		if err != nil {
			t.Fatal(err)
		}
		limit := rapid.IntRange(1, 5).Draw(t, "limit")
		few, err := ix.search(context.Background(), q, limit, -1)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(all[:min(limit, len(all))], few, cmp.Transformer("nil", func(h []Hit) int { return len(h) })); diff != "" {
			t.Fatalf("a limit gives the beginning of what no limit gives: %s", diff)
		}
		for i := range few {
			if few[i] != all[i] {
				t.Fatalf("hit %d is %v with a limit and %v without", i, few[i], all[i])
			}
			if c := few[i].Confidence; !(c > 0 && c <= 1) || c < tail*few[0].Confidence-1e-12 {
				t.Fatalf("hit %d has confidence %v, the first %v", i, c, few[0].Confidence)
			}
		}
	})
}

func TestSearchEndsWithItsContext(t *testing.T) {
	ix := build(t, strings.Repeat("amount above the maximum\n", 5000))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := ix.search(ctx, Query{Text: "amount"}, 3, -1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
	visited := 0
	r, err := ix.reader()
	must(t, err)
	err = ix.postings(ctx, r, "amount", fieldText, func(uint32, float64, float64) { visited++ })
	if !errors.Is(err, context.Canceled) || visited >= len(ix.entries) {
		t.Errorf("a search under way visited %d of %d entries and ended with %v; want context.Canceled before the last", visited, len(ix.entries), err)
	}
	// The tally of the query that was stopped is clean for the next.
	if got := len(lines(t, ix, Query{Text: "amount"}, -1)); got != MaxHits {
		t.Errorf("the next query has %d hits; want %d", got, MaxHits)
	}
}
