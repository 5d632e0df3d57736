// Package rag retrieves passages from a plain text knowledge file to explain verdicts with.
//
// It knows nothing of Checks or rules: it takes a Query of words and answers with the lines that help,
// or with nothing where no line does.
//
//	file ── parse ──> entries ── bleve's analyzer ──> bleve's segments (immutable)
//	                                                       │
//	Query ── bleve's analyzer ──> terms ───────────────> postings ── BM25F ── threshold ──> Hits
//
// A Library is the Retriever to use: it answers from one index, caches answers, and while Run is at work
// swaps the index whole when the file changes. docs/retrieval.md tells the format of the file, how
// passages are ranked, and how well.
package rag

import (
	"context"
	"errors"
	"strconv"
)

// The limits of files and queries.
const (
	// MaxFileBytes is the largest knowledge file (32 MiB).
	MaxFileBytes = 32 << 20
	// MaxLines is the most lines that a knowledge file may have, blank ones and comments included.
	MaxLines = 200_000
	// MaxLineBytes is the longest line, without its end (8 KiB).
	MaxLineBytes = 8 << 10
	// MaxQueryBytes is how much of a query's Text, Names and Hints each is looked at; what follows is left out.
	MaxQueryBytes = 1 << 10
	// MaxQueryTerms is how many different terms of a query's Text, and of its Hints, are looked up; the first count.
	MaxQueryTerms = 64
	// MaxHits is the most hits that one query gives, whatever its limit.
	MaxHits = 50
)

// ErrClosed is what a Library answers once it is closed.
var ErrClosed = errors.New("the knowledge library is closed")

// Query asks for passages.
type Query struct {
	// Text is what is asked for: a question, or words of it. How relevant a passage is, is measured
	// against all of it.
	Text string
	// Names are identifiers that belong to the question, such as those of a rule and of the fields it looks at. Those
	// that the file knows count as words of Text do; those that it does not know count for nothing, since many a name is
	// an abbreviation or somebody's own.
	Names string
	// Hints are words around the question, such as a message that is much the same for many. They help to order
	// passages; that a passage has none of them does not make it irrelevant.
	Hints string
}

// Passage is one line of the knowledge file.
type Passage struct {
	// File is the file's base name.
	File string
	// Line is the line's number, from 1.
	Line int
	// Title is the heading that the line stands under; it is empty where there is none.
	Title string
	// Text is the line.
	Text string
}

// ID names the passage as FILE:LINE.
func (p Passage) ID() string { return p.File + ":" + strconv.Itoa(p.Line) }

// Hit is a passage that answers a query.
type Hit struct {
	Passage
	// Confidence is how much of the best possible score the passage reached, from 0 to 1. Where no passage
	// reaches the retriever's threshold there are no hits at all; the first hit always reaches it, and those
	// after it have at least two fifths of the first's. As hints count in the order but not in the confidence, a
	// later hit may have a higher one.
	Confidence float64
}

// Retriever finds passages. It is safe for concurrent use.
type Retriever interface {
	// Retrieve gives up to limit hits, the best first, ties in the order of the file. No hit
	// and no error means that nothing in the file is relevant.
	Retrieve(ctx context.Context, q Query, limit int) ([]Hit, error)
}
