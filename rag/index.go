package rag

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/mapping"
	bleveindex "github.com/blevesearch/bleve_index_api"
)

// The fields of an entry in the index, in the order of fields.
const (
	fieldText = iota
	fieldTitle
	fieldTags
	fieldCount
)

var fields = [fieldCount]string{fieldText: "text", fieldTitle: "title", fieldTags: "tags"}

// index answers queries about one version of a knowledge file. It never changes once built.
//
// bleve analyses the lines and holds, in memory, which entries have which terms. The scores are
// computed here, with statistics that are gathered when the index is built: bleve's own take a
// square root of the term frequency, and break ties differently at each build.
type index struct {
	file     string
	version  string
	bytes    int
	entries  []entry
	analyzer analysis.Analyzer
	store    bleve.Index
	reader   bleveindex.IndexReader
	// entryOf gives the entry of each of bleve's document numbers, whose order is another at each build.
	entryOf []uint32
	// norms are the length normalisations of BM25F: for each field, by entry, 1 - b + b*length/average.
	norms [fieldCount][]float64

	// references counts the queries in flight, and one for being in use. The index is closed
	// when it falls to 0.
	references atomic.Int64
}

// newIndex builds the index of a knowledge file whose base name is name. The caller owns one reference.
func newIndex(name string, content []byte) (*index, error) {
	entries, err := parse(name, content)
	if err != nil {
		return nil, err
	}
	store, err := bleve.NewUsing("", newMapping(), scorch.Name, scorch.Name, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: index: %w", name, err)
	}
	ix := &index{
		file: name, version: digest(content), bytes: len(content), entries: entries, store: store,
		analyzer: store.Mapping().AnalyzerNamed(en.AnalyzerName),
	}
	ix.references.Store(1)
	if err := ix.fill(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: index: %w", name, err), ix.close())
	}
	return ix, nil
}

// digest names a content, so that two that are the same are known to be.
func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// newMapping indexes the three fields with the English analyzer, and stores nothing that is not searched.
func newMapping() mapping.IndexMapping {
	field := bleve.NewTextFieldMapping()
	field.Analyzer = en.AnalyzerName
	field.Store, field.IncludeTermVectors, field.IncludeInAll, field.DocValues = false, false, false, false
	document := bleve.NewDocumentStaticMapping()
	for _, name := range fields {
		document.AddFieldMappingsAt(name, field)
	}
	document.AddSubDocumentMapping("_all", bleve.NewDocumentDisabledMapping())
	m := bleve.NewIndexMapping()
	m.DefaultMapping = document
	return m
}

// fill indexes the entries in one batch, which makes one segment of them, and gathers the statistics.
func (ix *index) fill() error {
	batch := ix.store.NewBatch()
	for i, e := range ix.entries {
		err := batch.Index(strconv.Itoa(i), map[string]any{
			fields[fieldText]: indexed(e.text), fields[fieldTitle]: indexed(e.title), fields[fieldTags]: indexed(e.tags),
		})
		if err != nil {
			return err
		}
	}
	if err := ix.store.Batch(batch); err != nil {
		return err
	}
	advanced, err := ix.store.Advanced()
	if err != nil {
		return err
	}
	if ix.reader, err = advanced.Reader(); err != nil {
		return err
	}
	if err := ix.number(); err != nil {
		return err
	}
	for field := range fields {
		if err := ix.measure(field); err != nil {
			return err
		}
	}
	return nil
}

// number fills entryOf.
func (ix *index) number() error {
	ix.entryOf = make([]uint32, len(ix.entries))
	var id bleveindex.IndexInternalID
	for document := range ix.entryOf {
		id = bleveindex.NewIndexInternalID(id, uint64(document))
		external, err := ix.reader.ExternalID(id)
		if err != nil {
			return err
		}
		entry, err := strconv.ParseUint(external, 10, 32)
		if err != nil {
			return err
		}
		ix.entryOf[document] = uint32(entry)
	}
	return nil
}

// measure fills the norms of a field. The length of a field is the sum of its terms' frequencies.
func (ix *index) measure(field int) error {
	lengths := make([]float64, len(ix.entries))
	dictionary, err := ix.reader.FieldDict(fields[field])
	if err != nil {
		return err
	}
	total := 0.0
	for {
		term, err := dictionary.Next()
		if err != nil {
			return errors.Join(err, dictionary.Close())
		}
		if term == nil {
			break
		}
		err = ix.postings(context.Background(), term.Term, field, func(entry uint32, frequency float64) {
			lengths[entry] += frequency
			total += frequency
		})
		if err != nil {
			return errors.Join(err, dictionary.Close())
		}
	}
	ix.norms[field] = lengths
	if total > 0 {
		average := total / float64(len(lengths))
		for i, length := range lengths {
			lengths[i] = 1 - bOf[field] + bOf[field]*length/average
		}
	}
	return dictionary.Close()
}

// postings calls visit for each entry whose field has the term, in no order that can be relied on.
func (ix *index) postings(ctx context.Context, term string, field int, visit func(entry uint32, frequency float64)) (err error) {
	list, err := ix.reader.TermFieldReader(ctx, []byte(term), fields[field], true, false, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, list.Close()) }()
	var posting bleveindex.TermFieldDoc
	for n := 1; ; n++ {
		next, err := list.Next(&posting)
		if err != nil || next == nil {
			return err
		}
		visit(ix.entryOf[next.ID.Value()], float64(next.Freq))
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// near gives the index's terms that are one edit away from term and begin with the same letter, sorted,
// at most maxSpellings of them.
func (ix *index) near(term string) ([]string, error) {
	fuzzy, ok := ix.reader.(bleveindex.IndexReaderFuzzy)
	if !ok {
		return nil, errors.New("the index cannot look up terms that are spelled alike")
	}
	first := []rune(term)[:1]
	var found []string
	for _, field := range fields {
		dictionary, err := fuzzy.FieldDictFuzzy(field, term, 1, string(first))
		if err != nil {
			return nil, err
		}
		for {
			next, err := dictionary.Next()
			if err != nil {
				return nil, errors.Join(err, dictionary.Close())
			}
			if next == nil {
				break
			}
			found = append(found, next.Term)
		}
		if err := dictionary.Close(); err != nil {
			return nil, err
		}
	}
	slices.Sort(found)
	found = slices.Compact(found)
	return found[:min(len(found), maxSpellings)], nil
}

// acquire takes a reference for a query, unless the index is closed already.
func (ix *index) acquire() bool {
	for {
		n := ix.references.Load()
		if n == 0 {
			return false
		}
		if ix.references.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release gives a reference back, and closes the index with the last.
func (ix *index) release() error {
	if ix.references.Add(-1) > 0 {
		return nil
	}
	return ix.close()
}

func (ix *index) close() error {
	var err error
	if ix.reader != nil {
		err = ix.reader.Close()
	}
	return errors.Join(err, ix.store.Close())
}
