package tally

import (
	"cmp"
	"slices"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Rank orders the payloads of a batch, the worst first. No two of one batch are equal.
type Rank struct {
	// Phase is the payload's verdict.
	Phase v1alpha1.Phase
	// Severity is the highest among the rules that the phase is owed to, or that warned: higher for what is worse.
	Severity int
	// Bad is how many rules those are.
	Bad int
	// Index is the payload's place.
	Index int
}

// Compare is below 0 where r is worse than other.
func (r Rank) Compare(other Rank) int {
	return cmp.Or(
		ComparePhases(r.Phase, other.Phase),
		cmp.Compare(other.Severity, r.Severity),
		cmp.Compare(other.Bad, r.Bad),
		cmp.Compare(r.Index, other.Index),
	)
}

// worstFirst orders phases. Among payloads that there is something to tell of, Success stands for one with warnings.
var worstFirst = []v1alpha1.Phase{v1alpha1.PhaseFailure, v1alpha1.PhaseError, v1alpha1.PhaseSuccess}

// ComparePhases is below 0 where a is worse than b.
func ComparePhases(a, b v1alpha1.Phase) int {
	return cmp.Compare(slices.Index(worstFirst, a), slices.Index(worstFirst, b))
}
