package retrieval

import (
	"bytes"
	"context"
	"strconv"
	"strings"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/index/scorch"

	"github.com/checky-dev/checky/rag"
)

// hits is how many passages are asked for, as the engine does.
const hits = 3

// searcher looks queries up in one content.
type searcher struct {
	// search gives the number of lines that it found, at most hits.
	search func(ctx context.Context, q rag.Query) (int, error)
	close  func() error
}

// searchers are what is compared.
var searchers = []struct {
	name, setup string
	open        func(content []byte) (searcher, error)
}{
	{"Checky", "package rag with its answers not cached: three fields, BM25F, names and hints, a threshold below which it rather says nothing", openRAG},
	{"bleve", "bleve.NewUsing with scorch in memory and the English analyser, one field, a batch, a match query over all words", openBleve},
	{"scan", "each line held in lower case, and for each query the number of its words that a line contains: what needs no index", openScan},
}

func openRAG(content []byte) (searcher, error) {
	library, err := rag.New("made-up.txt", content, rag.Options{CacheSize: -1})
	if err != nil {
		return searcher{}, err
	}
	return searcher{
		search: func(ctx context.Context, q rag.Query) (int, error) {
			found, err := library.Retrieve(ctx, q, hits)
			return len(found), err
		},
		close: library.Close,
	}, nil
}

// lines are the entries of a content without headings, comments and blank lines.
func lines(content []byte) []string {
	var list []string
	for line := range bytes.Lines(content) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			list = append(list, string(line))
		}
	}
	return list
}

func words(q rag.Query) string { return strings.Join([]string{q.Text, q.Names, q.Hints}, " ") }

func openBleve(content []byte) (searcher, error) {
	field := bleve.NewTextFieldMapping()
	field.Analyzer = en.AnalyzerName
	field.Store, field.IncludeTermVectors, field.IncludeInAll, field.DocValues = false, false, false, false
	document := bleve.NewDocumentStaticMapping()
	document.AddFieldMappingsAt("text", field)
	mapping := bleve.NewIndexMapping()
	mapping.DefaultMapping = document
	index, err := bleve.NewUsing("", mapping, scorch.Name, scorch.Name, nil)
	if err != nil {
		return searcher{}, err
	}
	batch := index.NewBatch()
	for i, line := range lines(content) {
		if err := batch.Index(strconv.Itoa(i), map[string]any{"text": line}); err != nil {
			return searcher{}, err
		}
	}
	if err := index.Batch(batch); err != nil {
		return searcher{}, err
	}
	return searcher{
		search: func(ctx context.Context, q rag.Query) (int, error) {
			match := bleve.NewMatchQuery(words(q))
			match.SetField("text")
			result, err := index.SearchInContext(ctx, bleve.NewSearchRequestOptions(match, hits, 0, false))
			if err != nil {
				return 0, err
			}
			return len(result.Hits), nil
		},
		close: index.Close,
	}, nil
}

func openScan(content []byte) (searcher, error) {
	list := lines(content)
	for i := range list {
		list[i] = strings.ToLower(list[i])
	}
	return searcher{
		search: func(_ context.Context, q rag.Query) (int, error) {
			terms := strings.Fields(strings.ToLower(words(q)))
			var best [hits]int // scores, the highest first
			for _, line := range list {
				score := 0
				for _, term := range terms {
					if strings.Contains(line, term) {
						score++
					}
				}
				for i := range best { // which line it is costs no more
					if score > best[i] {
						best[i], score = score, best[i]
					}
				}
			}
			found := 0
			for _, score := range best {
				if score > 0 {
					found++
				}
			}
			return found, nil
		},
		close: func() error { return nil },
	}, nil
}
