// Package report writes what `checky check` found: as text for people, as JSON for programs, as JUnit XML and SARIF
// for pipelines. The same inputs give the same bytes.
package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/program"
)

// Report is the outcome of one run.
type Report struct {
	// Inputs in the order in which they were given, files of many payloads after all others.
	Inputs []Input
	// List says that JSON is a list, also of one.
	List bool
	// Version of the program, for the formats that name their tool.
	Version string
	// ExitCode that the program will end with, for the formats that say it.
	ExitCode int
}

// Input is a payload or Check and its verdict.
type Input struct {
	// Name is NAMESPACE/NAME of a Check, else the file.
	Name string
	// Verdict as a Check's status would hold it.
	Verdict v1alpha1.Verdict
	// Reason is the condition's: RulesFailed, NoRules and so on.
	Reason string
	// Rules that were run, in the order of Verdict.RulesApplied; none where the input could not be evaluated at all.
	Rules []Rule
	// Locate tells where in which file a JSON Pointer of the payload stands. The file is empty where the payload comes
	// from standard input, the line 0 where it cannot be told. It may be nil.
	Locate func(pointer string) (file string, line int)
	// LocateItem is Locate for one payload of several. It may be nil.
	LocateItem func(index int32, pointer string) (file string, line int)
}

// ExitCode is the worst of the verdicts': 0 where all are Success, else program.ExitFailure, or program.ExitUsage where one could not
// be evaluated.
func ExitCode(inputs []Input) int {
	code := 0
	for i := range inputs {
		switch inputs[i].Verdict.Phase {
		case v1alpha1.PhaseSuccess:
		case v1alpha1.PhaseFailure:
			code = max(code, program.ExitFailure)
		default:
			code = max(code, program.ExitUsage)
		}
	}
	return code
}

// Rule is what formats tell of a rule besides its results.
type Rule struct {
	// ID as in results.
	ID string
	// Kind is the module's name, cel or jsonSchema. It is empty where only the verdict is known.
	Kind string
	// Severity of its failures.
	Severity v1alpha1.Severity
	// Message is the rule's own; it may be empty.
	Message string
}

// Options are how to write.
type Options struct {
	// Color the text.
	Color bool
}

type writeFunc func(io.Writer, *Report, Options) error

var formats = []struct {
	name  string
	write writeFunc
}{{"text", writeText}, {"json", writeJSON}, {"junit", writeJUnit}, {"sarif", writeSARIF}}

// Formats are the names of the formats.
func Formats() []string {
	names := make([]string, len(formats))
	for i, f := range formats {
		names[i] = f.name
	}
	return names
}

// Write writes a report in a format. An unknown one is an error that names the others.
func Write(w io.Writer, format string, r *Report, o Options) error {
	for _, f := range formats {
		if f.name == format {
			return f.write(w, r, o)
		}
	}
	return fmt.Errorf("%q is not one of %s", format, strings.Join(Formats(), ", "))
}

func (in *Input) locate(pointer string) (file string, line int) {
	if in.Locate == nil {
		return "", 0
	}
	return in.Locate(pointer)
}

// results groups a verdict's results by rule.
func (in *Input) results() map[string][]v1alpha1.Result {
	byRule := map[string][]v1alpha1.Result{}
	for _, r := range in.findings() {
		byRule[r.Rule] = append(byRule[r.Rule], r)
	}
	return byRule
}

// passage is a cited passage's text with its source, or "".
func (in *Input) passage(id string) string {
	for i := range in.Verdict.Passages {
		if p := &in.Verdict.Passages[i]; p.ID == id {
			return p.Text + " [" + p.ID + "]"
		}
	}
	return ""
}
