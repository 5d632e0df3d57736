package rag_test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/checky-dev/checky"
	"github.com/checky-dev/checky/rag"
)

// questions are what the benchmarks ask: what the engine builds from a finding, a person's question, a misspelt
// word, and a question that nothing answers.
var questions = []rag.Query{
	{Text: "amount must be above 0 and at most 10000", Hints: "amount-range range /amount"},
	{Text: "why does the list have duplicate values"},
	{Text: "timezone missing in date-time", Hints: "format created at"},
	{Text: "certifcate"},
	{Text: "best pizza in town tonight"},
}

// generated gives a knowledge file of n lines whose words are as unevenly used as those of a language.
func generated(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	words := rand.NewZipf(random, 1.1, 4, 20_000)
	var b bytes.Buffer
	b.WriteString("## Generated\n")
	for range n {
		for range 25 {
			fmt.Fprintf(&b, "word%d ", words.Uint64())
		}
		b.WriteByte('\n')
	}
	return b.Bytes()
}

// generatedQuestions asks for words of generated lines.
func generatedQuestions() []rag.Query {
	random := rand.New(rand.NewPCG(3, 4))
	words := rand.NewZipf(random, 1.1, 4, 20_000)
	queries := make([]rag.Query, 200)
	for i := range queries {
		for range 5 {
			queries[i].Text += fmt.Sprintf("word%d ", words.Uint64())
		}
	}
	return queries
}

// benchmarkRetrieve reports the time of the median query and of the slowest of a hundred beside the mean.
func benchmarkRetrieve(b *testing.B, content []byte, queries []rag.Query, cache int) {
	library, err := rag.New(checky.KnowledgeName, content, rag.Options{CacheSize: cache})
	if err != nil {
		b.Fatal(err)
	}
	defer library.Close()
	b.ReportAllocs()
	// A bounded sample, overwritten in turn, so that it is not what the benchmark measures.
	times := make([]time.Duration, 0, 1<<14)
	i := 0
	for b.Loop() {
		start := time.Now()
		if _, err := library.Retrieve(context.Background(), queries[i%len(queries)], 3); err != nil {
			b.Fatal(err)
		}
		took := time.Since(start)
		if len(times) < cap(times) {
			times = append(times, took)
		} else {
			times[i%len(times)] = took
		}
		i++
	}
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2]), "p50-ns")
	b.ReportMetric(float64(times[len(times)*99/100]), "p99-ns")
}

func BenchmarkRetrieveShipped(b *testing.B) {
	benchmarkRetrieve(b, checky.Knowledge, questions, -1)
}

func BenchmarkRetrieveShippedCached(b *testing.B) {
	benchmarkRetrieve(b, checky.Knowledge, questions, 0)
}

func BenchmarkRetrieve100kLines(b *testing.B) {
	benchmarkRetrieve(b, generated(100_000), generatedQuestions(), -1)
}

func benchmarkBuild(b *testing.B, content []byte) {
	b.ReportAllocs()
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		library, err := rag.New(checky.KnowledgeName, content, rag.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := library.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLoadShipped(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		library, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{Compiled: checky.KnowledgeIndex})
		if err != nil {
			b.Fatal(err)
		}
		if err := library.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBuildShipped(b *testing.B) { benchmarkBuild(b, checky.Knowledge) }

func BenchmarkBuild100kLines(b *testing.B) { benchmarkBuild(b, generated(100_000)) }
