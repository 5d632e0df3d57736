package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine/tally"
	"github.com/checky-dev/checky/rules"
)

// maxItemAttempts is how often a payload of a batch is evaluated in a row where a rule ran out of time, as a Check of its own is by the
// controller.
const maxItemAttempts = 3

// maxItemName is how much of a payload's name is kept, in bytes: all that the API server lets through.
const maxItemName = 4 * 253

// slot is what is known of one payload of a window.
type slot struct {
	phase   v1alpha1.Phase
	summary v1alpha1.Summary
	// ran says that its rules were run.
	ran bool
	// digest is the payload's; it is empty for one that could not be read, or is secret.
	digest string
	// alert is the key of its alert; it is empty for one that passed.
	alert string
	// rank of one that there is something to tell of.
	rank tally.Rank
	// entry is there where the payload may be among the worst.
	entry    *entry
	timedOut bool
}

// entry is a payload that there is something to tell of.
type entry struct {
	rank tally.Rank
	item v1alpha1.BatchItem
	// rule is the worst of its rules; nil where none was run.
	rule *rules.Rule
	// report is that rule's, with its first finding alone.
	report rules.Report
	// reason is one of the condition reasons, where no rule was run.
	reason string
}

// judge gives the verdict on one payload. One that is no worse than the bar, where there is one, is counted and no more.
// Reports is room for as many as there are rules; nothing of it is kept.
func (b *Batch) judge(ctx context.Context, item *Item, index int, bar *tally.Rank, reports []rules.Report) slot {
	if ctx.Err() != nil {
		return b.unevaluated(item, index, bar, v1alpha1.ReasonRulesErrored, "it was not evaluated, because the evaluation was cancelled")
	}
	if item.Problem != "" {
		return b.unevaluated(item, index, bar, v1alpha1.ReasonInvalidInput, item.Problem)
	}
	payload, err := rules.Decode(item.Input)
	if err != nil {
		return b.unevaluated(item, index, bar, v1alpha1.ReasonInvalidInput, unread(err, item.Line))
	}
	digest := payload.Digest()
	if b.mask && rules.IsSecretManifest(payload.Root()) {
		payload, digest = payload.Masked(), "" // a digest of a secret would let a guess be confirmed
	}
	if b.overdue() {
		s := b.unevaluated(item, index, bar, v1alpha1.ReasonRulesErrored, fmt.Sprintf(
			"it ran out of time: all payloads of a batch may take %s together; make smaller batches", b.maxTime))
		s.digest = digest
		return s
	}
	s := slot{digest: digest, ran: true, timedOut: b.run(ctx, payload, reports)}
	for i := range reports {
		reports[i].Outcome = scored(reports[i].Outcome, b.program.rules[i].Severity, b.program.failOn)
		countOutcome(&s.summary, reports[i].Outcome)
	}
	s.phase = phaseOf(&s.summary)
	if s.phase != v1alpha1.PhaseSuccess || s.summary.Warn > 0 {
		b.tell(&s, item, index, bar, reports)
	}
	return s
}

// unread tells why a payload that begins on a line of a file could not be read.
func unread(err error, line int) string {
	if at := (*rules.PayloadError)(nil); line > 1 && errors.As(err, &at) && at.Line > 0 {
		moved := *at
		moved.Line += line - 1
		return moved.Error()
	}
	return err.Error()
}

// run evaluates the rules, again where one ran out of time, and says whether one did in the end.
func (b *Batch) run(ctx context.Context, payload *rules.Payload, reports []rules.Report) (timedOut bool) {
	for attempt := 1; ; attempt++ {
		run(ctx, payload, b.program.rules, b.now, reports)
		timedOut = false
		for i := range reports {
			timedOut = timedOut || reports[i].TimedOut
		}
		if !timedOut || attempt == maxItemAttempts || b.overdue() || ctx.Err() != nil {
			return timedOut
		}
	}
}

// maxItemTime is how much of a batch's time one payload can take: as much as its rules may. Where it takes longer, the process stood
// still, which is not the payloads' fault.
const maxItemTime = maxItemAttempts * rules.MaxCheckTime

// timed has a payload evaluated by one of so many workers, and counts the time that it takes of all of them.
func (b *Batch) timed(workers int, judge func() slot) slot {
	if b.maxTime == 0 {
		return judge()
	}
	began := b.clock()
	s := judge()
	b.spent.Add(int64(min(b.clock().Sub(began), maxItemTime)) / int64(workers))
	return s
}

func (b *Batch) overdue() bool { return b.maxTime > 0 && b.spent.Load() >= int64(b.maxTime) }

// tell fills in what a slot holds of a payload that did not merely pass.
func (b *Batch) tell(s *slot, item *Item, index int, bar *tally.Rank, reports []rules.Report) {
	list := b.program.rules
	order := worstFirst(list, reports)
	rows, total, bad := make([]v1alpha1.Result, 0, rules.MaxItemResults), 0, 0
	for ; bad < len(order); bad++ {
		report := &reports[order[bad]]
		if report.Outcome == v1alpha1.OutcomePass || report.Outcome == v1alpha1.OutcomeSkip {
			break
		}
		rows = appendResults(rows, list[order[bad]], report)
		total += max(1, len(report.Findings)) + report.Dropped
	}
	s.rank = tally.Rank{Phase: s.phase, Bad: int(s.summary.Fail + s.summary.Error), Index: index}
	if s.phase == v1alpha1.PhaseSuccess {
		s.rank.Bad = int(s.summary.Warn)
		s.rank.Severity = severityRank(list[order[0]].Severity)
	} else {
		severity := worstSeverity(list, reports)
		s.rank.Severity = severityRank(severity)
		s.alert = alertOf(s.phase, "", rows, severity).Key
	}
	if bar != nil && s.rank.Compare(*bar) >= 0 {
		return
	}
	if len(rows) > rules.MaxItemResults {
		rows = slices.Clone(rows[:rules.MaxItemResults])
	}
	worst := &reports[order[0]]
	s.entry = &entry{
		rank: s.rank,
		item: v1alpha1.BatchItem{
			Index: narrow(index), Name: nameOf(item), Phase: s.phase, Summary: new(s.summary), Results: rows,
			Truncated: narrow(total - len(rows)),
		},
		rule: list[order[0]],
		report: rules.Report{
			Outcome: worst.Outcome, Problem: worst.Problem, Findings: slices.Clone(worst.Findings[:min(1, len(worst.Findings))]),
		},
	}
}

// unevaluated is the slot of a payload of which no rule was run. Whatever the reason is, if not the payload itself, another try may end
// otherwise.
func (b *Batch) unevaluated(item *Item, index int, bar *tally.Rank, reason, message string) slot {
	s := slot{
		phase:    v1alpha1.PhaseError,
		alert:    alertOf(v1alpha1.PhaseError, reason, nil, v1alpha1.SeverityError).Key,
		rank:     tally.Rank{Phase: v1alpha1.PhaseError, Severity: severityRank(v1alpha1.SeverityError), Index: index},
		timedOut: reason != v1alpha1.ReasonInvalidInput,
	}
	if bar == nil || s.rank.Compare(*bar) < 0 {
		s.entry = &entry{
			rank: s.rank, reason: reason,
			item: v1alpha1.BatchItem{Index: narrow(index), Name: nameOf(item), Phase: s.phase, Message: message},
		}
	}
	return s
}

// nameOf is a copy of a name, so that it does not keep alive what it was cut from.
func nameOf(item *Item) string { return strings.Clone(rules.ClipBytes(item.Name, maxItemName)) }
