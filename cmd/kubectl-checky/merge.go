package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/engine/tally"
)

// merged is the verdict on all payloads of a file that several Checks hold, as one Check of them all would have it; but it has no
// alert, since each of the Checks has its own. Where one of them could not be evaluated at all, its verdict is that of all.
func (m *many) merged(checks []*v1alpha1.Check) reporting.Input {
	for _, k := range checks {
		if k.Status.Batch == nil {
			in := inputOf(k)
			in.Name = m.name
			return in
		}
	}
	in := inputOf(checks[0])
	in.Name, in.LocateItem = m.name, m.locate
	v := &v1alpha1.Verdict{
		Phase: v1alpha1.PhaseSuccess, RulesApplied: in.Verdict.RulesApplied, RuleCount: in.Verdict.RuleCount,
		RulesDigest: in.Verdict.RulesDigest, InputDigest: m.digest(), Summary: &v1alpha1.Summary{}, Batch: &v1alpha1.BatchVerdict{},
	}
	var failures, errored tally.Indexes
	base := 0
	for _, k := range checks {
		one := &k.Status.Verdict
		addSummary(v.Summary, one.Summary)
		addBatch(v.Batch, one.Batch, base)
		failures.AddAll(one.Batch.FailedIndexes, base)
		errored.AddAll(one.Batch.ErroredIndexes, base)
		for _, p := range one.Passages {
			if !slices.ContainsFunc(v.Passages, func(q v1alpha1.Passage) bool { return q.ID == p.ID }) {
				v.Passages = append(v.Passages, p)
			}
		}
		if tally.ComparePhases(one.Phase, v.Phase) < 0 {
			v.Phase = one.Phase
			in.Reason = inputOf(k).Reason
		}
		base += int(one.Batch.Total)
	}
	v.Batch.FailedIndexes, v.Batch.ErroredIndexes = failures.String(), errored.String()
	slices.SortStableFunc(v.Batch.Items, worseFirst)
	told := tally.Fit(v.Batch.Items)
	v.Batch.Truncated += int32(len(v.Batch.Items) - len(told)) //nolint:gosec // at most those of maxChecks Checks
	v.Batch.Items = told
	v.Explanation = explanationOf(v)
	in.Verdict = *v
	in.Rules = rulesOf(v)
	return in
}

func addSummary(sum, one *v1alpha1.Summary) {
	if one == nil {
		return
	}
	sum.Pass += one.Pass
	sum.Fail += one.Fail
	sum.Warn += one.Warn
	sum.Skip += one.Skip
	sum.Error += one.Error
}

func addBatch(sum, one *v1alpha1.BatchVerdict, base int) {
	sum.Total += one.Total
	sum.Succeeded += one.Succeeded
	sum.Failed += one.Failed
	sum.Errored += one.Errored
	sum.Truncated += one.Truncated
	for _, item := range one.Items {
		item.Index += int32(base) //nolint:gosec // at most maxChecks times rules.MaxBatchItems
		sum.Items = append(sum.Items, item)
	}
}

// worseFirst is the order of a batch's items.
func worseFirst(a, b v1alpha1.BatchItem) int { return rankOf(&a).Compare(rankOf(&b)) }

func rankOf(item *v1alpha1.BatchItem) tally.Rank {
	return tally.Rank{Phase: item.Phase, Severity: severityOf(item), Bad: badOf(item), Index: int(item.Index)}
}

// severityOf is the highest severity of what the phase is owed to. A payload of which no rule was run counts as an error.
func severityOf(item *v1alpha1.BatchItem) int {
	if len(item.Results) == 0 {
		return slices.Index(severities, string(v1alpha1.SeverityError))
	}
	highest := 0
	for i := range item.Results {
		if r := &item.Results[i]; r.Outcome != v1alpha1.OutcomeWarn || item.Phase == v1alpha1.PhaseSuccess {
			highest = max(highest, slices.Index(severities, string(r.Severity)))
		}
	}
	return highest
}

// badOf is how many rules that phase is owed to.
func badOf(item *v1alpha1.BatchItem) int {
	switch {
	case item.Summary == nil:
		return 0
	case item.Phase == v1alpha1.PhaseSuccess:
		return int(item.Summary.Warn)
	}
	return int(item.Summary.Fail + item.Summary.Error)
}

// explanationOf tells the worst payloads, in the words of a Check's own explanation.
func explanationOf(v *v1alpha1.Verdict) string {
	var b strings.Builder
	items, notable := v.Batch.Items, len(v.Batch.Items)+int(v.Batch.Truncated)
	b.WriteString(tally.Headline(v.Phase, v.Batch, notable-int(v.Batch.Failed)-int(v.Batch.Errored)))
	cited := map[string]bool{}
	told := min(len(items), tally.MaxTold)
	for i := range told {
		item := &items[i]
		b.WriteString("\n- " + tally.Tell(item))
		if len(item.Results) == 0 {
			continue
		}
		for _, id := range item.Results[0].Passages {
			at := slices.IndexFunc(v.Passages, func(p v1alpha1.Passage) bool { return p.ID == id })
			if at >= 0 && !cited[id] {
				cited[id] = true
				b.WriteString("\n  " + tally.Cite(v.Passages[at].Text, id))
			}
		}
	}
	if notable > told {
		fmt.Fprintf(&b, "\n- and %d more; see batch.items", notable-told)
	}
	return b.String()
}
