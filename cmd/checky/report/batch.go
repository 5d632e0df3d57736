package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// findings are the results of an input, of however many payloads it is.
func (in *Input) findings() []v1alpha1.Result {
	list := in.Verdict.Results
	if in.Verdict.Batch == nil {
		return list
	}
	for i := range in.Verdict.Batch.Items {
		list = append(list, in.Verdict.Batch.Items[i].Results...)
	}
	return list
}

// locateItem tells where in which file a JSON Pointer of one payload of several stands.
func (in *Input) locateItem(item *v1alpha1.BatchItem, pointer string) (file string, line int) {
	if in.LocateItem == nil {
		file, _ = in.locate("")
		return file, 0
	}
	return in.LocateItem(item.Index, pointer)
}

// itemName tells a payload among the others: its name, or else its place.
func itemName(item *v1alpha1.BatchItem) string {
	if item.Name == "" {
		return "payload " + strconv.Itoa(int(item.Index))
	}
	return item.Name
}

// more is a number of payloads besides others.
func more(n int32) string {
	if n == 1 {
		return "1 more payload"
	}
	return strconv.Itoa(int(n)) + " more payloads"
}

// batchSuite is the suite of many payloads: a testcase for each that the verdict tells of, and one for all others. Its properties
// are the exact counts.
func batchSuite(in *Input) junitSuite {
	b := in.Verdict.Batch
	s := junitSuite{Name: in.Name, Out: in.Verdict.Explanation, Properties: &junitProperties{}}
	s.File, _ = in.locate("")
	for _, p := range []struct {
		name  string
		count int32
	}{{"payloads", b.Total}, {"succeeded", b.Succeeded}, {"failed", b.Failed}, {"errored", b.Errored}} {
		s.Properties.List = append(s.Properties.List, junitProperty{p.name, strconv.Itoa(int(p.count))})
	}
	failed, errored := b.Failed, b.Errored
	for i := range b.Items {
		item := &b.Items[i]
		s.Cases = append(s.Cases, itemCase(in, item))
		switch item.Phase {
		case v1alpha1.PhaseFailure:
			failed--
		case v1alpha1.PhaseError:
			errored--
		}
	}
	s.Cases = append(s.Cases, otherCase(in, failed, errored))
	return s
}

// otherCase stands for the payloads that have no testcase of their own.
func otherCase(in *Input, failed, errored int32) junitCase {
	b := in.Verdict.Batch
	c := junitCase{Name: "all other payloads", Class: in.Name}
	switch {
	case failed > 0:
		c.Failure = &junitFact{Message: fmt.Sprintf("%s failed, and %d could not be evaluated: json has their places in batch.failedIndexes and batch.erroredIndexes",
			more(failed), errored)}
	case errored > 0:
		c.Error = &junitFact{Message: more(errored) + " could not be evaluated: json has their places in batch.erroredIndexes"}
	default:
		c.Out = fmt.Sprintf("%d passed", b.Total-int32(len(b.Items))) //nolint:gosec // no more than there are payloads
	}
	return c
}

func itemCase(in *Input, item *v1alpha1.BatchItem) junitCase {
	c := junitCase{Name: itemName(item), Class: in.Name}
	if len(item.Results) == 0 {
		c.Error = &junitFact{Message: item.Message}
		return c
	}
	worst, text := item.Results[0], describeItem(in, item)
	switch item.Phase {
	case v1alpha1.PhaseFailure:
		c.Failure = &junitFact{Type: string(worst.Severity), Message: worst.Rule + ": " + placed(worst), Text: text}
	case v1alpha1.PhaseError:
		c.Error = &junitFact{Type: string(worst.Severity), Message: worst.Rule + ": " + placed(worst), Text: text}
	default:
		c.Out = "warning:\n" + text
	}
	return c
}

// describeItem lists the findings on a payload, and then the passages that help.
func describeItem(in *Input, item *v1alpha1.BatchItem) string {
	var b strings.Builder
	for _, r := range item.Results {
		fmt.Fprintf(&b, "%s (%s, %s): %s\n", r.Rule, r.Outcome, r.Severity, placed(r))
	}
	if item.Truncated > 0 {
		fmt.Fprintf(&b, "and %d more findings\n", item.Truncated)
	}
	for _, text := range passagesOf(in, item.Results) {
		b.WriteString(text + "\n")
	}
	return b.String()
}

// unread is the SARIF rule of a payload among several of which no rule was run.
const unread = unevaluated + "PayloadNotEvaluated"

// addBatch adds a result for each finding that the verdict tells of, at the line of its payload.
func addBatch(run *sarif.Run, in *Input) {
	for i := range in.Verdict.Batch.Items {
		item := &in.Verdict.Batch.Items[i]
		at := place{input: in.Name, item: item, locate: func(pointer string) (string, int) { return in.locateItem(item, pointer) }}
		if len(item.Results) == 0 {
			describeRule(run, Rule{ID: unread, Severity: v1alpha1.SeverityError, Message: "a payload that could not be evaluated"}, nil)
			addResult(run, at, unread, levels[v1alpha1.SeverityError], item.Message, "").
				WithProperties(at.properties().Add("outcome", v1alpha1.OutcomeError))
		}
		for j := range item.Results {
			addFinding(run, at, &item.Results[j])
		}
	}
}

// left tells of payloads that the verdict does not tell of one by one. It is nil where there are none.
func left(in *Input) *sarif.Notification {
	if in.Verdict.Batch == nil || in.Verdict.Batch.Truncated == 0 {
		return nil
	}
	return sarif.NewNotification().WithLevel("note").WithMessage(sarif.NewTextMessage(fmt.Sprintf(
		"%s: %s with findings, left out here; json has the places of those that failed", in.Name, more(in.Verdict.Batch.Truncated))))
}
