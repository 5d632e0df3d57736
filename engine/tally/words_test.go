package tally

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func TestHeadline(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		batch  v1alpha1.BatchVerdict
		phase  v1alpha1.Phase
		warned int
		want   string
	}{
		"All":     {"nothing is amiss", v1alpha1.BatchVerdict{Total: 2, Succeeded: 2}, v1alpha1.PhaseSuccess, 0, "Success: all 2 payloads passed."},
		"One":     {"one is no plural", v1alpha1.BatchVerdict{Total: 1, Succeeded: 1}, v1alpha1.PhaseSuccess, 0, "Success: the one payload passed."},
		"Warned":  {"a warning is told", v1alpha1.BatchVerdict{Total: 2, Succeeded: 2}, v1alpha1.PhaseSuccess, 1, "Success: of 2 payloads, 2 passed, 1 of them with warnings."},
		"Mixed":   {"the worst first", v1alpha1.BatchVerdict{Total: 6, Succeeded: 3, Failed: 2, Errored: 1}, v1alpha1.PhaseFailure, 1, "Failure: of 6 payloads, 2 failed, 1 could not be evaluated, 3 passed, 1 of them with warnings."},
		"OneBad":  {"what is not there is not told", v1alpha1.BatchVerdict{Total: 1, Errored: 1}, v1alpha1.PhaseError, 0, "Error: of 1 payload, 1 could not be evaluated."},
		"Nothing": {"all failed", v1alpha1.BatchVerdict{Total: 9, Failed: 9}, v1alpha1.PhaseFailure, 0, "Failure: of 9 payloads, 9 failed."},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Headline(tc.phase, &tc.batch, tc.warned)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestTell(t *testing.T) {
	row := func(outcome v1alpha1.Outcome, path string) v1alpha1.Result {
		return v1alpha1.Result{Rule: "orders/amount", Outcome: outcome, Severity: v1alpha1.SeverityError, Path: path, Message: "expected less"}
	}
	for name, tc := range map[string]struct {
		reason string
		item   v1alpha1.BatchItem
		want   string
	}{
		"Failed":  {"where, and what", v1alpha1.BatchItem{Index: 3, Name: "A-1", Results: []v1alpha1.Result{row(v1alpha1.OutcomeFail, "/amount")}}, "payload 3 (A-1): orders/amount (error) failed at /amount: expected less"},
		"Whole":   {"of the whole payload", v1alpha1.BatchItem{Results: []v1alpha1.Result{row(v1alpha1.OutcomeWarn, "")}}, "payload 0: orders/amount (error) warns: expected less"},
		"More":    {"all others are counted", v1alpha1.BatchItem{Results: []v1alpha1.Result{row(v1alpha1.OutcomeError, ""), row(v1alpha1.OutcomeFail, "")}, Truncated: 5}, "payload 0: orders/amount (error) could not be evaluated: expected less (and 6 more)"},
		"Unread":  {"no rule was run", v1alpha1.BatchItem{Index: 1, Message: "payload: it is not JSON"}, "payload 1 could not be evaluated: it is not JSON"},
		"Forged":  {"a name makes no line, and no color", v1alpha1.BatchItem{Name: "x\n- payload 9 passed\x1b[32m", Message: "m"}, "payload 0 (x\ufffd- payload 9 passed\ufffd[32m) could not be evaluated: m"},
		"Long":    {"a name is cut", v1alpha1.BatchItem{Name: strings.Repeat("n", maxName+1), Message: "m"}, "payload 0 (" + strings.Repeat("n", maxName-3) + "...) could not be evaluated: m"},
		"Pointer": {"nor does a path", v1alpha1.BatchItem{Results: []v1alpha1.Result{row(v1alpha1.OutcomeFail, "/a\nb")}}, "payload 0: orders/amount (error) failed at /a\ufffdb: expected less"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, Tell(&tc.item)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestCite(t *testing.T) {
	if diff := cmp.Diff("short [rag-content.txt:1]", Cite("short", "rag-content.txt:1")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(strings.Repeat("ä", maxPassage)+"... [x:2]", Cite(strings.Repeat("ä", maxPassage+1), "x:2")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
