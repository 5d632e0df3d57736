package engine

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// ErrNoRules is the error of a program without rules: it would pass everything.
var ErrNoRules = errors.New("no rules apply")

// ErrTooManyRules is the error of a program with more than rules.MaxRulesPerCheck rules.
var ErrTooManyRules = errors.New("too many rules")

// Program is what a Check runs: the rules of all its sets, and the severity that fails it. It is immutable and shared.
type Program struct {
	rules   []*rules.Rule // by ID
	applied []string      // their IDs
	failOn  v1alpha1.Severity
	digest  string
	// What a verdict holds where every rule passes: the explanation, the results, and how many of them are left out.
	passed    string
	passes    []v1alpha1.Result
	truncated int32
}

// NewProgram joins rule sets. The order of the sets does not matter.
func NewProgram(failOn v1alpha1.Severity, sets ...*rules.Set) (*Program, error) {
	p := &Program{failOn: cmp.Or(failOn, v1alpha1.SeverityError)}
	if severityRank(p.failOn) < 0 {
		return nil, fmt.Errorf("failOn: %q is not one of info, warning, error, critical", p.failOn)
	}
	digests := make([]string, 0, len(sets))
	for _, set := range sets {
		p.rules = append(p.rules, set.Rules...)
		digests = append(digests, set.Digest)
	}
	switch {
	case len(p.rules) == 0:
		return nil, ErrNoRules
	case len(p.rules) > rules.MaxRulesPerCheck:
		return nil, fmt.Errorf("%w: the sets have %d rules together, and one Check may run at most %d; use fewer sets, or several Checks",
			ErrTooManyRules, len(p.rules), rules.MaxRulesPerCheck)
	}
	slices.SortStableFunc(p.rules, func(a, b *rules.Rule) int { return cmp.Compare(a.ID, b.ID) })
	for _, r := range p.rules {
		p.applied = append(p.applied, r.ID)
	}
	slices.Sort(digests)
	p.digest = rules.Digest([]byte(string(p.failOn) + "\n" + strings.Join(digests, "\n")))
	p.fillPassed()
	return p, nil
}

func (p *Program) fillPassed() {
	reports := make([]rules.Report, len(p.rules))
	for i := range reports {
		reports[i].Outcome = v1alpha1.OutcomePass
	}
	v := &v1alpha1.Verdict{}
	judge(v, p, reports)
	p.passed, p.passes, p.truncated = headline(v.Phase, v.Summary), v.Results, v.Truncated
}

// Digest is the SHA-256 over the sets and failOn, as sha256:HEX.
func (p *Program) Digest() string { return p.digest }

// Rules are the program's rules by ID. Nobody may change the slice.
func (p *Program) Rules() []*rules.Rule { return p.rules }

var severities = []v1alpha1.Severity{
	v1alpha1.SeverityInfo, v1alpha1.SeverityWarning, v1alpha1.SeverityError, v1alpha1.SeverityCritical,
}

func severityRank(s v1alpha1.Severity) int { return slices.Index(severities, s) }
