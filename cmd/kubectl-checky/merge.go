package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	reporting "github.com/checky-dev/checky/cmd/checky/report"
	"github.com/checky-dev/checky/rules"
)

const (
	// maxTold is how many payloads the explanation of several Checks tells of, as that of one does.
	maxTold = 8
	// maxPassage is how much of a passage it quotes, in characters.
	maxPassage = 400
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
	var failures, errored indexes
	base := 0
	for _, k := range checks {
		one := &k.Status.Verdict
		addSummary(v.Summary, one.Summary)
		addBatch(v.Batch, one.Batch, base)
		failures.add(one.Batch.FailedIndexes, base)
		errored.add(one.Batch.ErroredIndexes, base)
		for _, p := range one.Passages {
			if !slices.ContainsFunc(v.Passages, func(q v1alpha1.Passage) bool { return q.ID == p.ID }) {
				v.Passages = append(v.Passages, p)
			}
		}
		if rankOf(one.Phase) < rankOf(v.Phase) {
			v.Phase = one.Phase
			in.Reason = inputOf(k).Reason
		}
		base += int(one.Batch.Total)
	}
	v.Batch.FailedIndexes, v.Batch.ErroredIndexes = failures.String(), errored.String()
	slices.SortStableFunc(v.Batch.Items, worseFirst)
	if over := len(v.Batch.Items) - rules.MaxBatchResults; over > 0 {
		v.Batch.Items = v.Batch.Items[:rules.MaxBatchResults]
		v.Batch.Truncated += int32(over) //nolint:gosec // at most those of maxChecks Checks
	}
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

// rankOf is lower for what is worse.
func rankOf(p v1alpha1.Phase) int {
	return slices.Index([]v1alpha1.Phase{v1alpha1.PhaseFailure, v1alpha1.PhaseError, v1alpha1.PhaseSuccess}, p)
}

// worseFirst is the order of a batch's items: by phase, then by the worst result's severity, then by the number of rules, then by place.
func worseFirst(a, b v1alpha1.BatchItem) int {
	return cmp.Or(
		cmp.Compare(rankOf(a.Phase), rankOf(b.Phase)),
		cmp.Compare(severityOf(&b), severityOf(&a)),
		cmp.Compare(badOf(&b), badOf(&a)),
		cmp.Compare(a.Index, b.Index),
	)
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
func badOf(item *v1alpha1.BatchItem) int32 {
	switch {
	case item.Summary == nil:
		return 0
	case item.Phase == v1alpha1.PhaseSuccess:
		return item.Summary.Warn
	}
	return item.Summary.Fail + item.Summary.Error
}

// explanationOf tells the worst payloads, in the words of a Check's own explanation.
func explanationOf(v *v1alpha1.Verdict) string {
	var b strings.Builder
	items, notable := v.Batch.Items, len(v.Batch.Items)+int(v.Batch.Truncated)
	b.WriteString(headlineOf(v.Phase, v.Batch, notable))
	cited := map[string]bool{}
	told := min(len(items), maxTold)
	for i := range told {
		item := &items[i]
		b.WriteString("\n- " + tell(item))
		if len(item.Results) == 0 {
			continue
		}
		for _, id := range item.Results[0].Passages {
			at := slices.IndexFunc(v.Passages, func(p v1alpha1.Passage) bool { return p.ID == id })
			if at >= 0 && !cited[id] {
				cited[id] = true
				b.WriteString("\n  " + clip(v.Passages[at].Text, maxPassage) + " [" + id + "]")
			}
		}
	}
	if notable > told {
		fmt.Fprintf(&b, "\n- and %d more; see batch.items", notable-told)
	}
	return b.String()
}

// headlineOf is the verdict in one line.
func headlineOf(phase v1alpha1.Phase, b *v1alpha1.BatchVerdict, notable int) string {
	warned := notable - int(b.Failed) - int(b.Errored)
	if phase == v1alpha1.PhaseSuccess && warned == 0 {
		return fmt.Sprintf("Success: all %d payloads passed.", b.Total)
	}
	var parts []string
	for _, p := range []struct {
		n    int32
		verb string
	}{{b.Failed, "failed"}, {b.Errored, "could not be evaluated"}, {b.Succeeded, "passed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.verb))
		}
	}
	if warned > 0 {
		parts = append(parts, fmt.Sprintf("%d of them with warnings", warned))
	}
	return fmt.Sprintf("%s: of %d payloads, %s.", phase, b.Total, strings.Join(parts, ", "))
}

// tell is a payload in one line: its place, its name, and the worst that is known of it.
func tell(item *v1alpha1.BatchItem) string {
	text := fmt.Sprintf("payload %d", item.Index)
	if item.Name != "" {
		text += " (" + oneLine(item.Name) + ")"
	}
	if len(item.Results) == 0 {
		return text + " could not be evaluated: " + strings.TrimPrefix(item.Message, "payload: ")
	}
	r := &item.Results[0]
	text += fmt.Sprintf(": %s (%s)", r.Rule, r.Severity)
	switch r.Outcome {
	case v1alpha1.OutcomeError:
		text += " could not be evaluated"
	case v1alpha1.OutcomeWarn:
		text += " warns"
	default:
		text += " failed"
	}
	if r.Path != "" {
		text += " at " + r.Path
	}
	text += ": " + r.Message
	if more := len(item.Results) - 1 + int(item.Truncated); more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// indexes are places as batch.failedIndexes has them: 1,3-5,7.
type indexes struct{ ranges [][2]int }

// add appends those of one more Check, whose first payload has a place of its own.
func (x *indexes) add(list string, base int) {
	for part := range strings.SplitSeq(list, ",") {
		from, to, several := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		if err != nil {
			continue // there is none
		}
		last := first
		if several {
			if last, err = strconv.Atoi(to); err != nil {
				continue
			}
		}
		if n := len(x.ranges); n > 0 && x.ranges[n-1][1]+1 == first+base {
			x.ranges[n-1][1] = last + base
			continue
		}
		x.ranges = append(x.ranges, [2]int{first + base, last + base})
	}
}

// String is the list, cut as that of a long file is by `checky check`.
func (x *indexes) String() string {
	const more = ",..."
	var text []byte
	for _, r := range x.ranges {
		before := len(text)
		if before > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(r[0]), 10)
		if r[1] > r[0] {
			between := byte('-')
			if r[1] == r[0]+1 {
				between = ','
			}
			text = strconv.AppendInt(append(text, between), int64(r[1]), 10)
		}
		if len(text) > rules.MaxBatchIndexBytes-len(more) {
			return string(append(text[:before], more...))
		}
	}
	return string(text)
}
