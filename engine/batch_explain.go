package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules"
)

// maxToldName is how much of a payload's name the explanation tells, in bytes; batch.items has all of it.
const maxToldName = 64

// explain tells the worst payloads, each with the worst of its rules, and below the first one of each rule the passage that helps
// with it. Its error is that of the searches; there is an explanation whatever it is.
func (b *Batch) explain(ctx context.Context, v *v1alpha1.Verdict) error {
	told := b.worst.list[:min(len(b.worst.list), maxExplained)]
	var queries []rag.Query
	asked := map[string]int{}
	for _, e := range told {
		if _, known := asked[e.topic()]; !known {
			asked[e.topic()] = len(queries)
			queries = append(queries, e.query())
		}
	}
	hits, err := b.engine.search(ctx, queries)
	var text strings.Builder
	text.WriteString(b.headline(v.Phase))
	cited := map[string]bool{}
	for _, e := range told {
		text.WriteString("\n- " + e.tell())
		topic := e.topic()
		if hit := hits[asked[topic]]; hit != nil && !cited[topic] {
			cited[topic] = true
			cite(v, hit)
			text.WriteString("\n  " + citation(*hit))
		}
	}
	if more := b.notable() - len(told); more > 0 {
		fmt.Fprintf(&text, "\n- and %d more; see batch.items", more)
	}
	v.Explanation = text.String()
	for _, e := range b.worst.list {
		for i := range e.item.Results {
			if at, ok := asked[e.item.Results[i].Rule]; ok && hits[at] != nil {
				e.item.Results[i].Passages = []string{hits[at].ID()}
			}
		}
	}
	return err
}

// topic is what one passage is searched for: a rule's ID, or why no rule was run.
func (e *entry) topic() string {
	if e.rule == nil {
		return "\x00" + e.reason
	}
	return e.rule.ID
}

func (e *entry) query() rag.Query {
	if e.rule == nil {
		return refusalQuery(e.reason, e.item.Message)
	}
	return queryFor(e.rule, &e.report)
}

// tell is the payload in one line: its place, its name, and the worst that is known of it.
func (e *entry) tell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "payload %d", e.item.Index)
	if e.item.Name != "" {
		b.WriteString(" (" + rules.ClipBytes(rules.Plain(e.item.Name), maxToldName) + ")")
	}
	if e.rule == nil {
		b.WriteString(" could not be evaluated: " + strings.TrimPrefix(e.item.Message, "payload: "))
		return b.String()
	}
	row := &e.item.Results[0]
	fmt.Fprintf(&b, ": %s (%s)", row.Rule, row.Severity)
	switch row.Outcome {
	case v1alpha1.OutcomeError:
		b.WriteString(" could not be evaluated")
	case v1alpha1.OutcomeWarn:
		b.WriteString(" warns")
	default:
		b.WriteString(" failed")
	}
	b.WriteString(at(rules.Plain(row.Path)) + ": " + row.Message)
	if more := len(e.item.Results) - 1 + int(e.item.Truncated); more > 0 {
		fmt.Fprintf(&b, " (and %d more)", more)
	}
	return b.String()
}

// headline is the verdict in one line.
func (b *Batch) headline(phase v1alpha1.Phase) string {
	if phase == v1alpha1.PhaseSuccess && b.warned == 0 {
		if b.total == 1 {
			return "Success: the one payload passed."
		}
		return fmt.Sprintf("Success: all %d payloads passed.", b.total)
	}
	var parts []string
	for _, p := range []struct {
		n    int
		verb string
	}{{b.failure, "failed"}, {b.errored, "could not be evaluated"}, {b.success, "passed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.verb))
		}
	}
	if b.warned > 0 {
		parts = append(parts, fmt.Sprintf("%d of them with warnings", b.warned))
	}
	noun := "payloads"
	if b.total == 1 {
		noun = "payload"
	}
	return fmt.Sprintf("%s: of %d %s, %s.", phase, b.total, noun, strings.Join(parts, ", "))
}
