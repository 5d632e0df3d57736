package rag

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails where an index is left open: each has a goroutine.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// bleve's workers, four a process, are started when the package is initialised and live as long as it.
		goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker"),
	)
}
