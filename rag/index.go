package rag

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime"
	"sync"

	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/registry"
	"golang.org/x/sync/errgroup"
)

// The fields of an entry in the index.
const (
	fieldText = iota
	fieldTitle
	fieldTags
	fieldCount
)

// index answers queries about one version of a knowledge file. It never changes once built.
//
// bleve's English analyzer makes terms of the lines, and bleve's segments hold which entries have which terms, and how often: that
// is all that the scores are made of. scorch, which keeps segments for those whose documents come and go, is not needed for
// lines that never change: it numbers documents in another order at each build, and its import alone takes a start longer than
// a search.
type index struct {
	file     string
	version  string
	bytes    int
	entries  []entry
	analyzer analysis.Analyzer
	segments []segment
	// lengths are the sums of the fields' lengths, in terms.
	lengths [fieldCount]int
	// readers are those that no query uses.
	readers sync.Pool
}

// english makes terms of texts. It may be used by many goroutines at once.
var english = sync.OnceValues(func() (analysis.Analyzer, error) {
	return registry.NewCache().AnalyzerNamed(en.AnalyzerName)
})

// newIndex builds the index of a knowledge file whose base name is name. Compiled saves the work where it is Compile's of the same
// content.
func newIndex(name string, content, compiled []byte) (*index, error) {
	entries, err := parse(name, content)
	if err != nil {
		return nil, err
	}
	ix := &index{file: name, version: digest(content), bytes: len(content), entries: entries}
	if ix.analyzer, err = english(); err != nil {
		return nil, fmt.Errorf("%s: index: %w", name, err)
	}
	if !ix.load(compiled) {
		if err := ix.fill(); err != nil {
			return nil, fmt.Errorf("%s: index: %w", name, err)
		}
	}
	return ix, nil
}

// digest names a content, so that two that are the same are known to be.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

const (
	// segmentBytes is how much text, with titles and tags, goes into one segment (512 KiB). To make it takes some fifty times as
	// much memory for a while; more segments make searches a little slower.
	segmentBytes = 512 << 10
	// segmentsAtOnce is how many segments are made at a time at most, for the same reason.
	segmentsAtOnce = 4
)

// runs cuts the entries into those of one segment each, and gives where each ends.
func runs(entries []entry) []int {
	var ends []int
	size := 0
	for i, e := range entries {
		if size += len(e.text) + len(e.title) + len(e.tags); size >= segmentBytes {
			ends = append(ends, i+1)
			size = 0
		}
	}
	if len(ends) == 0 || ends[len(ends)-1] < len(entries) {
		ends = append(ends, len(entries))
	}
	return ends
}

// fill makes the segments, several at a time.
func (ix *index) fill() error {
	ends := runs(ix.entries)
	ix.segments = make([]segment, len(ends))
	lengths := make([][fieldCount]int, len(ends))
	var group errgroup.Group
	group.SetLimit(min(runtime.GOMAXPROCS(0), segmentsAtOnce))
	from := 0
	for i, end := range ends {
		entries, first := ix.entries[from:end], from
		group.Go(func() (err error) {
			ix.segments[i], lengths[i], err = newSegment(ix.analyzer, first, entries)
			return err
		})
		from = end
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, of := range lengths {
		for field, length := range of {
			ix.lengths[field] += length
		}
	}
	return nil
}

// reader gives one that nobody else uses. It is put back into readers after use.
func (ix *index) reader() (*reader, error) {
	if r, ok := ix.readers.Get().(*reader); ok {
		return r, nil
	}
	return newReader(ix.segments)
}
