package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/program"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules/builtin"
)

// someOrders are lines of NDJSON: payloads of every verdict, and what is none.
var someOrders = []string{
	`{"id": "A-1", "amount": 74.89, "currency": "EUR", "items": [{"qty": 1}]}`,
	`{"id": "A-2", "amount": 99999, "currency": "eur", "items": [{"qty": 1}]}`,
	`{"id": "A-3", "amount": 12, "currency": "EUR"}`,
	`{"id": "A-4", "amount": 1, "currency": "eur", "items": []}`,
	`{"id": "A-6", "amount": -1, "currency": "USD", "items": [{"qty": 1}, {"qty": 0}]}`,
	`{"id": "A-5", "amount": `,
	`"\ud800"`,
	`[]`,
	`{"apiVersion": "v1", "kind": "Secret", "currency": "hunter2", "items": [{"qty": 1}]}`,
}

// checkMany is the verdict of checky check on lines of NDJSON.
func checkMany(fatal func(...any), lines []string, args ...string) v1alpha1.Verdict {
	var out, errOut bytes.Buffer
	run(append([]string{"check", knowledge, "-f", "-", "--input-format", "ndjson", "-r", "orders.yaml", "-o", "json"}, args...),
		strings.NewReader(strings.Join(lines, "\n")), &out, &errOut)
	var v v1alpha1.Verdict
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		fatal(err, errOut.String())
	}
	return v
}

// testGatherer has the rules and the knowledge of the fixtures.
func testGatherer(t *testing.T) *gatherer {
	t.Helper()
	o := &checkOptions{files: []string{"good.json"}, ruleFiles: []string{"orders.yaml"}, namespace: "default"}
	bundle, _, err := o.load(strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	bundle.Targets = nil
	retriever, err := openKnowledge("--knowledge", "knowledge.txt", rag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = retriever.Close() })
	return &gatherer{
		bundle: bundle, library: engine.NewLibrary(builtin.New()), now: time.Now(),
		engine: &engine.Engine{Retriever: retriever, RetrievalTimeout: knowledgeTimeout},
	}
}

// TestManyAreTheEnginesVerdict: the verdict on a file is the engine's on the same payloads, however they come to it.
func TestManyAreTheEnginesVerdict(t *testing.T) {
	t.Chdir(checkFixtures)
	g := testGatherer(t)
	program, err := g.payloadProgram()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(r *rapid.T) {
		// Past the first few the same ones come again, so that there are chunks.
		lines := rapid.SliceOfN(rapid.SampledFrom(someOrders), 1, 20).Draw(r, "lines")
		lines = slices.Repeat(lines, rapid.SampledFrom([]int{1, 1, 1, 40}).Draw(r, "times"))
		batch := g.engine.NewBatch(engine.BatchOptions{Program: program, Now: g.now, MaskSecrets: true})
		var items []engine.Item
		for i, line := range lines {
			items = append(items, engine.Item{Name: fmt.Sprintf("line %d", i+1), Input: []byte(line), Line: i + 1})
		}
		for len(items) > 0 {
			n := rapid.IntRange(1, len(items)).Draw(r, "chunk")
			batch.Add(t.Context(), items[:n])
			items = items[n:]
		}
		want := batch.Outcome(t.Context()).Verdict
		got := checkMany(r.Fatal, lines)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			r.Fatalf("another verdict (-engine +checky check):\n%s", diff)
		}
	})
}

// TestManyAreAsOne: each payload of a file has the verdict that it has in a file of its own.
func TestManyAreAsOne(t *testing.T) {
	t.Chdir(checkFixtures)
	many := checkMany(t.Fatal, someOrders)
	told := map[int32]v1alpha1.BatchItem{}
	for _, item := range many.Batch.Items {
		told[item.Index] = item
	}
	if text, err := json.Marshal(many); err != nil || bytes.Contains(text, []byte("hunter2")) {
		t.Errorf("the value of a Secret is told: %v\n%s", err, text)
	}
	sum := v1alpha1.Summary{}
	path := filepath.Join(t.TempDir(), "order.json")
	for i, line := range someOrders {
		if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		_, out, errOut := runChecky(t, "", "check", knowledge, "-f", path, "-r", "orders.yaml", "-o", "json")
		var one v1alpha1.Verdict
		if err := json.Unmarshal([]byte(out), &one); err != nil {
			t.Fatal(err, errOut)
		}
		item, listed := told[int32(i)]
		if !listed {
			item = v1alpha1.BatchItem{Phase: v1alpha1.PhaseSuccess, Summary: one.Summary}
		}
		var bad []v1alpha1.Result
		for _, r := range one.Results {
			if r.Outcome != v1alpha1.OutcomePass && r.Outcome != v1alpha1.OutcomeSkip {
				bad = append(bad, r)
			}
		}
		if one.Summary != nil {
			sum.Pass, sum.Fail, sum.Warn = sum.Pass+one.Summary.Pass, sum.Fail+one.Summary.Fail, sum.Warn+one.Summary.Warn
			sum.Skip, sum.Error = sum.Skip+one.Summary.Skip, sum.Error+one.Summary.Error
		}
		want := v1alpha1.BatchItem{Index: item.Index, Name: item.Name, Phase: one.Phase, Summary: one.Summary, Results: bad, Message: item.Message}
		if diff := cmp.Diff(want, item, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s (-alone +among others):\n%s", line, diff)
		}
		message := strings.Replace(item.Message, fmt.Sprintf("line %d", i+1), "line 1", 1)
		if one.Summary == nil && !strings.Contains(one.Explanation, message) {
			t.Errorf("%s: alone it is told %q, among others %q", line, one.Explanation, item.Message)
		}
	}
	if diff := cmp.Diff(&sum, many.Summary); diff != "" {
		t.Errorf("the summary is not the sum (-want +got):\n%s", diff)
	}
}

// TestInterruptOfMany: Ctrl-C ends a file that has no end, and what was checked is told.
func TestInterruptOfMany(t *testing.T) {
	t.Chdir(checkFixtures)
	ctx, cancel := context.WithCancel(t.Context())
	endless := &endless{line: `{"amount": 0, "items": []}` + "\n", then: cancel}
	command := newRootCommand()
	command.SilenceErrors, command.SilenceUsage = true, true
	var out, errOut bytes.Buffer
	command.SetArgs([]string{"check", knowledge, "-f", "-", "--input-format", "ndjson", "-r", "orders.yaml", "-o", "json"})
	command.SetIn(endless)
	command.SetOut(&out)
	command.SetErr(&errOut)
	err := command.ExecuteContext(ctx)
	var exit *program.ExitError
	if !errors.As(err, &exit) || exit.Code != 2 {
		t.Errorf("the end is %v", err)
	}
	var v v1alpha1.Verdict
	if err := json.Unmarshal(out.Bytes(), &v); err != nil {
		t.Fatal(err, errOut.String())
	}
	want := fmt.Sprintf("interrupted: stdin was checked up to line %d, and nothing of what follows\n", v.Batch.Total)
	if v.Batch.Total < chunkItems || v.Batch.Failed != v.Batch.Total || errOut.String() != want {
		t.Errorf("%d of %d payloads failed; told is %q, want %q", v.Batch.Failed, v.Batch.Total, errOut.String(), want)
	}
}

// endless gives a chunk's lines at each read. When as many chunks are read as are held, one more has been evaluated: then it calls
// a function, and gives nothing more.
type endless struct {
	line  string
	reads int
	then  func()
}

func (e *endless) Read(p []byte) (int, error) {
	if e.reads == chunksHeld {
		e.then()
		select {}
	}
	e.reads++
	return copy(p, strings.Repeat(e.line, chunkItems)), nil
}

// TestManyThatCannotBeRead: what was read is not told as if it were all.
func TestManyThatCannotBeRead(t *testing.T) {
	t.Chdir(checkFixtures)
	code, out := 0, bytes.Buffer{}
	broken := io.MultiReader(strings.NewReader("{\"items\": []}\n"), brokenReader{})
	code = run([]string{"check", knowledge, "-f", "-", "--input-format", "ndjson", "-r", "orders.yaml"}, broken, &out, io.Discard)
	if code != 2 || !strings.Contains(out.String(), "stdin: payload: the file cannot be read behind line 1: the disk is gone") {
		t.Errorf("exit code %d: %s", code, out.String())
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the disk is gone") }

// BenchmarkCheckNDJSON is a whole run over 100,000 orders of which one in a hundred fails, with the program's start.
func BenchmarkCheckNDJSON(b *testing.B) {
	const payloads = 100_000
	b.Chdir(checkFixtures)
	var text bytes.Buffer
	for i := range payloads {
		amount := 10 + i%9000
		if i%100 == 99 {
			amount = 99999
		}
		fmt.Fprintf(&text, `{"id":"A-%d","amount":%d.5,"currency":"EUR","customer":{"name":"Grace","country":"DE"},"lines":[{"sku":"LMP-0042","qty":3}]}`+"\n", i, amount)
	}
	path := filepath.Join(b.TempDir(), "orders.ndjson")
	if err := os.WriteFile(path, text.Bytes(), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if code := run([]string{"check", "-f", path, "-r", "amounts.yaml", "-o", "json"}, strings.NewReader(""), io.Discard, io.Discard); code != 1 {
			b.Fatalf("exit code %d", code)
		}
	}
	b.ReportMetric(float64(payloads)*float64(b.N)/b.Elapsed().Seconds(), "payloads/s")
}
