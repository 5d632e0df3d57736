package engine

import (
	"slices"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// outcomeOrder is the worst first.
var outcomeOrder = []v1alpha1.Outcome{
	v1alpha1.OutcomeFail, v1alpha1.OutcomeError, v1alpha1.OutcomeWarn, v1alpha1.OutcomeSkip, v1alpha1.OutcomePass,
}

// fillResults turns reports into phase, summary, results and alert. It gives back the order of the rules, the worst first; none where
// all passed.
func fillResults(v *v1alpha1.Verdict, p *Program, reports []rules.Report) []int {
	for i := range reports {
		if reports[i].Outcome != v1alpha1.OutcomePass {
			return judge(v, p, reports)
		}
	}
	v.Phase, v.Summary = v1alpha1.PhaseSuccess, &v1alpha1.Summary{Pass: int32(len(reports))} //nolint:gosec // at most MaxRulesPerCheck
	v.Results, v.Truncated = slices.Clone(p.passes), p.truncated
	return nil
}

// judge is fillResults whatever the outcomes.
func judge(v *v1alpha1.Verdict, p *Program, reports []rules.Report) []int {
	summary, rows, dropped := &v1alpha1.Summary{}, 0, 0
	for i := range reports {
		reports[i].Outcome = scored(reports[i].Outcome, p.rules[i].Severity, p.failOn)
		countOutcome(summary, reports[i].Outcome)
		rows += max(1, len(reports[i].Findings))
		dropped += reports[i].Dropped
	}
	v.Summary = summary
	v.Phase = phaseOf(summary)
	v.Results = make([]v1alpha1.Result, 0, min(rows, rules.MaxResults))
	order := worstFirst(p.rules, reports)
	for _, i := range order {
		v.Results = appendResults(v.Results, p.rules[i], &reports[i])
	}
	v.Truncated = int32(rows - len(v.Results) + dropped) //nolint:gosec // findings are bounded by the payload's size
	if v.Phase != v1alpha1.PhaseSuccess {
		v.Alert = alertOf(v.Phase, "", v.Results, worstSeverity(p.rules, reports))
	}
	return order
}

// scored turns a failure below failOn into a warning.
func scored(o v1alpha1.Outcome, severity, failOn v1alpha1.Severity) v1alpha1.Outcome {
	if o == v1alpha1.OutcomeFail && severityRank(severity) < severityRank(failOn) {
		return v1alpha1.OutcomeWarn
	}
	return o
}

func countOutcome(s *v1alpha1.Summary, o v1alpha1.Outcome) {
	switch o {
	case v1alpha1.OutcomePass:
		s.Pass++
	case v1alpha1.OutcomeFail:
		s.Fail++
	case v1alpha1.OutcomeWarn:
		s.Warn++
	case v1alpha1.OutcomeSkip:
		s.Skip++
	case v1alpha1.OutcomeError:
		s.Error++
	}
}

func phaseOf(s *v1alpha1.Summary) v1alpha1.Phase {
	switch {
	case s.Fail > 0:
		return v1alpha1.PhaseFailure
	case s.Error > 0:
		return v1alpha1.PhaseError
	}
	return v1alpha1.PhaseSuccess
}

// worstFirst orders the rules by outcome, then by severity, then by ID.
func worstFirst(list []*rules.Rule, reports []rules.Report) []int {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	rank := func(i int) int {
		return slices.Index(outcomeOrder, reports[i].Outcome)*len(severities) - severityRank(list[i].Severity)
	}
	slices.SortStableFunc(order, func(a, b int) int { return rank(a) - rank(b) })
	return order
}

func appendResults(rows []v1alpha1.Result, rule *rules.Rule, report *rules.Report) []v1alpha1.Result {
	row := v1alpha1.Result{Rule: rule.ID, Outcome: report.Outcome, Severity: rule.Severity, Message: report.Problem}
	if len(report.Findings) == 0 && len(rows) < rules.MaxResults {
		return append(rows, row)
	}
	for i := range report.Findings {
		if len(rows) == rules.MaxResults {
			break
		}
		row.Path, row.Message = report.Findings[i].Path, messageOf(rule, &report.Findings[i])
		rows = append(rows, row)
	}
	return rows
}

// messageOf is the rule's own message with what was found, or else the finding's.
func messageOf(rule *rules.Rule, f *rules.Finding) string {
	switch {
	case rule.Message == "":
		return f.Message
	case f.Found == "":
		return rule.Message
	}
	return rule.Message + "; found " + f.Found
}

func worstSeverity(list []*rules.Rule, reports []rules.Report) v1alpha1.Severity {
	worst := v1alpha1.SeverityInfo
	for i := range reports {
		bad := reports[i].Outcome == v1alpha1.OutcomeFail || reports[i].Outcome == v1alpha1.OutcomeError
		if bad && severityRank(list[i].Severity) > severityRank(worst) {
			worst = list[i].Severity
		}
	}
	return worst
}

// alertOf hashes the facts of a failure: the phase, the reason where nothing could be evaluated, and the rule,
// outcome, severity and path of each bad result. No prose and no time goes in.
func alertOf(phase v1alpha1.Phase, reason string, results []v1alpha1.Result, severity v1alpha1.Severity) *v1alpha1.Alert {
	var b strings.Builder
	b.WriteString(string(phase) + "\n" + reason + "\n")
	for i := range results {
		r := &results[i]
		if r.Outcome == v1alpha1.OutcomeFail || r.Outcome == v1alpha1.OutcomeError {
			b.WriteString(r.Rule + "\x00" + string(r.Outcome) + "\x00" + string(r.Severity) + "\x00" + r.Path + "\n")
		}
	}
	return &v1alpha1.Alert{Key: rules.Digest([]byte(b.String())), Severity: severity}
}
