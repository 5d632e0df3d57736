package main

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/manifest"
)

func FuzzPrefixOf(f *testing.F) {
	for _, name := range []string{"order.json", "order.v2.JSON#3", "stdin", "--.yaml", "", "日本.json", "a/b/C_D.yaml", strings.Repeat("x-", 100), "#", ".json#1"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		prefix := prefixOf(name)
		if problems := validation.IsDNS1123Label(prefix + "abcde"); len(problems) > 0 {
			t.Errorf("%q gives %q: %v", name, prefix, problems)
		}
	})
}

func TestPrefixOf(t *testing.T) {
	for name, want := range map[string]string{
		"order.json": "order-", "dir/Order_V2.yaml#3": "order-v2-3-", "stdin": "stdin-", "...": "check-", "日本.json": "check-",
	} {
		if got := prefixOf(name); got != want {
			t.Errorf("%s gives %s, want %s", name, got, want)
		}
	}
}

// FuzzPayloads: what a file may hold is either refused, or goes to the cluster as JSON of the same value, within its bounds.
func FuzzPayloads(f *testing.F) {
	for _, text := range []string{`{"a": 1}`, "a: 1\n---\nb: 0x10\n", "[1, 2", `{"kind": "Secret", "apiVersion": "v1"}`, "\x00", "- &a [1]\n- *a\n", `{"apiVersion": "checky.dev/v1alpha1"}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := payloads(newReader(strings.NewReader(text)), []string{"-"})
		if err != nil {
			return
		}
		for _, p := range list {
			if len(p.text) > 262144 {
				t.Errorf("a payload has %d bytes", len(p.text))
			}
			if _, err := manifest.ParseJSON(p.text); err != nil {
				t.Errorf("a payload is no JSON: %v", err)
			}
		}
	})
}

func TestTooManyPayloads(t *testing.T) {
	_, err := payloads(newReader(strings.NewReader(strings.Repeat("a: 1\n---\n", maxChecks)+"a: 1\n")), []string{"-"})
	if err == nil || !strings.Contains(err.Error(), "101 payloads, and at most 100") {
		t.Errorf("the error is %v", err)
	}
}

// TestColumnsHoldOnePage: a table of any length holds a page of rows, and rows after it keep its columns.
func TestColumnsHoldOnePage(t *testing.T) {
	var out bytes.Buffer
	buffered := bufio.NewWriter(&out)
	table := newColumns(buffered, "A", "B")
	for i := range 3 * pageSize {
		if err := table.add(fmt.Sprint(i), "x"); err != nil {
			t.Fatal(err)
		}
		if len(table.held) >= pageSize {
			t.Fatalf("it holds %d rows", len(table.held))
		}
	}
	if err := buffered.Flush(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) != 3*pageSize+2 || lines[0] != "A     B" || lines[1] != "0     x" || lines[1500] != "1499   x" {
		t.Errorf("%d lines: %q %q %q", len(lines), lines[0], lines[1], lines[1500])
	}
}

func TestColumnsPaint(t *testing.T) {
	var out bytes.Buffer
	buffered := bufio.NewWriter(&out)
	table := newColumns(buffered, "PHASE", "B")
	table.paint = func(column int, cell string) string {
		if column == 0 {
			return "<" + cell + ">"
		}
		return cell
	}
	if err := table.add("Failure", ""); err != nil {
		t.Fatal(err)
	}
	if err := table.flush(); err != nil {
		t.Fatal(err)
	}
	if err := buffered.Flush(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("PHASE     B\n<Failure>   -\n", out.String()); diff != "" {
		t.Errorf("colors move the columns:\n%s", diff)
	}
}

func TestResultsWanted(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	check := &v1alpha1.Check{}
	check.CreationTimestamp.Time = now.Add(-2 * time.Hour)
	check.Status.Phase = v1alpha1.PhaseFailure
	check.Status.Results = []v1alpha1.Result{
		{Rule: "a", Outcome: v1alpha1.OutcomeFail}, {Rule: "b", Outcome: v1alpha1.OutcomePass}, {Rule: "c", Outcome: v1alpha1.OutcomeSkip}, {Rule: "d", Outcome: v1alpha1.OutcomeError},
	}
	for name, test := range map[string]struct {
		options resultsOptions
		want    bool
	}{
		"all":              {resultsOptions{}, true},
		"its phase":        {resultsOptions{phase: "Failure"}, true},
		"another phase":    {resultsOptions{phase: "Success"}, false},
		"young enough":     {resultsOptions{since: 2 * time.Hour}, true},
		"too old":          {resultsOptions{since: time.Hour}, false},
		"failed by it":     {resultsOptions{rule: "a"}, true},
		"passed it":        {resultsOptions{rule: "b"}, false},
		"skipped it":       {resultsOptions{rule: "c"}, false},
		"not evaluated by": {resultsOptions{rule: "d"}, true},
	} {
		if got := test.options.wants(check, now); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
