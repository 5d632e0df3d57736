package check

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
)

func batchStatus() v1alpha1.CheckStatus {
	result := func(rule string, outcome v1alpha1.Outcome) v1alpha1.Result {
		return v1alpha1.Result{Rule: rule, Outcome: outcome, Message: "long"}
	}
	return v1alpha1.CheckStatus{Verdict: v1alpha1.Verdict{
		Phase: v1alpha1.PhaseFailure, Explanation: "Failure: of 3 payloads, 2 failed, 1 passed.\n- payload 0: a failed",
		Batch: &v1alpha1.BatchVerdict{Total: 3, Succeeded: 1, Failed: 2, FailedIndexes: "0,1", Items: []v1alpha1.BatchItem{
			{Index: 0, Results: []v1alpha1.Result{result("b", v1alpha1.OutcomeFail), result("a", v1alpha1.OutcomeError)}},
			{Index: 1, Results: []v1alpha1.Result{result("b", v1alpha1.OutcomeFail), result("w", v1alpha1.OutcomeWarn)}},
		}, Truncated: 4},
	}}
}

// TestNoteOfBatch has the rules of the worst payloads first, each once, and no warnings.
func TestNoteOfBatch(t *testing.T) {
	status := batchStatus()
	if diff := cmp.Diff("Failure: of 3 payloads, 2 failed, 1 passed: b, a", note(&status)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestBatchWithoutResults leaves out what is large and counts it, in the status alone: the outcome is somebody else's.
func TestBatchWithoutResults(t *testing.T) {
	status, outcome := batchStatus(), batchStatus()
	status.Batch = outcome.Batch
	withoutResults(&status)
	want := &v1alpha1.BatchVerdict{Total: 3, Succeeded: 1, Failed: 2, FailedIndexes: "0,1", Truncated: 6}
	if diff := cmp.Diff(want, status.Batch); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if len(outcome.Batch.Items) != 2 || !strings.Contains(status.Explanation, "Make smaller batches") {
		t.Errorf("%d items in the outcome; %s", len(outcome.Batch.Items), status.Explanation)
	}
}
