package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/spf13/pflag"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/records"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

// read reads a text as a file of many payloads.
func read(fatal func(...any), form, text string, most int) (*many, error) {
	o := &records.Options{}
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	o.BindFlags(flags)
	if err := errors.Join(flags.Set("input-format", form), o.Validate([]string{"-"})); err != nil {
		fatal(err)
	}
	files, err := o.OpenAll([]string{"-"}, strings.NewReader(text), false)
	if err != nil {
		fatal(err)
	}
	return readMany(files[0], most)
}

func TestReadMany(t *testing.T) {
	cases := map[string]struct {
		reason, form, text string
		parts              []int // how many payloads each has
		err                string
	}{
		"One":        {reason: "all in one Check", form: "ndjson", text: "1\n2\n", parts: []int{2}},
		"Full":       {reason: "as many as a Check takes", form: "ndjson", text: strings.Repeat("1\n", rules.MaxBatchItems), parts: []int{rules.MaxBatchItems}},
		"Two":        {reason: "one more", form: "ndjson", text: strings.Repeat("1\n", rules.MaxBatchItems+1), parts: []int{rules.MaxBatchItems, 1}},
		"Bytes":      {reason: "as much as a Check takes, as it is written there", form: "ndjson", text: strings.Repeat(`"`+strings.Repeat("x", rules.MaxPayloadBytes-2)+"\"\n", 4), parts: []int{2, 2}},
		"Escaped":    {reason: "what JSON escapes takes six bytes", form: "ndjson", text: strings.Repeat(`"`+strings.Repeat("<", 100<<10)+"\"\n", 3), parts: []int{1, 1, 1}},
		"CSV":        {reason: "records", form: "csv", text: "a\n1\n2\n", parts: []int{2}},
		"Empty":      {reason: "there is nothing to check", form: "ndjson", text: "\n", err: "stdin: it has no payload; give at least one"},
		"NotJSON":    {reason: "told with its line, and not quoted", form: "ndjson", text: "1\n{hunter2\n", err: "stdin:2: column 2: it is not JSON"},
		"TooLong":    {reason: "no Check could hold it", form: "ndjson", text: `"` + strings.Repeat("x", rules.MaxPayloadBytes) + `"`, err: "stdin:1: payload: it has more than 262144 bytes"},
		"Ragged":     {reason: "what is meant cannot be told", form: "csv", text: "a\n1,2\n", err: "stdin:2: payload: the record has 2 cells, and the header 1"},
		"SecretList": {reason: "as kubectl get secrets -o json prints them", form: "ndjson", text: `{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Secret","data":{"a":"hunter2"}}]}`, err: "stdin:1: it is a SecretList, "},
		"Secret":     {reason: "its values would be readable", form: "ndjson", text: "1\n" + `{"apiVersion":"v1","kind":"Secret","data":{"a":"hunter2"}}`, err: "stdin:2: it is a Secret, "},
		"Check":      {reason: "it is no payload", form: "ndjson", text: `{"apiVersion":"checky.dev/v1alpha1","kind":"Check"}`, err: "stdin:1: it is a Check of Checky's"},
		"ManyFaults": {reason: "the first of them are told", form: "ndjson", text: strings.Repeat("{\n", 2*maxProblems), err: "what follows was not looked at"},
		"TooMany":    {reason: "a run is bounded", form: "ndjson", text: strings.Repeat("1\n", 5*rules.MaxBatchItems), err: "stdin:3001: the payloads up to here take more than 100 Checks"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			m, err := read(t.Fatal, tc.form, tc.text, 3)
			if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("%s: the error is %v, want %s", tc.reason, err, tc.err)
			}
			if err != nil {
				if strings.Contains(err.Error(), "hunter2") || strings.Count(err.Error(), "\n") > maxProblems {
					t.Errorf("the error is %v", err)
				}
				return
			}
			var parts []int
			for _, part := range m.parts {
				stored, err := json.Marshal(part)
				if err != nil {
					t.Fatal(err)
				}
				size := len(stored) - 1 // a bracket more, a comma less
				if len(part) > rules.MaxBatchItems || size > rules.MaxBatchBytes {
					t.Errorf("a part has %d payloads of %d bytes", len(part), size)
				}
				parts = append(parts, len(part))
			}
			if diff := cmp.Diff(tc.parts, parts); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

const someRules = `
rules:
- {name: amount, module: {name: range, params: {field: $.amount, max: 100}}}
- {name: customer, severity: warning, module: {name: required, params: {field: $.customer}}}
- {name: total, severity: critical, cel: {expression: "input.total > 0"}}
`

// TestMergedIsTheVerdictOnAll: what several Checks say of the parts of a file is what one batch says of all of it; but for the alert, and
// where payloads are left out, which are told.
func TestMergedIsTheVerdictOnAll(t *testing.T) {
	var spec v1alpha1.RuleSetSpec
	if err := yaml.UnmarshalStrict([]byte(someRules), &spec); err != nil {
		t.Fatal(err)
	}
	program, err := engine.NewProgram("", engine.NewLibrary(builtin.New()).Rules("orders", spec.Rules))
	if err != nil {
		t.Fatal(err)
	}
	verdict := func(inputs []v1alpha1.BatchInput) *v1alpha1.Check {
		batch := (&engine.Engine{}).NewBatch(engine.BatchOptions{Program: program})
		batch.Add(t.Context(), engine.Items(inputs))
		return &v1alpha1.Check{Status: v1alpha1.CheckStatus{Verdict: batch.Outcome(t.Context()).Verdict}}
	}
	payloads := []string{
		`{"amount": 1, "customer": "x", "total": 1}`, `{"amount": 1, "customer": "x", "total": 1}`, `{"amount": 1, "total": 1}`, `{"amount": 101, "customer": "x", "total": 1}`,
		`{"amount": 1, "customer": "x"}`, `{"amount": 101, "total": 0}`, `[]`,
	}
	rapid.Check(t, func(r *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom(payloads), 2, 60).Draw(r, "lines")
		lines = slices.Repeat(lines, rapid.SampledFrom([]int{1, 1, 8}).Draw(r, "times")) // past what a verdict tells of
		m, err := read(r.Fatal, "ndjson", strings.Join(lines, "\n\n"), maxChecks)
		if err != nil {
			r.Fatal(err)
		}
		all := m.parts[0]
		want := verdict(all).Status.Verdict
		var checks []*v1alpha1.Check
		for len(all) > 0 {
			n := rapid.IntRange(1, len(all)).Draw(r, "part")
			checks = append(checks, verdict(all[:n]))
			all = all[n:]
		}
		got := m.merged(checks)
		want.Alert = nil
		if diff := cmp.Diff(want, got.Verdict, cmpopts.EquateEmpty()); diff != "" {
			r.Fatalf("in %d parts there is another verdict (-one +parts):\n%s", len(checks), diff)
		}
		for _, item := range got.Verdict.Batch.Items {
			if file, line := got.LocateItem(item.Index, ""); file != "" || item.Name != fmt.Sprintf("line %d", line) {
				r.Fatalf("%s is told to be on line %d of %q", item.Name, line, file)
			}
		}
	})
}

// TestMergedOfRefused: where a Check could not be evaluated at all, neither could all of them.
func TestMergedOfRefused(t *testing.T) {
	m, err := read(t.Fatal, "ndjson", "1\n", maxChecks)
	if err != nil {
		t.Fatal(err)
	}
	refused := &v1alpha1.Check{Status: v1alpha1.CheckStatus{Verdict: v1alpha1.Verdict{Phase: v1alpha1.PhaseError, Explanation: "Error: no rules apply"}}}
	good := &v1alpha1.Check{Status: v1alpha1.CheckStatus{Verdict: v1alpha1.Verdict{Phase: v1alpha1.PhaseSuccess, Batch: &v1alpha1.BatchVerdict{Total: 1, Succeeded: 1}}}}
	if in := m.merged([]*v1alpha1.Check{good, refused}); in.Name != "stdin" || in.Verdict.Phase != v1alpha1.PhaseError || in.Verdict.Explanation != "Error: no rules apply" {
		t.Errorf("the verdict is %+v", in.Verdict)
	}
}

// TestBatchInAList: a batch's row has payloads, and the worst of their rules.
func TestBatchInAList(t *testing.T) {
	check := &v1alpha1.Check{Status: v1alpha1.CheckStatus{Verdict: v1alpha1.Verdict{
		Phase: v1alpha1.PhaseFailure, RuleCount: 3, Summary: &v1alpha1.Summary{Pass: 10, Fail: 2},
		Batch: &v1alpha1.BatchVerdict{Total: 4, Succeeded: 2, Failed: 1, Errored: 1, Items: []v1alpha1.BatchItem{
			{Results: []v1alpha1.Result{{Rule: "orders/amount", Outcome: v1alpha1.OutcomeFail, Severity: v1alpha1.SeverityError}}},
		}},
	}}}
	check.Name = "orders"
	var out bytes.Buffer
	p := newListPrinter(&out, "", false, check.CreationTimestamp.UTC)
	if err := errors.Join(p.check(check), p.end()); err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "orders   2/4") || !strings.Contains(out.String(), "orders/amount (error)") {
		t.Errorf("the list is\n%s", out.String())
	}
	if !(&resultsOptions{rule: "orders/amount"}).wants(check, check.CreationTimestamp.Time) {
		t.Error("--rule does not find it")
	}
}
