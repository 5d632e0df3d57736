package retrieval

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky"
	"github.com/checky-dev/checky/rag"
)

func TestCorpusIsDeterministic(t *testing.T) {
	content, queries := corpus(500)
	again, queriesAgain := corpus(500)
	if !bytes.Equal(content, again) {
		t.Error("the content is another at each call")
	}
	if diff := cmp.Diff(queries, queriesAgain); diff != "" {
		t.Errorf("the queries are others at each call: %s", diff)
	}
}

// TestCorpusIsLikeTheShippedFile: in the length of its lines, and in that most queries have an answer.
func TestCorpusIsLikeTheShippedFile(t *testing.T) {
	shipped, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer shipped.Close()
	content, queries := corpus(5000)
	library, err := rag.New("made-up.txt", content, rag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer library.Close()
	stats, model := library.Stats(), shipped.Stats()
	if stats.Entries != 5000 || len(queries) != maxQueries {
		t.Errorf("%d entries and %d queries, want 5000 and %d", stats.Entries, len(queries), maxQueries)
	}
	if got, want := stats.Bytes/stats.Entries, model.Bytes/model.Entries; got < want*2/3 || got > want*3/2 {
		t.Errorf("%d bytes an entry, want about %d", got, want)
	}
	answered := 0
	for _, q := range queries {
		hits, err := library.Retrieve(t.Context(), q, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(hits) > 0 {
			answered++
		}
	}
	if answered < len(queries)*7/10 || answered > len(queries)*19/20 {
		t.Errorf("%d of %d queries have an answer, want about nine of ten", answered, len(queries))
	}
}

func TestSearchersFindTheEntry(t *testing.T) {
	content, _ := corpus(500)
	for _, way := range searchers {
		s, err := way.open(content)
		if err != nil {
			t.Fatal(err)
		}
		found, err := s.search(t.Context(), rag.Query{Text: "the amount of an order is missing"})
		if err != nil || found == 0 {
			t.Errorf("%s found %d (%v), want some", way.name, found, err)
		}
		if err := s.close(); err != nil {
			t.Error(err)
		}
	}
}
