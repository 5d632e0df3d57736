// Package retrieval measures how long a knowledge file takes to index and to search, and how much memory its index takes.
//
//	corpus(n) --searchers--> build time, memory --queries--> p50, p99
//
// It uses package rag as the engine does. How good the passages are is measured elsewhere: docs/retrieval.md.
package retrieval

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/checky-dev/checky"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/test/bench/measure"
	"github.com/checky-dev/checky/test/bench/report"
	"github.com/checky-dev/checky/test/bench/section"
)

// size is a knowledge file to measure with.
type size struct {
	name    string
	lines   int
	content []byte
	queries []rag.Query
	// builds and searches are how often each is done.
	builds, searches int
}

func sizes(quick bool) []size {
	list := []size{{name: "500", lines: 500, builds: 9, searches: 10_000}, {name: "5,000", lines: 5_000, builds: 5, searches: 5_000}}
	if quick {
		list[0].builds, list[1].builds = 3, 1
		list[0].searches, list[1].searches = 1_000, 500
		list = append(list, size{name: "20,000", lines: 20_000, builds: 1, searches: 100})
	} else {
		list = append(list, size{name: "100,000", lines: 100_000, builds: 2, searches: 400})
	}
	for i := range list {
		list[i].content, list[i].queries = corpus(list[i].lines)
	}
	return list
}

// measured is what one searcher took on one size.
type measured struct {
	build, low, high float64 // ns
	memory           float64 // bytes
	latencies        measure.Latencies
}

// Run measures retrieval. See section.Func.
func Run(ctx context.Context, o section.Options) (*report.Section, error) {
	out := &report.Section{ID: "retrieval", Title: "Retrieval", Versions: report.Versions("github.com/blevesearch/bleve/v2")}
	out.Intro = "Knowledge files of entries that are made up of a few thousand words and names, about as long as those of the shipped file, " +
		"and queries of which six of ten are what the engine asks for a finding, two a person's questions, one a misspelt word and one that nothing answers. " +
		"Nothing is cached. Engines build and search in turns."
	build := report.Table{Title: "Building the index", Columns: []report.Column{{Name: "lines"}}}
	search := report.Table{Title: "Searching", Columns: []report.Column{{Name: "lines"}}}
	for _, s := range searchers {
		for _, name := range []string{s.name + ": time", "quartiles", "memory"} {
			build.Columns = append(build.Columns, report.Column{Name: name, Number: true})
		}
		for _, name := range []string{s.name + ": p50", "p99"} {
			search.Columns = append(search.Columns, report.Column{Name: name, Number: true})
		}
		out.Notes = append(out.Notes, s.name+": "+s.setup+".")
	}
	build.Columns = append(build.Columns, report.Column{Name: "file", Number: true})
	build.Caption = "Memory is what lives on the heap after a collection because of the index, the file's own bytes left out."
	chart := report.Chart{
		ID: "searching", Title: "Time of a search by the size of the knowledge file", Kind: report.Lines,
		Alt: "Median and 99th percentile of a search by the number of lines, a line for each engine, both axes logarithmic.",
		X:   report.Axis{Label: "lines", Log: true}, Y: report.Axis{Label: "ms a search", Log: true},
	}
	for _, s := range searchers {
		chart.Series = append(chart.Series, report.Series{Name: s.name + ", p50"}, report.Series{Name: s.name + ", p99"})
	}
	all := sizes(o.Quick)
	for _, s := range all {
		o.Progress("%s lines", s.name)
		found, err := s.measure(ctx)
		if err != nil {
			return out, fmt.Errorf("%s lines: %w", s.name, err)
		}
		buildRow, searchRow := []string{s.name}, []string{s.name}
		for i, m := range found {
			buildRow = append(buildRow, report.Nanoseconds(m.build), report.Nanoseconds(m.low)+" to "+report.Nanoseconds(m.high), report.Bytes(m.memory))
			p50, p99 := m.latencies.Quantile(0.5), m.latencies.Quantile(0.99)
			searchRow = append(searchRow, report.Nanoseconds(p50), report.Nanoseconds(p99))
			for j, y := range []float64{p50, p99} {
				series := &chart.Series[2*i+j]
				series.X, series.Y = append(series.X, float64(s.lines)), append(series.Y, y/1e6)
			}
		}
		build.Rows = append(build.Rows, append(buildRow, report.Bytes(float64(len(s.content)))))
		search.Rows = append(search.Rows, searchRow)
	}
	shipped, err := shippedTable(ctx, o.Quick)
	out.Tables = append(out.Tables, build, search, shipped)
	out.Charts = append(out.Charts, chart)
	return out, err
}

// measure builds and searches by each searcher in turn.
func (s size) measure(ctx context.Context) ([]measured, error) {
	found := make([]measured, len(searchers))
	times := make([][]float64, len(searchers))
	for round := range s.builds {
		for j := range searchers {
			i := (round + j) % len(searchers)
			took, memory, err := buildOnce(i, s.content)
			if err := errors.Join(err, ctx.Err()); err != nil {
				return nil, err
			}
			times[i] = append(times[i], float64(took))
			found[i].memory = memory
		}
	}
	for i := range found {
		found[i].build, found[i].low, found[i].high = measure.Quantile(times[i], 0.5), measure.Quantile(times[i], 0.25), measure.Quantile(times[i], 0.75)
	}
	return found, s.search(ctx, found)
}

// buildOnce builds an index and throws it away. The memory is that of the living heap: peaks during the building are the collector's matter.
func buildOnce(i int, content []byte) (took time.Duration, memory float64, err error) {
	before := living()
	start := time.Now()
	s, err := searchers[i].open(content)
	took = time.Since(start)
	if err != nil {
		return 0, 0, err
	}
	memory = float64(living()) - float64(before)
	runtime.KeepAlive(s)
	return took, max(memory, 0), s.close()
}

// living is how many bytes of the heap are in use.
func living() uint64 {
	runtime.GC()
	runtime.GC() // what finalizers and pools held on to
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func (s size) search(ctx context.Context, found []measured) (err error) {
	functions := make([]func(int) error, len(searchers))
	for i := range searchers {
		opened, openErr := searchers[i].open(s.content)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, opened.close()) }()
		functions[i] = func(n int) error {
			_, err := opened.search(ctx, s.queries[n%len(s.queries)])
			return err
		}
	}
	runtime.GC()
	latencies, err := measure.Each(ctx, s.searches, functions...)
	for i := range latencies {
		found[i].latencies = latencies[i]
	}
	return err
}

// questions are asked of the shipped file: what the engine builds from findings, a person's question, a misspelt word, and one that nothing answers.
var questions = []rag.Query{
	{Text: "amount must be above 0 and at most 10000", Hints: "amount-range range /amount"},
	{Text: "why does the list have duplicate values"},
	{Text: "timezone missing in date-time", Hints: "format created at"},
	{Text: "certifcate"},
	{Text: "best pizza in town tonight"},
}

// shippedTable is of the shipped file, with and without the cache.
func shippedTable(ctx context.Context, quick bool) (t report.Table, err error) {
	t = report.Table{
		Title: "The shipped file", Columns: report.Columns("answers", "p50", "p99"),
		Caption: "Five questions over and over; a cached answer is looked up, not searched.",
	}
	var functions []func(int) error
	names := []string{"searched each time", "cached"}
	for _, cache := range []int{-1, 0} {
		library, openErr := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{CacheSize: cache})
		if openErr != nil {
			return t, openErr
		}
		defer func() { err = errors.Join(err, library.Close()) }()
		functions = append(functions, func(i int) error {
			_, err := library.Retrieve(ctx, questions[i%len(questions)], hits)
			return err
		})
	}
	n := 20_000
	if quick {
		n = 2_000
	}
	latencies, err := measure.Each(ctx, n, functions...)
	for i, l := range latencies {
		t.Rows = append(t.Rows, []string{names[i], report.Nanoseconds(l.Quantile(0.5)), report.Nanoseconds(l.Quantile(0.99))})
	}
	return t, err
}
