package engines

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checky-dev/checky"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/test/bench/measure"
	"github.com/checky-dev/checky/test/bench/report"
)

// targetExplained is how long a verdict with retrieval may take at the 99th percentile, in ms.
const targetExplained = 1

// patience is how long a search may take: where the process was stopped in the middle of one, that is a long time, and no error.
const patience = 10 * time.Second

// explained measures whole evaluations, from text, of payloads that fail: without a knowledge file, and with the shipped one, its answers
// cached as they are by default, and searched anew each time.
func (r *run) explained(ctx context.Context) (err error) {
	program, err := programOf(fiveRules, modulesOf)
	if err != nil {
		return err
	}
	cached, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cached.Close()) }()
	uncached, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{CacheSize: -1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, uncached.Close()) }()

	engines := []struct {
		name   string
		engine *engine.Engine
	}{
		{"no knowledge file", &engine.Engine{}},
		{"shipped file, cached", &engine.Engine{Retriever: cached, RetrievalTimeout: patience}},
		{"shipped file, searched each time", &engine.Engine{Retriever: uncached, RetrievalTimeout: patience}},
	}
	t := report.Table{
		Title:   "Failing payloads with retrieval, from text",
		Columns: report.Columns("explained from", "one rule broken: p50", "p99", "p99.9", "all five broken: p50", "p99", "p99.9"),
		Caption: fmt.Sprintf("Whole evaluations, timed one by one. The shipped knowledge file has %d entries; a broken rule is a search.", uncached.Stats().Entries),
	}
	for _, e := range engines {
		t.Rows = append(t.Rows, []string{e.name})
	}
	var p99 float64
	for _, broken := range []int{1, len(fiveRules)} {
		functions := make([]func(int) error, len(engines))
		for i, e := range engines {
			functions[i] = evaluating(ctx, e.engine, program, failing(broken), e.engine.Retriever != nil)
		}
		n := 10_000
		if r.Quick {
			n = 1_000
		}
		latencies, err := measure.Each(ctx, n, functions...)
		if err != nil {
			return err
		}
		for i, l := range latencies {
			for _, q := range []float64{0.5, 0.99, 0.999} {
				t.Rows[i] = append(t.Rows[i], report.Nanoseconds(l.Quantile(q)))
			}
		}
		if broken == 1 {
			p99 = latencies[len(latencies)-1].Quantile(0.99)
		}
	}
	r.out.Tables = append(r.out.Tables, t)
	r.out.Targets = append(r.out.Targets, report.AtMost("a failing payload with retrieval from the shipped file, nothing cached: p99", targetExplained, p99/1e6, "ms"))
	return nil
}

// failing gives the payloads of about 200 bytes that break so many rules.
func failing(broken int) []payload {
	var list []payload
	for _, p := range payloads() {
		if p.broken == broken && len(p.text) < 1<<10 {
			list = append(list, p)
		}
	}
	return list
}

func evaluating(ctx context.Context, e *engine.Engine, program *engine.Program, list []payload, cites bool) func(int) error {
	return func(i int) error {
		outcome := evaluate(ctx, e, engine.Request{Input: list[i%len(list)].text, Program: program, Now: noon})
		switch {
		case outcome.Verdict.Phase != v1alpha1.PhaseFailure:
			return fmt.Errorf("%s, want Failure", outcome.Headline())
		case cites && outcome.Retrieval != nil:
			return outcome.Retrieval
		case cites && len(outcome.Verdict.Passages) == 0:
			return fmt.Errorf("%s: nothing was found to explain it with", list[i%len(list)].name)
		}
		return nil
	}
}
