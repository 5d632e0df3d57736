package tally

import (
	"fmt"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

const (
	// MaxTold is how many payloads the explanation of a batch tells one by one; it counts the others.
	MaxTold = 8
	// maxName is how much of a payload's name is told, in bytes; batch.items has all of it.
	maxName = 64
	// maxPassage is how much of a passage the explanation quotes, in code points; passages has all of it.
	maxPassage = 400
)

// Cite quotes a passage, and says which it is.
func Cite(passage, id string) string {
	if runes := []rune(passage); len(runes) > maxPassage {
		passage = string(runes[:maxPassage]) + "..."
	}
	return passage + " [" + id + "]"
}

// Headline is the verdict on a batch in one line. Warned is how many of those that passed have warnings.
func Headline(phase v1alpha1.Phase, b *v1alpha1.BatchVerdict, warned int) string {
	if phase == v1alpha1.PhaseSuccess && warned == 0 {
		if b.Total == 1 {
			return "Success: the one payload passed."
		}
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
	noun := "payloads"
	if b.Total == 1 {
		noun = "payload"
	}
	return fmt.Sprintf("%s: of %d %s, %s.", phase, b.Total, noun, strings.Join(parts, ", "))
}

// Tell is a payload in one line: its place, its name, and the worst that is known of it. Its results are the worst first, and there is
// one unless no rule was run.
func Tell(item *v1alpha1.BatchItem) string {
	var b strings.Builder
	fmt.Fprintf(&b, "payload %d", item.Index)
	if item.Name != "" {
		b.WriteString(" (" + rules.ClipBytes(rules.Plain(item.Name), maxName) + ")")
	}
	if len(item.Results) == 0 {
		b.WriteString(" could not be evaluated: " + strings.TrimPrefix(item.Message, "payload: "))
		return b.String()
	}
	row := &item.Results[0]
	fmt.Fprintf(&b, ": %s (%s)", row.Rule, row.Severity)
	switch row.Outcome {
	case v1alpha1.OutcomeError:
		b.WriteString(" could not be evaluated")
	case v1alpha1.OutcomeWarn:
		b.WriteString(" warns")
	default:
		b.WriteString(" failed")
	}
	if path := rules.Plain(row.Path); path != "" {
		b.WriteString(" at " + path)
	}
	b.WriteString(": " + row.Message)
	if more := len(item.Results) - 1 + int(item.Truncated); more > 0 {
		fmt.Fprintf(&b, " (and %d more)", more)
	}
	return b.String()
}
