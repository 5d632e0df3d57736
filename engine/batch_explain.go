package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine/tally"
	"github.com/checky-dev/checky/rag"
)

// explain tells the worst payloads, each with the worst of its rules, and below the first one of each rule the passage that helps
// with it. Its error is that of the searches; there is an explanation whatever it is.
func (b *Batch) explain(ctx context.Context, v *v1alpha1.Verdict) error {
	told := b.worst.list[:min(len(b.worst.list), tally.MaxTold)]
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
	text.WriteString(tally.Headline(v.Phase, v.Batch, b.warned))
	cited := map[string]bool{}
	for _, e := range told {
		text.WriteString("\n- " + tally.Tell(&e.item))
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
