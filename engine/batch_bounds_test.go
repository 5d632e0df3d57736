package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

func TestBatchBounds(t *testing.T) {
	texts := strings.TrimSuffix(strings.Repeat(`"<`+strings.Repeat("\u00e9", 70)+`",`, 30), ",")
	p := program(t, "", `[{name: n, message: "`+strings.Repeat("<", 900)+`", module: {name: type, params: {field: "$[*]", type: number}}}]`)
	list := make([]engine.Item, 0, rules.MaxBatchItems)
	for i := range rules.MaxBatchItems {
		list = append(list, engine.Item{Name: fmt.Sprint("n", i), Input: []byte("[" + texts + "]")})
	}
	v := batch(t, &engine.Engine{}, p, list...).Verdict
	size := len(asJSON(t, v.Batch.Items[0]))
	text, err := json.Marshal(v.Batch.Items)
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > rules.MaxBatchResultBytes || len(text) < rules.MaxBatchResultBytes-size {
		t.Errorf("the items take %d bytes, and may take %d; one takes %d", len(text), rules.MaxBatchResultBytes, size)
	}
	first := v.Batch.Items[0]
	if len(first.Results) != rules.MaxItemResults || first.Truncated != 30-rules.MaxItemResults {
		t.Errorf("%d results, %d truncated", len(first.Results), first.Truncated)
	}
	if n := len(v.Batch.Items); n == 0 || int(v.Batch.Truncated) != len(list)-n || v.Batch.FailedIndexes != "0-999" {
		t.Errorf("%d items, %d truncated, failed: %s", n, v.Batch.Truncated, v.Batch.FailedIndexes)
	}
	if !strings.HasSuffix(v.Explanation, "\n- and 992 more; see batch.items") {
		t.Errorf("the explanation does not count the others:\n%s", v.Explanation[len(v.Explanation)-200:])
	}

	small := batch(t, &engine.Engine{}, program(t, "", orderRules), items(strings.Split(strings.Repeat(failedOrder+"\n", 250), "\n")[:250]...)...).Verdict
	if len(small.Batch.Items) != rules.MaxBatchResults || small.Batch.Truncated != 150 || small.Batch.Items[99].Index != 99 {
		t.Errorf("%d items, %d truncated", len(small.Batch.Items), small.Batch.Truncated)
	}
}

func TestBatchOfWorstItem(t *testing.T) {
	name := strings.Repeat("<", 1000)
	members := make([]string, 0, 30)
	for i := range 30 {
		members = append(members, fmt.Sprintf(`"%d%s":""`, i, name))
	}
	list := parseRules(t, `[{name: n, module: {name: type, params: {field: "$[*]", type: number}}}]`)
	list[0].Message = strings.Repeat("<", rules.MaxMessageBytes-40)
	p, err := engine.NewProgram("", builtin.New().Compile(strings.Repeat("s", 253), list))
	if err != nil {
		t.Fatal(err)
	}
	v := batch(t, &engine.Engine{}, p, engine.Item{Name: strings.Repeat("<", 1012), Input: []byte("{" + strings.Join(members, ",") + "}")}).Verdict
	if len(v.Batch.Items) != 1 || len(v.Batch.Items[0].Results) == 0 || len(v.Batch.Items[0].Results)+int(v.Batch.Items[0].Truncated) != 30 {
		t.Fatalf("%d items", len(v.Batch.Items))
	}
	if text, err := json.Marshal(v.Batch.Items); err != nil || len(text) > rules.MaxBatchResultBytes {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestBatchCancelled(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	b := (&engine.Engine{}).NewBatch(engine.BatchOptions{Program: program(t, "", orderRules), Now: noon})
	b.Add(cancelled, items(goodOrder))
	o := b.Outcome(t.Context())
	if !o.TimedOut || o.Reason != v1alpha1.ReasonRulesErrored || o.Verdict.Phase != v1alpha1.PhaseError || !strings.Contains(o.Verdict.Batch.Items[0].Message, "cancelled") {
		t.Errorf("a cancelled batch: %s, %+v", o.Reason, o.Verdict)
	}
}

func TestBatchTriesAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		failures int32
		phase    v1alpha1.Phase
	}{
		"Lucky":   {0, v1alpha1.PhaseSuccess},
		"Third":   {5, v1alpha1.PhaseSuccess},
		"Unlucky": {6, v1alpha1.PhaseError},
	} {
		t.Run(name, func(t *testing.T) {
			left := &atomic.Int32{}
			left.Store(tc.failures)
			compiler := rules.NewCompiler([]rules.Module{{
				Name: "unlucky", Compile: func(*rules.Params) (rules.Checker, error) { return unlucky{left}, nil },
			}}, nil, nil, nil)
			p, err := engine.NewProgram("", compiler.Compile("", []v1alpha1.Rule{{Name: "a", Module: &v1alpha1.ModuleRule{Name: "unlucky"}}}))
			if err != nil {
				t.Fatal(err)
			}
			o := batch(t, &engine.Engine{}, p, items("1")...)
			if o.Verdict.Phase != tc.phase || o.TimedOut != (tc.phase == v1alpha1.PhaseError) {
				t.Errorf("%s, timed out: %v", o.Verdict.Phase, o.TimedOut)
			}
		})
	}
}

func TestBatchMemory(t *testing.T) {
	p := program(t, "", orderRules)
	b := (&engine.Engine{}).NewBatch(engine.BatchOptions{Program: p, Now: noon})
	chunk := items(strings.Split(strings.Repeat(failedOrder+"\n"+goodOrder+"\n", 1000), "\n")[:2000]...)
	held := func(rounds int) uint64 {
		for range rounds {
			b.Add(t.Context(), chunk)
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := held(2)
	if after := held(20); after > before+2<<20 {
		t.Errorf("%d bytes after 4,000 payloads, %d after 44,000", before, after)
	}
	v := b.Outcome(t.Context()).Verdict
	if list := v.Batch.FailedIndexes; v.Batch.Failed != 22_000 || len(list) > rules.MaxBatchIndexBytes || !strings.HasSuffix(list, ",...") {
		t.Errorf("%d failed; the list of them has %d bytes", v.Batch.Failed, len(list))
	}
}

func TestBatchForgesNothing(t *testing.T) {
	list := items(failedOrder, noOrder)
	list[0].Name, list[1].Name = "x\nSuccess: all passed.", strings.Repeat("y", 400)
	v := batch(t, &engine.Engine{}, program(t, "", orderRules), list...).Verdict
	if n := strings.Count(v.Explanation, "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n+1, v.Explanation)
	}
	if strings.Contains(v.Explanation, strings.Repeat("y", 65)) {
		t.Errorf("a long name is told whole:\n%s", v.Explanation)
	}
}

func TestBatchProblems(t *testing.T) {
	some := func(n int, b v1alpha1.BatchInput) []v1alpha1.BatchInput {
		list := make([]v1alpha1.BatchInput, n)
		for i := range list {
			list[i] = b
		}
		return list
	}
	one := v1alpha1.BatchInput{InputJSON: "1"}
	both := v1alpha1.BatchInput{InputJSON: "1", Input: v1alpha1.JSON{Raw: []byte("1")}}
	for name, tc := range map[string]struct {
		why    string
		inputs []v1alpha1.BatchInput
		want   string // the first problem, as a Check's message has it
		count  int
	}{
		"Most":       {"as many as there may be", some(rules.MaxBatchItems, one), "", 0},
		"Largest":    {"as much as there may be", some(3, v1alpha1.BatchInput{InputJSON: strings.Repeat("1", rules.MaxBatchBytes/3)}), "", 0},
		"NoJSON":     {"what cannot be read is a matter of that payload", some(1, v1alpha1.BatchInput{InputJSON: "{"}), "", 0},
		"TooMany":    {"one too many", some(rules.MaxBatchItems+1, one), "spec.inputs: it has 1001 payloads, and one Check takes at most 1000; make several Checks of them", 1},
		"TooLarge":   {"a byte too much", some(4, v1alpha1.BatchInput{InputJSON: strings.Repeat("1", rules.MaxBatchBytes/4+1)}), "spec.inputs: its payloads have 786436 bytes together, and one Check takes at most 786432 (768 KiB); make several Checks of them", 1},
		"Neither":    {"a payload is needed", append(some(2, one), v1alpha1.BatchInput{Name: "x"}), "spec.inputs[2]: set exactly one of input and inputJSON", 1},
		"Both":       {"two payloads are one too many", append(some(1, one), both), "spec.inputs[1]: set exactly one of input and inputJSON", 1},
		"Everywhere": {"messages are bounded", some(500, both), "spec.inputs[0]: set exactly one of input and inputJSON", 10},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if o := engine.AmbiguousInput(&v1alpha1.CheckSpec{Inputs: tc.inputs}); o != nil {
				got = o.Message
				if o.Reason != v1alpha1.ReasonInvalidSpec {
					t.Errorf("reason %s", o.Reason)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.why, diff)
			}
			if n := len(engine.BatchProblems(tc.inputs)); n != tc.count {
				t.Errorf("%d problems, want %d", n, tc.count)
			}
		})
	}
}

func TestBatchOfEndlessRules(t *testing.T) {
	compiler := rules.NewCompiler([]rules.Module{{
		Name: "endless", Compile: func(*rules.Params) (rules.Checker, error) { return endless{}, nil },
	}}, nil, nil, nil)
	p, err := engine.NewProgram("", compiler.Compile("", []v1alpha1.Rule{{Name: "a", Module: &v1alpha1.ModuleRule{Name: "endless"}}}))
	if err != nil {
		t.Fatal(err)
	}
	b := (&engine.Engine{}).NewBatch(engine.BatchOptions{Program: p, Now: noon, MaxTime: 200 * time.Millisecond})
	b.Add(t.Context(), items(strings.Split(strings.Repeat("1 ", rules.MaxBatchItems), " ")[:rules.MaxBatchItems]...))
	o := b.Outcome(t.Context())
	if !o.TimedOut || o.Verdict.Batch.ErroredIndexes != "0-999" {
		t.Errorf("timed out: %v; errors: %s", o.TimedOut, o.Verdict.Batch.ErroredIndexes)
	}
	told := o.Verdict.Batch.Items
	if first, last := told[0], told[len(told)-1]; len(first.Results) != 1 || !strings.Contains(last.Message, "ran out of time") {
		t.Errorf("the first and the last of the items: %+v, %+v", first, last)
	}
}
