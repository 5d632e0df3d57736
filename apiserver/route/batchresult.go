package route

import (
	"github.com/checky-dev/checky/api/v1alpha1"
)

// BatchCounts say how many payloads of a batch came to which verdict.
type BatchCounts struct {
	Total     int32 `json:"total" doc:"How many payloads there are."`
	Succeeded int32 `json:"succeeded" doc:"How many passed."`
	Failed    int32 `json:"failed" doc:"How many failed."`
	Errored   int32 `json:"errored" doc:"How many could not be evaluated in full, and did not fail."`
}

// BatchResult is what became of the payloads of a batch.
type BatchResult struct {
	BatchCounts
	FailedIndexes  string      `json:"failed_indexes,omitempty" doc:"The payloads that failed, by their places in the request from 0: numbers and ranges, ascending. Exact, also where items is cut." example:"1,3-5,7"`
	ErroredIndexes string      `json:"errored_indexes,omitempty" doc:"The payloads that could not be evaluated, in the same notation." example:"2"`
	Items          []BatchItem `json:"items" doc:"The payloads that failed, could not be evaluated or have a warning, the worst first: at most 100, and together at most 256 KiB without their inputs."`
	Truncated      int32       `json:"truncated,omitzero" doc:"How many such payloads were left out of items."`
}

// BatchItem is one payload of a batch.
type BatchItem struct {
	Index     int32        `json:"index" doc:"Its place in the request, from 0." example:"3"`
	Name      string       `json:"name,omitempty" doc:"What the request called it." example:"A-1042"`
	Status    Status       `json:"status" enum:"success,failure" doc:"What became of it. One that could not be evaluated is a failure, with reason EvaluationError."`
	Reason    string       `json:"reason,omitempty" doc:"Why, in one word: RulesPassed, RulesFailed or EvaluationError." example:"RulesFailed"`
	Summary   *Summary     `json:"summary,omitzero" doc:"How many rules came to which outcome; absent where none could be run."`
	Results   []RuleResult `json:"results" doc:"Its findings that failed, could not be evaluated or warned, the worst first; at most 20."`
	Truncated int32        `json:"truncated,omitzero" doc:"How many such findings were left out of results."`
	Message   string       `json:"message,omitempty" doc:"Why no rule could be run, where none could."`
	Input     payload      `json:"input" doc:"The payload as it was sent, every digit kept."`
}

// batchOf tells of the payloads of a batch, whose texts are given by their places; nil where there is no verdict on them.
func batchOf(v *v1alpha1.BatchVerdict, inputs int, text func(int) []byte) *BatchResult {
	if v == nil {
		return nil
	}
	b := &BatchResult{
		BatchCounts: countsOf(v), FailedIndexes: v.FailedIndexes, ErroredIndexes: v.ErroredIndexes,
		Items: make([]BatchItem, len(v.Items)), Truncated: v.Truncated,
	}
	for i := range v.Items {
		item := &v.Items[i]
		b.Items[i] = BatchItem{
			Index: item.Index, Name: item.Name, Status: statusOfPhase(item.Phase), Reason: reasonOfPhase(item.Phase),
			Summary: (*Summary)(item.Summary), Results: ruleResults(item.Results), Truncated: item.Truncated, Message: item.Message,
			Input: payload("null"),
		}
		if at := int(item.Index); at >= 0 && at < inputs { // It is, unless somebody else has written the status.
			b.Items[i].Input = text(at)
		}
	}
	return b
}

func countsOf(v *v1alpha1.BatchVerdict) BatchCounts {
	return BatchCounts{Total: v.Total, Succeeded: v.Succeeded, Failed: v.Failed, Errored: v.Errored}
}

// reasonOfPhase is why a payload of a batch has its verdict, in the words of a check's own.
func reasonOfPhase(p v1alpha1.Phase) string {
	switch p {
	case v1alpha1.PhaseSuccess:
		return v1alpha1.ReasonRulesPassed
	case v1alpha1.PhaseFailure:
		return v1alpha1.ReasonRulesFailed
	default:
		return reasonEvaluationError
	}
}
