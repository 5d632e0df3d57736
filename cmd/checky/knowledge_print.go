package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"github.com/checky-dev/checky/rag"
)

// foundJSON is what `checky knowledge search -o json` prints for a question; with --queries, a list of them.
type foundJSON struct {
	// ID is the question's, with --queries only.
	ID    string    `json:"id,omitempty"`
	Query string    `json:"query"`
	File  string    `json:"file"`
	Hits  []hitJSON `json:"hits"`
}

type hitJSON struct {
	Rank int    `json:"rank"`
	ID   string `json:"id"`
	Line int    `json:"line"`
	// Title is empty where the line stands under no heading.
	Title string `json:"title"`
	Text  string `json:"text"`
	// Confidence is from 0 to 1, rounded to three digits.
	Confidence float64 `json:"confidence"`
}

// hitPrinter prints the hits of questions in one format.
type hitPrinter interface {
	print(q question, hits []rag.Hit) error
	// close ends the output.
	close() error
}

// newHitPrinter gives the printer of a format, for one question or for several with ids. File is the knowledge file's name.
func newHitPrinter(format string, several bool, file string, out io.Writer) hitPrinter {
	switch format {
	case "json":
		return &jsonHits{file: file, several: several, out: out, found: []foundJSON{}}
	case "tsv":
		return &tsvHits{several: several, out: out}
	default:
		return &textHits{file: file, several: several, out: out}
	}
}

// textHits prints for people.
type textHits struct {
	file    string
	several bool
	printed bool
	out     io.Writer
}

func (p *textHits) print(q question, hits []rag.Hit) error {
	text := ""
	if p.several {
		if p.printed {
			text = "\n"
		}
		text += fmt.Sprintf("%s: %s\n", q.id, q.text)
	}
	p.printed = true
	if len(hits) == 0 {
		text += fmt.Sprintf("Nothing relevant in %s.\n", p.file)
	}
	for i, h := range hits {
		text += fmt.Sprintf("%d. %s  confidence %.2f\n", i+1, h.ID(), h.Confidence)
		if h.Title != "" {
			text += fmt.Sprintf("   %s\n", h.Title)
		}
		text += fmt.Sprintf("   %s\n", h.Text)
	}
	_, err := io.WriteString(p.out, text)
	return err
}

func (p *textHits) close() error { return nil }

// tsvHits prints a line for each hit: rank, line, confidence, title and text; or for several questions id, line and rank.
type tsvHits struct {
	several bool
	out     io.Writer
}

func (p *tsvHits) print(q question, hits []rag.Hit) error {
	for i, h := range hits {
		var err error
		if p.several {
			_, err = fmt.Fprintf(p.out, "%s\t%d\t%d\n", q.id, h.Line, i+1)
		} else {
			_, err = fmt.Fprintf(p.out, "%d\t%d\t%.3f\t%s\t%s\n", i+1, h.Line, h.Confidence, h.Title, h.Text)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *tsvHits) close() error { return nil }

// jsonHits prints one foundJSON, or a list of them, when it is closed.
type jsonHits struct {
	file    string
	several bool
	out     io.Writer
	found   []foundJSON
}

func (p *jsonHits) print(q question, hits []rag.Hit) error {
	found := foundJSON{ID: q.id, Query: q.text, File: p.file, Hits: []hitJSON{}}
	for i, h := range hits {
		found.Hits = append(found.Hits, hitJSON{
			Rank: i + 1, ID: h.ID(), Line: h.Line, Title: h.Title, Text: h.Text,
			Confidence: math.Round(h.Confidence*1000) / 1000,
		})
	}
	p.found = append(p.found, found)
	return nil
}

func (p *jsonHits) close() error {
	encoder := json.NewEncoder(p.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if p.several {
		return encoder.Encode(p.found)
	}
	return encoder.Encode(p.found[0])
}
