// Package rag retrieves passages from a plain text knowledge file to explain verdicts with.
//
// It knows nothing of Checks or rules: it takes a Query of words and answers with the lines that help,
// or with nothing where no line does.
package rag

import (
	"context"
	"strconv"
)

// Query asks for passages.
type Query struct {
	// Text is what is asked for: a question, or words of it. How relevant a passage is, is measured
	// against all of it.
	Text string
	// Hints are words around the question, such as the name of the rule that failed. They help to order
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
	// Confidence is how much of the best possible score the passage reached, from 0 to 1. Passages below the
	// retriever's threshold are not hits at all.
	Confidence float64
}

// Retriever finds passages. It is safe for concurrent use.
type Retriever interface {
	// Retrieve gives up to limit hits, the best first, ties in the order of the file. No hit
	// and no error means that nothing in the file is relevant.
	Retrieve(ctx context.Context, q Query, limit int) ([]Hit, error)
}
