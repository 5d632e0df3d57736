package rag

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"unicode/utf8"
)

// BM25F after Zaragoza, Craswell, Taylor, Saria and Robertson, "Microsoft Cambridge at TREC-13" (2004), and Robertson and
// Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), section 3.6; idf as Lucene has it, which is
// never negative. For a term t and an entry d:
//
//	tf(t,d)    = sum over fields f of weight(f) * frequency(t,d,f) / (1 - b(f) + b(f)*length(d,f)/average(f))
//	score(t,d) = idf(t) * (k1+1) * tf(t,d) / (k1 + tf(t,d))
//	idf(t)     = ln(1 + (N - df(t) + 0.5) / (df(t) + 0.5))
//
// The confidence of an entry is the same sum with rarity(t) for idf(t), over what it could be at most: the sum of
// rarity(t) * (k1+1) over all terms of the text, those included that no entry has.
//
//	rarity(t)  = ln(1 + (N + background - df(t) + 0.5) / (df(t) + 0.5))^2
//
// The square gives rare words the weight that they have in telling what a question is about. The background are
// entries without any of the words that are assumed beside those of the file, so that confidence means
// the same in a file of three lines, where a word in two of them is not a common one.
const k1 = 1.2

var (
	weightOf = [fieldCount]float64{fieldText: 1, fieldTitle: 1, fieldTags: 1}
	bOf      = [fieldCount]float64{fieldText: 0.75, fieldTitle: 0.5, fieldTags: 0.5}
)

const (
	// background is how many entries are assumed beside those of the file.
	background = 100
	// hintWeight is what a term of the hints counts in the order of passages, against one of the text. A term that
	// is in both counts once: counting it twice helped nothing on the judged set.
	hintWeight = 0.3
	// tail is what part of the first hit's confidence the hits after it need.
	tail = 0.4
	// minSpelling is the length in letters from which on a term that nothing has may be corrected.
	minSpelling = 5
	// maxSpellings is how many spellings one term may be corrected to.
	maxSpellings = 8
	// spellingWeight is what a corrected term counts, against one that is spelled right.
	spellingWeight = 0.8
)

// tally is the working memory of one query, one number for each entry. Between queries all of it is zero.
type tally struct {
	// tf is tf(t,d) of the term at hand, and term the entries where it is above 0.
	tf   []float64
	term []uint32
	// score is the sum of score(t,d) over the text, and hintWeight of it over the hints; sure is the confidence, times
	// the ideal; found are the entries where sure is above 0.
	score []float64
	sure  []float64
	found []uint32
}

var tallies = sync.Pool{New: func() any { return new(tally) }}

// newTally gives a tally for n entries.
func newTally(n int) *tally {
	t := tallies.Get().(*tally)
	if len(t.tf) < n {
		t.tf, t.score, t.sure = make([]float64, n), make([]float64, n), make([]float64, n)
	}
	return t
}

// free clears a tally and gives it back.
func (t *tally) free() {
	for _, e := range t.term {
		t.tf[e] = 0
	}
	for _, e := range t.found {
		t.score[e], t.sure[e] = 0, 0
	}
	t.term, t.found = t.term[:0], t.found[:0]
	tallies.Put(t)
}

// search gives up to limit hits; none where no entry has a confidence of threshold or more.
func (ix *index) search(ctx context.Context, q Query, limit int, threshold float64) ([]Hit, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text := queryTerms(ix.analyzer, q.Text, nil)
	for _, name := range queryTerms(ix.analyzer, q.Names, text) {
		name.optional = true
		text = append(text, name)
	}
	r, err := ix.reader()
	if err != nil {
		return nil, err
	}
	defer ix.readers.Put(r)
	t := newTally(len(ix.entries))
	defer t.free()
	ideal, err := ix.scoreText(ctx, r, t, text)
	if err != nil {
		return nil, err
	}
	if len(t.found) == 0 {
		if text, err = ix.correct(r, text); err != nil {
			return nil, err
		}
		if ideal, err = ix.scoreText(ctx, r, t, text); err != nil {
			return nil, err
		}
	}
	if len(t.found) == 0 {
		return nil, nil
	}
	if err := ix.scoreHints(ctx, r, t, queryTerms(ix.analyzer, q.Hints, text)); err != nil {
		return nil, err
	}
	return ix.best(t, ideal, limit, threshold), nil
}

// scoreText adds up the scores of the text's terms, and gives the ideal that confidence is measured by: that of
// an entry which is about each of the terms and nothing else.
func (ix *index) scoreText(ctx context.Context, r *reader, t *tally, terms []queryTerm) (ideal float64, err error) {
	for _, term := range terms {
		idf, rarity, err := ix.weigh(ctx, r, t, term)
		if err != nil {
			return 0, err
		}
		if len(t.term) == 0 && term.optional {
			continue
		}
		ideal += rarity * (k1 + 1)
		for _, e := range t.term {
			if t.sure[e] == 0 {
				t.found = append(t.found, e)
			}
			match := term.weight * saturate(t.tf[e])
			t.score[e] += match * idf
			t.sure[e] += match * rarity
		}
		t.reset()
	}
	return ideal, nil
}

// scoreHints adds the scores of the hints' terms to the entries that are found already.
func (ix *index) scoreHints(ctx context.Context, r *reader, t *tally, terms []queryTerm) error {
	for _, term := range terms {
		idf, _, err := ix.weigh(ctx, r, t, term)
		if err != nil {
			return err
		}
		for _, e := range t.term {
			if t.sure[e] > 0 {
				t.score[e] += hintWeight * idf * saturate(t.tf[e])
			}
		}
		t.reset()
	}
	return nil
}

// weigh leaves tf(t,d) of a term in the tally, and gives idf(t) and rarity(t).
func (ix *index) weigh(ctx context.Context, r *reader, t *tally, term queryTerm) (idf, rarity float64, err error) {
	for _, spelling := range term.spellings {
		for field := range fields {
			average := float64(ix.lengths[field]) / float64(len(ix.entries))
			err := ix.postings(ctx, r, spelling, field, func(e uint32, frequency, length float64) {
				if t.tf[e] == 0 {
					t.term = append(t.term, e)
				}
				t.tf[e] += weightOf[field] * frequency / (1 - bOf[field] + bOf[field]*length/average)
			})
			if err != nil {
				return 0, 0, err
			}
		}
	}
	n, df := float64(len(ix.entries)), float64(len(t.term))
	idf = math.Log1p((n - df + 0.5) / (df + 0.5))
	rarity = math.Log1p((n + background - df + 0.5) / (df + 0.5))
	return idf, rarity * rarity, nil
}

func saturate(tf float64) float64 { return (k1 + 1) * tf / (k1 + tf) }

// reset makes the tally ready for the next term.
func (t *tally) reset() {
	for _, e := range t.term {
		t.tf[e] = 0
	}
	t.term = t.term[:0]
}

// correct puts the spellings near it in place of each term that is long enough to be a misspelt word.
func (ix *index) correct(r *reader, terms []queryTerm) ([]queryTerm, error) {
	corrected := make([]queryTerm, 0, len(terms))
	for _, term := range terms {
		word := term.spellings[0]
		if utf8.RuneCountInString(word) >= minSpelling && !term.optional {
			near, err := ix.near(r, word)
			if err != nil {
				return nil, err
			}
			if len(near) > 0 {
				term.spellings, term.weight = near, spellingWeight
			}
		}
		corrected = append(corrected, term)
	}
	return corrected, nil
}

// best gives the hits of a tally in order: by score, then by line. The first is the best one whose confidence is threshold
// or more; where there is none, nothing is a hit. Those after it need a confidence of tail times its.
func (ix *index) best(t *tally, ideal float64, limit int, threshold float64) []Hit {
	order := func(a, b uint32) int {
		return cmp.Or(cmp.Compare(t.score[b], t.score[a]), cmp.Compare(a, b))
	}
	found, first := false, uint32(0)
	for _, e := range t.found {
		if t.sure[e] >= threshold*ideal && (!found || order(e, first) < 0) {
			found, first = true, e
		}
	}
	if !found {
		return nil
	}
	kept := make([]uint32, 0, min(limit, len(t.found))+1)
	for _, e := range t.found {
		if t.sure[e] < tail*t.sure[first] || order(e, first) < 0 {
			continue
		}
		at, _ := slices.BinarySearchFunc(kept, e, order)
		if at == limit {
			continue
		}
		kept = slices.Insert(kept, at, e)
		kept = kept[:min(len(kept), limit)]
	}
	hits := make([]Hit, len(kept))
	for i, e := range kept {
		entry := ix.entries[e]
		hits[i] = Hit{
			Passage:    Passage{File: ix.file, Line: entry.line, Title: entry.title, Text: entry.text},
			Confidence: min(t.sure[e]/ideal, 1),
		}
	}
	return hits
}
