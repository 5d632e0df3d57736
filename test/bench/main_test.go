package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/test/bench/report"
	"github.com/checky-dev/checky/test/bench/section"
)

// TestSectionsSurviveEachOther: one that fails or panics is told, and the others are in the report.
func TestSectionsSurviveEachOther(t *testing.T) {
	broken := errors.New("broken")
	var works []string
	good := func(_ context.Context, o section.Options) (*report.Section, error) {
		works = append(works, o.Work)
		return &report.Section{Targets: []report.Target{report.AtMost("a target", 2, 1, "s")}}, nil
	}
	o := options{out: t.TempDir(), root: t.TempDir()}
	err := o.bench(t.Context(), []section.Section{
		{ID: "a", Title: "First", Run: good},
		{ID: "b", Title: "Second", Run: func(context.Context, section.Options) (*report.Section, error) { return nil, broken }},
		{ID: "c", Title: "Third", Run: func(context.Context, section.Options) (*report.Section, error) { panic("oh") }},
		{ID: "d", Title: "Fourth", Run: good},
	}, io.Discard)
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "Third: panic: oh") {
		t.Errorf("got %v, want both errors", err)
	}
	page, err := os.ReadFile(filepath.Join(o.out, "benchmarks.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"## First", "## Fourth", "- Second: broken", "| a target | at most 2 s | 1 s | yes |"} {
		if !strings.Contains(string(page), part) {
			t.Errorf("the report lacks %q:\n%s", part, page)
		}
	}
	for _, work := range works {
		if _, err := os.Stat(work); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is still there", work)
		}
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	ran := 0
	interrupted := func(context.Context, section.Options) (*report.Section, error) {
		ran++
		cancel()
		return &report.Section{}, ctx.Err()
	}
	o := options{out: t.TempDir(), root: t.TempDir(), docs: true}
	err := o.bench(ctx, []section.Section{{ID: "a", Title: "A", Run: interrupted}, {ID: "b", Title: "B", Run: interrupted}}, io.Discard)
	if !errors.Is(err, context.Canceled) || ran != 1 {
		t.Errorf("got %v after %d sections, want the context's error after 1", err, ran)
	}
	if _, err := os.Stat(filepath.Join(o.root, "docs")); !errors.Is(err, os.ErrNotExist) {
		t.Error("half of a report is in the documentation")
	}
}

func TestOptions(t *testing.T) {
	for name, tc := range map[string]struct {
		options options
		args    []string
		want    []string
		refused bool
	}{
		"all by default":               {want: ids(sections)},
		"in the report's order":        {options: options{only: "retrieval,engines"}, want: []string{"engines", "retrieval"}},
		"an unknown section":           {options: options{only: "engine"}, refused: true},
		"an argument":                  {args: []string{"engines"}, refused: true},
		"quick is not for the docs":    {options: options{quick: true, docs: true}, refused: true},
		"a checkout that is not there": {options: options{only: "engines", root: "/nowhere"}, want: []string{"engines"}},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, err := tc.options.complete(tc.args)
			if (err != nil) != tc.refused {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(tc.want, names(chosen)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func names(list []section.Section) []string {
	if list == nil {
		return nil
	}
	return ids(list)
}

func TestCommand(t *testing.T) {
	o := options{quick: true, only: "engines", steady: time.Minute, merge: true}
	if got, want := o.command(), "make bench-quick BENCH='-only engines -steady 1m0s -merge'"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
