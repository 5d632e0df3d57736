package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/checky-dev/checky/test/chaos/check"
	"github.com/checky-dev/checky/test/chaos/history"
)

// What is told of violations here; the file has all of them.
const (
	maxTold  = 20
	maxShown = 6
	maxLine  = 400 // characters of an entry
)

// verdict is what became of a run.
type verdict struct {
	calls, faults, verdicts map[string]int
	violations              []check.Violation
	entries                 []history.Entry
	recorded                int
	keys, undecided         int // idempotency keys, and those of which no order was found or ruled out in time
}

// byRule counts violations.
func (v *verdict) byRule() map[string]int {
	counts := map[string]int{}
	for _, one := range v.violations {
		counts[one.Rule]++
	}
	return counts
}

// tell prints the verdict, and writes what it shows of violations into the folder of the run, if there is one.
func (v verdict) tell(out io.Writer, dir string) (int, error) {
	counts := func(what string, of map[string]int) {
		fmt.Fprintln(out, what)
		for _, name := range slices.Sorted(maps.Keys(of)) {
			fmt.Fprintf(out, "  %7d  %s\n", of[name], name)
		}
	}
	counts("calls by kind and answer", v.calls)
	counts("faults by kind", v.faults)
	counts("verdicts by phase", v.verdicts)
	fmt.Fprintf(out, "recordings of sounds: %d\n", v.recorded)
	fmt.Fprintf(out, "idempotency keys: %d, of which %d are undecided\n", v.keys, v.undecided)
	v.tellSamples(out)
	if err := v.tellViolations(out); err != nil {
		return exitUnmade, err
	}
	if dir != "" {
		if err := v.write(dir); err != nil {
			return exitUnmade, err
		}
		fmt.Fprintf(out, "the history, the violations and the logs are in %s\n", dir)
	}
	return v.code(), nil
}

// code is what the command exits with.
func (v *verdict) code() int {
	if len(v.violations) > 0 {
		return exitViolated
	}
	return exitHeld
}

// tellBriefly prints a verdict in ten lines or so, and keeps of the run's folder what shows violations; without any, nothing.
func (v verdict) tellBriefly(out io.Writer, dir string) (int, error) {
	line := func(what string, of map[string]int) {
		total, parts := 0, []string{}
		for _, name := range slices.Sorted(maps.Keys(of)) {
			total += of[name]
			parts = append(parts, fmt.Sprintf("%s %d", name, of[name]))
		}
		fmt.Fprintf(out, "%-9s %d: %s\n", what, total, strings.Join(parts, ", "))
	}
	answers := map[string]int{}
	for call, n := range v.calls {
		answers[call[strings.LastIndexByte(call, ' ')+1:]] += n
	}
	line("faults", v.faults)
	line("answers", answers)
	line("verdicts", v.verdicts)
	fmt.Fprintf(out, "%-9s %d recorded\n%-9s %d, %d undecided\n", "sounds", v.recorded, "keys", v.keys, v.undecided)
	v.tellSamples(out)
	if err := v.tellViolations(out); err != nil {
		return exitUnmade, err
	}
	if len(v.violations) == 0 {
		return exitHeld, os.RemoveAll(dir)
	}
	if err := v.write(dir); err != nil {
		return exitUnmade, err
	}
	fmt.Fprintf(out, "the history, the violations and the logs are in %s\n", dir)
	return exitViolated, keepEvidence(dir)
}

// keepEvidence deletes what nobody needs who looks for the cause of a violation.
func keepEvidence(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		switch e.Name() {
		case "history.jsonl", "violations.jsonl", "logs":
		default:
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}

// tellViolations prints the first violations.
func (v *verdict) tellViolations(out io.Writer) error {
	fmt.Fprintf(out, "violations: %d\n", len(v.violations))
	for i, one := range v.violations {
		if i == maxTold {
			fmt.Fprintf(out, "  and %d more\n", len(v.violations)-i)
			break
		}
		fmt.Fprintf(out, "  %s: %s: %s\n", one.Rule, one.About, one.Says)
		for _, e := range one.Shown[:min(len(one.Shown), maxShown)] {
			text, err := json.Marshal(e)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "      %s\n", text[:min(len(text), maxLine)])
		}
	}
	return nil
}

// tellSamples prints what each process took at the beginning and in the end.
func (v *verdict) tellSamples(out io.Writer) {
	line := func(s *history.Sample) string {
		return fmt.Sprintf("%d goroutines, %d descriptors, %d MiB", s.Goroutines, s.Descriptors, s.Resident>>20)
	}
	first, last := map[string]string{}, map[string]string{}
	for _, e := range v.entries {
		if s := e.Sample; s != nil {
			if first[s.Process] == "" {
				first[s.Process] = line(s)
			}
			last[s.Process] = line(s)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(first)) {
		fmt.Fprintf(out, "%-13s %s; in the end %s\n", name, first[name], last[name])
	}
}

// write writes all violations, one a line.
func (v *verdict) write(dir string) error {
	var b strings.Builder
	for _, one := range v.violations {
		text, err := json.Marshal(one)
		if err != nil {
			return err
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	return write(dir, "violations.jsonl", []byte(b.String()))
}
