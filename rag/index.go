package rag

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/registry"
)

// The fields of an entry in the index.
const (
	fieldText = iota
	fieldTitle
	fieldTags
	fieldCount
)

// index answers queries about one version of a knowledge file. It never changes once built.
//
// bleve's English analyzer makes terms of the lines. The index holds in memory which entries have which terms, and how often; that
// is all that the scores are made of.
type index struct {
	file     string
	version  string
	bytes    int
	entries  []entry
	analyzer analysis.Analyzer
	fields   [fieldCount]dictionary
	// norms are the length normalisations of BM25F: for each field, by entry, 1 - b + b*length/average.
	norms [fieldCount][]float64
}

// dictionary is what one field of the entries says.
type dictionary struct {
	terms    []string             // in order
	postings map[string][]posting // of each term, by entry
}

// posting says how often an entry's field has a term.
type posting struct{ entry, frequency uint32 }

// english makes terms of texts. It may be used by many goroutines at once.
var english = sync.OnceValues(func() (analysis.Analyzer, error) {
	return registry.NewCache().AnalyzerNamed(en.AnalyzerName)
})

// newIndex builds the index of a knowledge file whose base name is name. Compiled saves the work where it is Compile's of the same
// content.
func newIndex(name string, content, compiled []byte) (*index, error) {
	entries, err := parse(name, content)
	if err != nil {
		return nil, err
	}
	ix := &index{file: name, version: digest(content), bytes: len(content), entries: entries}
	if ix.analyzer, err = english(); err != nil {
		return nil, fmt.Errorf("%s: index: %w", name, err)
	}
	if !ix.load(compiled) {
		ix.fill()
	}
	for field := range ix.fields {
		ix.measure(field)
	}
	return ix, nil
}

// digest names a content, so that two that are the same are known to be.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// entriesPerWorker is how many entries are worth a goroutine.
const entriesPerWorker = 64

// fill makes the dictionaries. Parts of the file are analysed side by side, and joined in its order.
func (ix *index) fill() {
	workers := min(runtime.GOMAXPROCS(0), 1+len(ix.entries)/entriesPerWorker)
	parts := make([]part, workers)
	var group sync.WaitGroup
	for i := range parts {
		from, to := i*len(ix.entries)/workers, (i+1)*len(ix.entries)/workers
		group.Go(func() { parts[i] = ix.analyse(from, to) })
	}
	group.Wait()
	for field := range ix.fields {
		ix.fields[field] = join(parts, field)
	}
}

// part is what the fields of some entries say.
type part [fieldCount]gathered

// gathered are the postings of a field in some entries.
type gathered struct {
	numbers map[string]int // of the terms
	lists   [][]posting    // by the terms' numbers
}

func (ix *index) analyse(from, to int) (p part) {
	for field := range p {
		p[field].numbers = map[string]int{}
	}
	title, titleTerms := "", analysis.TokenStream(nil) // of the entry before: those that follow each other often have the same
	for i, e := range ix.entries[from:to] {
		entry := uint32(from + i) //nolint:gosec // at most MaxLines
		if e.title != title {
			title, titleTerms = e.title, ix.analyzer.Analyze([]byte(indexed(e.title)))
		}
		p[fieldText].add(entry, ix.analyzer.Analyze([]byte(indexed(e.text))))
		p[fieldTitle].add(entry, titleTerms)
		if e.tags != "" {
			p[fieldTags].add(entry, ix.analyzer.Analyze([]byte(indexed(e.tags))))
		}
	}
	return p
}

// add counts the terms of one entry, the next in order.
func (g *gathered) add(entry uint32, terms analysis.TokenStream) {
	for _, token := range terms {
		n, known := g.numbers[string(token.Term)]
		if !known {
			n = len(g.lists)
			g.numbers[string(token.Term)] = n
			g.lists = append(g.lists, nil)
		}
		list := g.lists[n]
		if last := len(list) - 1; last >= 0 && list[last].entry == entry {
			list[last].frequency++
			continue
		}
		g.lists[n] = append(list, posting{entry: entry, frequency: 1})
	}
}

// join puts the parts' postings of one field into one list for each term, all of them in one piece of memory.
func join(parts []part, field int) dictionary {
	var d dictionary
	total := 0
	for i := range parts {
		for term, n := range parts[i][field].numbers {
			d.terms = append(d.terms, term)
			total += len(parts[i][field].lists[n])
		}
	}
	slices.Sort(d.terms)
	d.terms = slices.Clip(slices.Compact(d.terms))
	d.postings = make(map[string][]posting, len(d.terms))
	all := make([]posting, 0, total)
	for _, term := range d.terms {
		from := len(all)
		for i := range parts {
			if n, known := parts[i][field].numbers[term]; known {
				all = append(all, parts[i][field].lists[n]...)
			}
		}
		d.postings[term] = all[from:len(all):len(all)]
	}
	return d
}

// measure fills the norms of a field. The length of a field is the sum of its terms' frequencies.
func (ix *index) measure(field int) {
	lengths := make([]float64, len(ix.entries))
	total := 0.0
	for _, list := range ix.fields[field].postings {
		for _, p := range list {
			lengths[p.entry] += float64(p.frequency)
			total += float64(p.frequency)
		}
	}
	ix.norms[field] = lengths
	if total > 0 {
		average := total / float64(len(lengths))
		for i, length := range lengths {
			lengths[i] = 1 - bOf[field] + bOf[field]*length/average
		}
	}
}

// postings calls visit for each entry whose field has the term, in order.
func (ix *index) postings(ctx context.Context, term string, field int, visit func(entry uint32, frequency float64)) error {
	for n, p := range ix.fields[field].postings[term] {
		visit(p.entry, float64(p.frequency))
		if n%1024 == 1023 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// near gives the index's terms that are one edit away from term and begin with the same letter, sorted,
// at most maxSpellings of them.
func (ix *index) near(term string) []string {
	wanted := []rune(term)
	first, _ := utf8.DecodeRuneInString(term)
	prefix := string(first)
	var found []string
	for field := range ix.fields {
		terms := ix.fields[field].terms
		at, _ := slices.BinarySearch(terms, prefix)
		for ; at < len(terms) && strings.HasPrefix(terms[at], prefix); at++ {
			if oneEdit(wanted, []rune(terms[at])) {
				found = append(found, terms[at])
			}
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	return found[:min(len(found), maxSpellings)]
}

// oneEdit tells whether two words are at most one letter apart: one more, one less, another, or two neighbours swapped.
func oneEdit(a, b []rune) bool {
	if len(a) > len(b)+1 || len(b) > len(a)+1 {
		return false
	}
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	swapped := len(a) == 2 && len(b) == 2 && a[0] == b[1] && a[1] == b[0]
	return swapped || len(a) < 2 && len(b) < 2
}
