package rag

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/document"
	bleveindex "github.com/blevesearch/bleve_index_api"
	segmentapi "github.com/blevesearch/scorch_segment_api/v2"
	"github.com/blevesearch/vellum/levenshtein"
	zap "github.com/blevesearch/zapx/v17"
)

// fields are the names of an entry's fields in bleve's documents.
var fields = [fieldCount]string{fieldText: "text", fieldTitle: "title", fieldTags: "tags"}

// segment is a run of entries in bleve's own form of an index, zap: for each field a dictionary of its terms, and for each
// of these the documents that have it, how often, and how long their field is. It is held in memory, or in the program's own.
// It never changes, many may read it at once, and it needs no closing.
type segment struct {
	first int    // the entry that is document 0
	file  []byte // as zap has it
	store *zap.SegmentBase
}

// newSegment makes the segment of some entries, of which the first is the one of that number, and gives the sums of their
// fields' lengths.
func newSegment(analyzer analysis.Analyzer, first int, entries []entry) (s segment, lengths [fieldCount]int, err error) {
	documents := make([]bleveindex.Document, len(entries))
	var before [fieldCount]*document.TextField // those that follow each other often have the same title
	for i, e := range entries {
		d := document.NewDocument(strconv.Itoa(e.line))
		d.AddIDField()
		d.Fields[0].Analyze()
		for field, text := range [fieldCount]string{fieldText: e.text, fieldTitle: e.title, fieldTags: e.tags} {
			if text == "" {
				continue
			}
			f := before[field]
			if text = indexed(text); f == nil || f.Text() != text {
				f = document.NewTextFieldCustom(fields[field], nil, []byte(text), bleveindex.IndexField, analyzer)
				f.Analyze()
				before[field] = f
			}
			lengths[field] += f.AnalyzedLength()
			d.AddField(f)
		}
		documents[i] = d
	}
	made, size, err := new(zap.ZapPlugin).New(documents)
	if err != nil {
		return segment{}, lengths, err
	}
	// What is made has room to grow, which it never will.
	file := bytes.NewBuffer(make([]byte, 0, size+zap.FooterSize))
	if _, err := made.(*zap.SegmentBase).WriteTo(file); err != nil {
		return segment{}, lengths, err
	}
	sortSections(file.Bytes())
	s, err = openSegment(first, file.Bytes())
	return s, lengths, err
}

// reader looks terms up in the segments of an index, for one query at a time.
type reader struct {
	dictionaries [][fieldCount]segmentapi.TermDictionary // of each segment
	list         segmentapi.PostingsList
	postings     segmentapi.PostingsIterator
}

func newReader(segments []segment) (*reader, error) {
	r := &reader{dictionaries: make([][fieldCount]segmentapi.TermDictionary, len(segments))}
	for i, s := range segments {
		for field, name := range fields {
			var err error
			if r.dictionaries[i][field], err = s.store.Dictionary(name); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// postings calls visit for each entry whose field has the term, in order: how often it has it, and how long the field is.
func (ix *index) postings(ctx context.Context, r *reader, term string, field int, visit func(entry uint32, frequency, length float64)) error {
	key := []byte(term)
	for i, s := range ix.segments {
		var err error
		if r.list, err = r.dictionaries[i][field].PostingsList(key, nil, r.list); err != nil {
			return err
		}
		if r.list.Count() == 0 {
			continue
		}
		r.postings = r.list.Iterator(true, true, false, r.postings)
		postings := r.postings.(*zap.PostingsIterator)
		for n := 1; ; n++ {
			next, err := postings.Next()
			if err != nil {
				return err
			}
			if next == nil {
				break
			}
			p := next.(*zap.Posting)
			visit(uint32(s.first)+uint32(p.Number()), float64(p.Frequency()), float64(p.NormUint64())) //nolint:gosec // at most MaxLines
			if n%1024 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
		}
	}
	return nil
}

// spelling makes the automata that look for words near another. It takes some time to make, and few queries need it.
var spelling = sync.OnceValues(func() (*levenshtein.LevenshteinAutomatonBuilder, error) {
	return levenshtein.NewLevenshteinAutomatonBuilder(1, true)
})

// near gives the index's terms that are one edit away from term (one letter more, one less, another, or two neighbours swapped)
// and begin with the same letter, sorted, at most maxSpellings of them.
func (ix *index) near(r *reader, term string) ([]string, error) {
	builder, err := spelling()
	if err != nil {
		return nil, err
	}
	automaton, err := builder.BuildDfa(term, 1)
	if err != nil {
		return nil, err
	}
	first, _ := utf8.DecodeRuneInString(term)
	letter := string(first)
	var found []string
	for _, dictionaries := range r.dictionaries {
		for _, dictionary := range dictionaries {
			matches := dictionary.AutomatonIterator(automaton, []byte(letter), nil)
			for {
				match, err := matches.Next()
				if err != nil {
					return nil, err
				}
				if match == nil || !strings.HasPrefix(match.Term, letter) {
					break
				}
				found = append(found, match.Term)
			}
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	return found[:min(len(found), maxSpellings)], nil
}
