package rules

import (
	"errors"
	"fmt"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Report is what one rule gave on one payload. Its Outcome is pass, fail, skip or error; that a failure
// is below the Check's failOn, and so only warns, is not the rule's to know.
type Report struct {
	Outcome v1alpha1.Outcome
	// Findings are the first MaxFindingsPerRule places of a failure, Dropped counts the others.
	Findings []Finding
	Dropped  int
	// Problem says why the outcome is error.
	Problem string
	// Cost is the CEL cost that was spent.
	Cost uint64
	// TimedOut says that the outcome is error because time ran out, so that another try may end
	// otherwise.
	TimedOut bool
}

// Evaluate runs the rule. Whatever happens in it becomes a Report: it never panics.
func (r *Rule) Evaluate(c *Call) (report Report) {
	if r.err != nil {
		return Report{Outcome: v1alpha1.OutcomeError, Problem: ClipBytes("the rule does not compile: "+r.err.Error(), MaxMessageBytes)}
	}
	defer func() {
		if p := recover(); p != nil {
			report = failed(fmt.Errorf("the rule could not be evaluated: an internal error of %s", r.Kind))
		}
		report.Cost = c.cost
	}()
	if err := c.begin(r.counted); err != nil {
		return failed(err)
	}
	if r.guard != nil {
		allowed, err := r.guard.Allows(c)
		if err != nil {
			return failed(fmt.Errorf("when: %w", err))
		}
		if !allowed {
			return Report{Outcome: v1alpha1.OutcomeSkip}
		}
	}
	if err := r.checker.Check(c); err != nil {
		return failed(err)
	}
	if !c.Failed() {
		return Report{Outcome: v1alpha1.OutcomePass}
	}
	return Report{Outcome: v1alpha1.OutcomeFail, Findings: c.findings, Dropped: c.dropped}
}

func failed(err error) Report {
	return Report{
		Outcome:  v1alpha1.OutcomeError,
		Problem:  ClipBytes(Plain(err.Error()), MaxMessageBytes),
		TimedOut: errors.Is(err, ErrTime),
	}
}
