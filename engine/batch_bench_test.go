package engine_test

import (
	"fmt"
	"testing"

	checky "github.com/checky-dev/checky"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
)

// BenchmarkBatch is one batch of 500 payloads of 200 bytes by 5 rules, from text to verdict. Single is the same payloads one by one, in one
// goroutine, with a verdict each.
func BenchmarkBatch(b *testing.B) {
	knowledge, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = knowledge.Close() }()
	p := program(b, "", fiveModules)
	e := &engine.Engine{Retriever: knowledge}
	const payloads = 500
	for _, c := range []struct {
		name  string
		every int // every how many payloads one fails; 0: none
	}{{"Valid", 0}, {"Failing=1%", 100}, {"Failing", 1}} {
		list := make([]engine.Item, payloads)
		for i := range list {
			list[i] = engine.Item{Name: fmt.Sprintf("A-%d", i), Input: []byte(validOrder)}
			if c.every > 0 && i%c.every == 0 {
				list[i].Input = []byte(invalidOrder)
			}
		}
		perSecond := func(b *testing.B) {
			b.ReportMetric(payloads*float64(b.N)/b.Elapsed().Seconds(), "payloads/s")
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(payloads * len(validOrder)))
			for b.Loop() {
				batch(b, e, p, list...)
			}
			perSecond(b)
		})
		b.Run(c.name+"/Single", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(payloads * len(validOrder)))
			for b.Loop() {
				for i := range list {
					e.Evaluate(b.Context(), engine.Request{Input: list[i].Input, Program: p, Now: noon})
				}
			}
			perSecond(b)
		})
	}
}
