package main

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/checky-dev/checky/cmd/program"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules/builtin"
)

// The knowledge file that ships is indexed for the first search, and not before.
func TestBuiltinKnowledgeIsIndexedWhenItIsSearched(t *testing.T) {
	searched, idle := &builtinKnowledge{}, &builtinKnowledge{}
	for range 2 {
		hits, err := searched.Retrieve(t.Context(), rag.Query{Text: "email address is not valid"}, 1)
		if err != nil || len(hits) != 1 {
			t.Errorf("%d hits, %v", len(hits), err)
		}
	}
	for _, k := range []*builtinKnowledge{searched, idle} {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
		if _, err := k.Retrieve(t.Context(), rag.Query{Text: "email"}, 1); !errors.Is(err, rag.ErrClosed) {
			t.Errorf("once closed it answers %v", err)
		}
	}
	if idle.library != nil {
		t.Error("it is indexed although nothing was searched for")
	}
}

// BenchmarkCheck is a whole run of checky check but for the program's start.
func BenchmarkCheck(b *testing.B) {
	compiler := builtin.New()
	for name, payload := range map[string]string{"Passes": "good.json", "Fails": "bad.json"} {
		b.Run(name, func(b *testing.B) {
			o := checkOptions{
				files: []string{filepath.Join(checkFixtures, payload)}, ruleFiles: []string{filepath.Join(checkFixtures, "orders.yaml")},
				output: "text", namespace: "default", color: "never",
			}
			b.ReportAllocs()
			for b.Loop() {
				var out, errOut bytes.Buffer
				err := o.run(context.Background(), compiler, nil, &out, &errOut)
				if exit := (*program.ExitError)(nil); err != nil && !errors.As(err, &exit) || out.Len() == 0 {
					b.Fatal(err, errOut.String())
				}
			}
		})
	}
}
