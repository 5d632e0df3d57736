package alerts

import (
	"slices"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// Ranks is how many ranks there are: those of the severities, and 0.
const Ranks = len(severities)

// severities from the lowest to the highest: the rank of one is its index.
var severities = [...]v1alpha1.Severity{
	1: v1alpha1.SeverityInfo,
	2: v1alpha1.SeverityWarning,
	3: v1alpha1.SeverityError,
	4: v1alpha1.SeverityCritical,
}

// Severities are all of them by their ranks; that of rank 0 is empty.
func Severities() [Ranks]v1alpha1.Severity { return severities }

// Rank orders severities: 1 for info, 2 for warning, 3 for error, 4 for critical, and 0 for one that is unknown or empty.
func Rank(s v1alpha1.Severity) int {
	return max(slices.Index(severities[:], s), 0)
}

// Pattern is what is heard for a severity where a policy sets no tone: low for info and warning, medium for error, high for
// critical. One that is unknown has that of error, which is what a rule has that names none.
func Pattern(s v1alpha1.Severity) v1alpha1.TonePattern {
	switch s {
	case v1alpha1.SeverityInfo, v1alpha1.SeverityWarning:
		return v1alpha1.TonePatternLow
	case v1alpha1.SeverityCritical:
		return v1alpha1.TonePatternHigh
	}
	return v1alpha1.TonePatternMedium
}
