package engine_test

import (
	"strings"
	"testing"

	checky "github.com/checky-dev/checky"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

const (
	validOrder   = `{"id":"A-1001","customer":"c-77","amount":119.98,"currency":"EUR","items":[{"sku":"X1","price":59.99},{"sku":"X2","price":59.99}],"created":"2026-01-02T12:00:00Z","email":"ada@example.org","note":"leave at door"}`
	invalidOrder = `{"id":"A-1001","customer":"c-77","amount":99999.5,"currency":"EUR","items":[{"sku":"X1","price":59.99},{"sku":"X2","price":59.99}],"created":"2026-01-02T12:00:00Z","email":"ada@example.org","note":"leave at door"}`
	fiveModules  = `
- {name: amount, module: {name: range, params: {field: $.amount, min: 0, exclusiveMin: true, max: 10000}}}
- {name: customer, module: {name: required, params: {field: $.customer}}}
- {name: currency, module: {name: enum, params: {field: $.currency, values: [EUR, USD, GBP]}}}
- {name: id, module: {name: length, params: {field: $.id, min: 3, max: 20}}}
- {name: sku, module: {name: type, params: {field: "$.items[*].sku", type: string}}}
`
)

// BenchmarkCheck is one check of 5 rules over a 200-byte payload: from text to verdict, and of a payload that is decoded already.
func BenchmarkCheck(b *testing.B) {
	knowledge, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = knowledge.Close() }()
	uncached, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{CacheSize: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = uncached.Close() }()
	p := program(b, "", fiveModules)
	for _, c := range []struct {
		name, input string
		retriever   rag.Retriever
	}{
		{"Valid", validOrder, nil},
		{"Invalid/NoRetrieval", invalidOrder, nil},
		{"Invalid/Retrieval", invalidOrder, knowledge},
		{"Invalid/RetrievalUncached", invalidOrder, uncached},
	} {
		payload, err := rules.Decode([]byte(c.input))
		if err != nil {
			b.Fatal(err)
		}
		for form, request := range map[string]engine.Request{
			"Text":    {Input: []byte(c.input), Program: p, Now: noon},
			"Decoded": {Payload: payload, Program: p, Now: noon},
		} {
			b.Run(c.name+"/"+form, func(b *testing.B) {
				e := &engine.Engine{Retriever: c.retriever}
				b.ReportAllocs()
				b.SetBytes(int64(len(c.input)))
				for b.Loop() {
					e.Evaluate(b.Context(), request)
				}
			})
		}
	}
}

// BenchmarkCheckParallel is the valid check on all processors at once.
func BenchmarkCheckParallel(b *testing.B) {
	p := program(b, "", fiveModules)
	e := &engine.Engine{}
	request := engine.Request{Input: []byte(validOrder), Program: p, Now: noon}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			e.Evaluate(b.Context(), request)
		}
	})
}

// BenchmarkCheckLarge is one check of 40 rules over a payload of 100 KiB.
func BenchmarkCheckLarge(b *testing.B) {
	items := strings.TrimSuffix(strings.Repeat(`{"sku":"X1","price":59.99},`, 3700), ",")
	input := []byte(`{"items":[` + items + `]}`)
	list := parseRules(b, strings.Repeat(`
- {name: price, module: {name: range, params: {field: "$.items[*].price", min: 0}}}`, 40))
	for i := range list {
		list[i].Name += strings.Repeat("x", i)
	}
	p, err := engine.NewProgram("", builtin.New().Compile("large", list))
	if err != nil {
		b.Fatal(err)
	}
	e := &engine.Engine{}
	b.ReportAllocs()
	b.SetBytes(int64(len(input)))
	for b.Loop() {
		e.Evaluate(b.Context(), engine.Request{Input: input, Program: p, Now: noon})
	}
}
