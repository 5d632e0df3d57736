package main

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"iter"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/cmd/program"
)

// reportFormats are those of `checky check`, and kubectl's yaml and name.
func reportFormats() []string { return append(reporting.Formats(), "yaml", "name") }

// writeReport writes the verdicts on Checks, and returns the exit code that they ask for.
func writeReport(out io.Writer, format string, r *reporting.Report, checks []*v1alpha1.Check) error {
	r.ExitCode = reporting.ExitCode(r.Inputs)
	var err error
	if format == "name" {
		err = writeNames(out, checks)
	} else {
		err = writeAs(out, format, r)
	}
	switch {
	case err != nil:
		return fmt.Errorf("writing the report: %w", err)
	case r.ExitCode != 0:
		return &program.ExitError{Code: r.ExitCode}
	}
	return nil
}

// writeNames writes kubectl's names of Checks.
func writeNames(out io.Writer, checks []*v1alpha1.Check) error {
	for _, check := range checks {
		if _, err := fmt.Fprintln(out, "check.checky.dev/"+check.Name); err != nil {
			return err
		}
	}
	return nil
}

// writeAs writes a report in a format other than name.
func writeAs(out io.Writer, format string, r *reporting.Report) error {
	if format == "yaml" {
		var text bytes.Buffer
		if err := reporting.Write(&text, "json", r, reporting.Options{}); err != nil {
			return err
		}
		converted, err := yaml.JSONToYAML(text.Bytes())
		if err != nil {
			return err
		}
		_, err = out.Write(converted)
		return err
	}
	return reporting.Write(out, format, r, reporting.Options{Color: program.Colored(out)})
}

// inputOf is a Check's verdict as the report has it.
func inputOf(k *v1alpha1.Check) reporting.Input {
	in := reporting.Input{Name: k.Namespace + "/" + k.Name, Verdict: k.Status.Verdict}
	if passed := meta.FindStatusCondition(k.Status.Conditions, v1alpha1.ConditionPassed); passed != nil {
		in.Reason = passed.Reason
	}
	in.Rules = rulesOf(&k.Status.Verdict)
	return in
}

// rulesOf are the rules of a verdict, as far as it tells of them.
func rulesOf(v *v1alpha1.Verdict) []reporting.Rule {
	severity := map[string]v1alpha1.Severity{}
	for r := range resultsOf(v) {
		severity[r.Rule] = r.Severity
	}
	var list []reporting.Rule
	for _, id := range v.RulesApplied {
		list = append(list, reporting.Rule{ID: id, Severity: cmp.Or(severity[id], v1alpha1.SeverityError)})
	}
	return list
}

// resultsOf are the results of a verdict, on one payload or several.
func resultsOf(v *v1alpha1.Verdict) iter.Seq[*v1alpha1.Result] {
	return func(yield func(*v1alpha1.Result) bool) {
		for i := range v.Results {
			if !yield(&v.Results[i]) {
				return
			}
		}
		if v.Batch == nil {
			return
		}
		for i := range v.Batch.Items {
			for j := range v.Batch.Items[i].Results {
				if !yield(&v.Batch.Items[i].Results[j]) {
					return
				}
			}
		}
	}
}

// waitsFor says what a Check without a verdict waits for, and what to do.
func waitsFor(k *v1alpha1.Check) string {
	complete := meta.FindStatusCondition(k.Status.Conditions, v1alpha1.ConditionComplete)
	switch {
	case complete == nil || complete.Reason == v1alpha1.ReasonPending || complete.ObservedGeneration < k.Generation:
		return "the operator has not looked at it yet; if that lasts, see whether it runs: `kubectl -n checky-system get pods`"
	default:
		return complete.Message
	}
}

// worst is the rule that matters most of those that did not pass: the first result, since the worst come first. It is empty where
// all passed.
func worst(v *v1alpha1.Verdict) string {
	for r := range resultsOf(v) {
		switch r.Outcome {
		case v1alpha1.OutcomeFail, v1alpha1.OutcomeError, v1alpha1.OutcomeWarn:
			return fmt.Sprintf("%s (%s)", r.Rule, r.Severity)
		}
	}
	return ""
}

// headline is the first line of an explanation, without the phase.
func headline(v *v1alpha1.Verdict) string {
	line, _, _ := strings.Cut(v.Explanation, "\n")
	return strings.TrimPrefix(line, string(v.Phase)+": ")
}
