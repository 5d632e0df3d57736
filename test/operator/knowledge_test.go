package operator_test

import (
	"testing"

	checky "github.com/checky-dev/checky"
	"github.com/checky-dev/checky/rag"
)

func shippedKnowledge(t *testing.T) rag.Retriever {
	t.Helper()
	library, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = library.Close() })
	return library
}
