package engine

import (
	"fmt"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// BatchProblem is what is wrong with spec.inputs, so that none of its payloads is evaluated.
type BatchProblem struct {
	// Index is the place of the payload concerned, -1 where it is all of them.
	Index int
	// Problem says what is wrong and what to do.
	Problem string
}

// maxBatchProblems is how many problems of one list of payloads are told.
const maxBatchProblems = 10

// BatchProblems lists what is wrong with spec.inputs. A payload that is no JSON is none of it: that is a matter of that payload alone.
// Of many problems the first maxBatchProblems are told.
func BatchProblems(inputs []v1alpha1.BatchInput) []BatchProblem {
	if len(inputs) > rules.MaxBatchItems {
		return []BatchProblem{{-1, fmt.Sprintf("it has %d payloads, and one Check takes at most %d; make several Checks of them", len(inputs), rules.MaxBatchItems)}}
	}
	var list []BatchProblem
	size := 0
	for i := range inputs {
		size += len(inputs[i].Text())
		if inputs[i].InputsGiven() != 1 && len(list) < maxBatchProblems {
			list = append(list, BatchProblem{i, "set exactly one of input and inputJSON"})
		}
	}
	if size > rules.MaxBatchBytes {
		list = append(list, BatchProblem{-1, fmt.Sprintf(
			"its payloads have %d bytes together, and one Check takes at most %d (768 KiB); make several Checks of them", size, rules.MaxBatchBytes)})
	}
	return list
}

// invalidBatch is the obstacle of a Check with such a problem, or nil.
func invalidBatch(inputs []v1alpha1.BatchInput) *Obstacle {
	problems := BatchProblems(inputs)
	if len(problems) == 0 {
		return nil
	}
	p := problems[0]
	if p.Index < 0 {
		return &Obstacle{v1alpha1.ReasonInvalidSpec, "spec.inputs: " + p.Problem}
	}
	return &Obstacle{v1alpha1.ReasonInvalidSpec, fmt.Sprintf("spec.inputs[%d]: %s", p.Index, p.Problem)}
}
