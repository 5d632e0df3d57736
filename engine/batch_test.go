package engine_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// The kinds of payloads that orderRules tell apart.

const (
	goodOrder    = `{"amount": 10, "customer": "x", "currency": "EUR", "note": "hi"}`
	warnedOrder  = `{"amount": 10, "customer": "x", "currency": "XXX", "note": "hi"}`
	failedOrder  = `{"amount": 99999, "customer": "x", "currency": "EUR", "note": "hi"}`
	worseOrder   = `{"amount": 99999, "currency": "EUR", "note": "hi"}`
	erroredOrder = `{"amount": 10, "customer": "x", "currency": "EUR"}`
	noOrder      = `{"amount": `
)

func items(inputs ...string) []engine.Item {
	list := make([]engine.Item, len(inputs))
	for i, input := range inputs {
		list[i] = engine.Item{Name: fmt.Sprintf("A-%d", i), Input: []byte(input)}
	}
	return list
}

func batch(t testing.TB, e *engine.Engine, p *engine.Program, list ...engine.Item) engine.Outcome {
	t.Helper()
	b := e.NewBatch(engine.BatchOptions{Program: p, Now: noon})
	b.Add(t.Context(), list)
	return b.Outcome(t.Context())
}

func TestBatch(t *testing.T) {
	e := &engine.Engine{Retriever: &fakeKnowledge{word: "amount"}}
	list := items(goodOrder, warnedOrder, noOrder, erroredOrder, failedOrder, worseOrder, goodOrder, failedOrder)
	list[7].Name = ""
	o := batch(t, e, program(t, "", orderRules), list...)
	v := o.Verdict
	if v.Phase != v1alpha1.PhaseFailure || o.Reason != v1alpha1.ReasonRulesFailed || len(v.Results) != 0 || v.Truncated != 0 {
		t.Errorf("%s, %s, %d results, %d truncated", v.Phase, o.Reason, len(v.Results), v.Truncated)
	}
	if diff := cmp.Diff(&v1alpha1.Summary{Pass: 22, Fail: 4, Warn: 1, Skip: 7, Error: 1}, v.Summary); diff != "" {
		t.Errorf("summary: -want +got\n%s", diff)
	}
	got := *v.Batch
	got.Items = nil
	want := v1alpha1.BatchVerdict{Total: 8, Succeeded: 3, Failed: 3, Errored: 2, FailedIndexes: "4,5,7", ErroredIndexes: "2,3"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("batch: -want +got\n%s", diff)
	}
	var order []int32
	for i := range v.Batch.Items {
		order = append(order, v.Batch.Items[i].Index)
	}
	if diff := cmp.Diff([]int32{5, 4, 7, 3, 2, 1}, order); diff != "" {
		t.Errorf("the worst first: -want +got\n%s", diff)
	}
	unread := v1alpha1.BatchItem{
		Index: 2, Name: "A-2", Phase: v1alpha1.PhaseError,
		Message: "payload: line 1, column 12 (at /amount): it ends in the middle of a value; was it cut off?",
	}
	if diff := cmp.Diff(unread, v.Batch.Items[4]); diff != "" {
		t.Errorf("the payload that is no JSON: -want +got\n%s", diff)
	}
	explanation := []string{
		"Failure: of 8 payloads, 3 failed, 2 could not be evaluated, 3 passed, 1 of them with warnings.",
		"- payload 5 (A-5): orders/amount-range (error) failed at /amount: expected a number above 0 and at most 10000, found 99999 (and 1 more)",
		"  Large amounts need an approval. [facts.txt:42]",
		"- payload 4 (A-4): orders/amount-range (error) failed at /amount: expected a number above 0 and at most 10000, found 99999",
		"- payload 7: orders/amount-range (error) failed at /amount: expected a number above 0 and at most 10000, found 99999",
		"- payload 3 (A-3): orders/note (error) could not be evaluated: ",
		"- payload 2 (A-2) could not be evaluated: line 1, column 12 (at /amount): it ends in the middle of a value; was it cut off?",
		"  Large amounts need an approval. [facts.txt:42]",
		"- payload 1 (A-1): orders/currency (warning) warns at /currency: expected one of ",
	}
	lines := strings.Split(v.Explanation, "\n")
	if len(lines) != len(explanation) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(explanation), v.Explanation)
	}
	for i := range lines {
		if !strings.HasPrefix(lines[i], explanation[i]) {
			t.Errorf("line %d: %s\nwant: %s", i, lines[i], explanation[i])
		}
	}
	if diff := cmp.Diff([]string{"facts.txt:42"}, v.Batch.Items[0].Results[0].Passages); diff != "" || len(v.Passages) != 1 {
		t.Errorf("passages of the result, and %d of the verdict: -want +got\n%s", len(v.Passages), diff)
	}
}

func TestBatchPhases(t *testing.T) {
	for name, tc := range map[string]struct {
		why      string
		inputs   []string
		phase    v1alpha1.Phase
		reason   string
		headline string
	}{
		"All":      {"nothing failed", []string{goodOrder, goodOrder}, v1alpha1.PhaseSuccess, v1alpha1.ReasonRulesPassed, "Success: all 2 payloads passed."},
		"One":      {"a batch may be of one", []string{goodOrder}, v1alpha1.PhaseSuccess, v1alpha1.ReasonRulesPassed, "Success: the one payload passed."},
		"Warned":   {"a warning fails nothing, and is told", []string{goodOrder, warnedOrder}, v1alpha1.PhaseSuccess, v1alpha1.ReasonRulesPassed, "Success: of 2 payloads, 2 passed, 1 of them with warnings."},
		"Failure":  {"one failed payload decides", []string{goodOrder, erroredOrder, failedOrder}, v1alpha1.PhaseFailure, v1alpha1.ReasonRulesFailed, "Failure: of 3 payloads, 1 failed, 1 could not be evaluated, 1 passed."},
		"Errored":  {"a rule that could not be evaluated is no pass", []string{goodOrder, erroredOrder, noOrder}, v1alpha1.PhaseError, v1alpha1.ReasonRulesErrored, "Error: of 3 payloads, 2 could not be evaluated, 1 passed."},
		"Unread":   {"where all that is wrong is the JSON, the reason says so", []string{goodOrder, noOrder}, v1alpha1.PhaseError, v1alpha1.ReasonInvalidInput, "Error: of 2 payloads, 1 could not be evaluated, 1 passed."},
		"OneWrong": {"one is no plural", []string{failedOrder}, v1alpha1.PhaseFailure, v1alpha1.ReasonRulesFailed, "Failure: of 1 payload, 1 failed."},
		"None":     {"what checks nothing does not pass", nil, v1alpha1.PhaseError, v1alpha1.ReasonInvalidInput, "Error: there is no payload among the inputs; give at least one"},
	} {
		t.Run(name, func(t *testing.T) {
			o := batch(t, &engine.Engine{}, program(t, "", orderRules), items(tc.inputs...)...)
			got := []string{string(o.Verdict.Phase), o.Reason, o.Headline()}
			if diff := cmp.Diff([]string{string(tc.phase), tc.reason, tc.headline}, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.why, diff)
			}
			if hasAlert := o.Verdict.Alert != nil; hasAlert != (tc.phase != v1alpha1.PhaseSuccess) {
				t.Errorf("alert %v in phase %s", o.Verdict.Alert, o.Verdict.Phase)
			}
		})
	}
}

// TestBatchIsAFunction evaluates the same payloads in other chunks and by other numbers of workers, and each by itself.

func TestBatchIsAFunction(t *testing.T) {
	e := &engine.Engine{Retriever: &fakeKnowledge{word: "amount"}}
	p := program(t, "", orderRules)
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	rapid.Check(t, func(r *rapid.T) {
		kinds := []string{goodOrder, goodOrder, warnedOrder, failedOrder, worseOrder, erroredOrder, noOrder, "null"}
		list := items(rapid.SliceOfN(rapid.SampledFrom(kinds), 1, 700).Draw(r, "inputs")...)
		runtime.GOMAXPROCS(1)
		whole := batch(t, e, p, list...)
		runtime.GOMAXPROCS(rapid.IntRange(2, 6).Draw(r, "workers"))
		chunked := e.NewBatch(engine.BatchOptions{Program: p, Now: noon, MaxTime: time.Hour})
		for rest := list; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(r, "chunk")
			chunked.Add(t.Context(), rest[:n])
			rest = rest[n:]
		}
		if diff := cmp.Diff(asJSON(r, whole.Verdict), asJSON(r, chunked.Outcome(t.Context()).Verdict)); diff != "" {
			r.Fatalf("-whole +chunked\n%s", diff)
		}
		compareWithSingles(r, p, list, whole.Verdict)
	})
}

type fataler interface{ Fatalf(string, ...any) }

func asJSON(t fataler, v any) string {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatalf("%v", err)
	}
	return string(text)
}

// compareWithSingles holds a batch's verdict to those of its payloads by themselves.

func compareWithSingles(t *rapid.T, p *engine.Program, list []engine.Item, v v1alpha1.Verdict) {
	want := v1alpha1.BatchVerdict{Total: int32(len(list))}
	sum, digests, bad := v1alpha1.Summary{}, sha256.New(), map[v1alpha1.Phase]string{}
	singles := make([]v1alpha1.Verdict, len(list))
	for i := range list {
		single := (&engine.Engine{}).Evaluate(context.Background(), engine.Request{Input: list[i].Input, Program: p, Now: noon}).Verdict
		singles[i] = single
		fmt.Fprintln(digests, single.InputDigest)
		if single.Phase != v1alpha1.PhaseSuccess {
			bad[single.Phase] += fmt.Sprintf("%d,", i)
		}
		switch single.Phase {
		case v1alpha1.PhaseFailure:
			want.Failed++
		case v1alpha1.PhaseError:
			want.Errored++
		default:
			want.Succeeded++
		}
		if s := single.Summary; s != nil {
			sum = v1alpha1.Summary{Pass: sum.Pass + s.Pass, Fail: sum.Fail + s.Fail, Warn: sum.Warn + s.Warn, Skip: sum.Skip + s.Skip, Error: sum.Error + s.Error}
			if single.Phase == v1alpha1.PhaseSuccess && s.Warn > 0 {
				want.Truncated++
			}
		}
	}
	want.Truncated += want.Failed + want.Errored - int32(len(v.Batch.Items))
	got := *v.Batch
	got.Items, got.FailedIndexes, got.ErroredIndexes = nil, "", ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("counts: -singles +batch\n%s", diff)
	}
	for phase, indexes := range map[v1alpha1.Phase]string{v1alpha1.PhaseFailure: v.Batch.FailedIndexes, v1alpha1.PhaseError: v.Batch.ErroredIndexes} {
		if diff := cmp.Diff(bad[phase], expand(t, indexes)); diff != "" {
			t.Fatalf("places of %s: -singles +batch\n%s", phase, diff)
		}
	}
	if diff := cmp.Diff(&sum, v.Summary); diff != "" {
		t.Fatalf("summary: -singles +batch\n%s", diff)
	}
	if want := "sha256:" + hex.EncodeToString(digests.Sum(nil)); v.InputDigest != want {
		t.Fatalf("digest %s, want %s", v.InputDigest, want)
	}
	for i := range v.Batch.Items {
		got := v.Batch.Items[i]
		if diff := cmp.Diff(asItem(list[got.Index].Name, got.Index, singles[got.Index]), withoutPassages(got)); diff != "" {
			t.Fatalf("payload %d: -single +batch\n%s", got.Index, diff)
		}
	}
}

// asItem is what a batch has to tell of a payload with a verdict.

func asItem(name string, index int32, v v1alpha1.Verdict) v1alpha1.BatchItem {
	item := v1alpha1.BatchItem{Index: index, Name: name, Phase: v.Phase, Summary: v.Summary}
	if v.Summary == nil {
		item.Message = strings.TrimPrefix(v.Explanation, "Error: ")
	}
	for _, r := range v.Results {
		if r.Outcome == v1alpha1.OutcomePass || r.Outcome == v1alpha1.OutcomeSkip {
			continue
		}
		if len(item.Results) < rules.MaxItemResults {
			item.Results = append(item.Results, r)
		} else {
			item.Truncated++
		}
	}
	return item
}

func withoutPassages(item v1alpha1.BatchItem) v1alpha1.BatchItem {
	item = *item.DeepCopy()
	for i := range item.Results {
		item.Results[i].Passages = nil
	}
	return item
}

// expand writes a list of places out.

func expand(t fataler, list string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(list, ",") {
		if part == "" {
			continue
		}
		first, last := 0, 0
		if n, _ := fmt.Sscanf(part, "%d-%d", &first, &last); n == 0 {
			t.Fatalf("%q is no list of places", list)
		} else if n == 1 {
			last = first
		}
		for i := first; i <= last; i++ {
			fmt.Fprintf(&b, "%d,", i)
		}
	}
	return b.String()
}

// TestBatchBounds fills everything that is bounded.

// TestBatchOfWorstItem has one payload whose results alone take more than all may: some of them are told.

func TestBatchAlertIsOfFacts(t *testing.T) {
	p := program(t, "", orderRules)
	key := func(list ...engine.Item) string {
		v := batch(t, &engine.Engine{}, p, list...).Verdict
		return v.Alert.Key
	}
	base := items(goodOrder, failedOrder, noOrder)
	want := key(base...)
	renamed := items(warnedOrder, `{"amount": 88888, "customer": "y", "currency": "EUR", "note": "hi"}`, "")
	renamed[1].Name = "other"
	if got := key(renamed...); got != want {
		t.Error("other names and values made another alert of the same facts")
	}
	for name, other := range map[string][]engine.Item{
		"AnotherPlace": items(failedOrder, goodOrder, noOrder),
		"AnotherRule":  items(goodOrder, worseOrder, noOrder),
		"OneMore":      items(failedOrder, failedOrder, noOrder),
		"AnotherKind":  items(goodOrder, failedOrder, erroredOrder),
	} {
		if key(other...) == want {
			t.Errorf("%s made the same alert", name)
		}
	}
}

// unlucky runs out of time the first few times.

type unlucky struct{ left *atomic.Int32 }

func (u unlucky) Check(*rules.Call) error {
	if u.left.Add(-1) >= 0 {
		return rules.ErrTime
	}
	return nil
}

// TestBatchTriesAgain has a rule run out of time in passing: within one evaluation a rule is run twice, and a payload is evaluated three

// times in a row.

// TestBatchMemory adds more and more failing payloads; what is kept of them does not grow.

// TestBatchForgesNothing has names that would change how the lines around them read.

// TestBatchOfEndlessRules has rules that end by their time alone: the batch's ends it all the same.
