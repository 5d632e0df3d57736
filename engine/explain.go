package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine/tally"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules"
)

// What an explanation may hold, so that it reads well in `kubectl describe`.
const (
	// maxExplained is how many rules are told one by one; the others are counted.
	maxExplained = 8
	// maxTold is how many findings of one rule are told.
	maxTold = 3
	// defaultRetrievalTimeout is how long all searches of one verdict may take.
	defaultRetrievalTimeout = 100 * time.Millisecond
)

// explain searches the knowledge file for each rule that did not pass, the worst first, and writes the explanation. Its error is that
// of the searches; there is an explanation whatever it is.
func (e *Engine) explain(ctx context.Context, v *v1alpha1.Verdict, list []*rules.Rule, reports []rules.Report, order []int) error {
	var told []int
	var queries []rag.Query
	for _, i := range order {
		if o := reports[i].Outcome; o == v1alpha1.OutcomePass || o == v1alpha1.OutcomeSkip || len(told) == maxExplained {
			break
		}
		told = append(told, i)
		queries = append(queries, queryFor(list[i], &reports[i]))
	}
	hits, err := e.search(ctx, queries)
	for n, i := range told {
		if hits[n] == nil {
			continue
		}
		cite(v, hits[n])
		for row := range v.Results {
			if v.Results[row].Rule == list[i].ID {
				v.Results[row].Passages = []string{hits[n].ID()}
			}
		}
	}
	v.Explanation = compose(v, list, reports, told, hits)
	return err
}

// search asks for the best passage of each query; the answers are as many as the queries.
func (e *Engine) search(ctx context.Context, queries []rag.Query) ([]*rag.Hit, error) {
	hits := make([]*rag.Hit, len(queries))
	if len(queries) == 0 {
		return hits, nil
	}
	if e.Retriever == nil {
		return hits, errors.New("there is no knowledge file")
	}
	timeout := e.RetrievalTimeout
	if timeout == 0 {
		timeout = defaultRetrievalTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for i, q := range queries {
		found, err := e.Retriever.Retrieve(ctx, q, 1)
		if err != nil {
			return make([]*rag.Hit, len(queries)), fmt.Errorf("searching the knowledge file: %w", err)
		}
		if len(found) > 0 {
			hits[i] = &found[0]
		}
	}
	return hits, nil
}

// cite lists a passage once.
func cite(v *v1alpha1.Verdict, hit *rag.Hit) {
	id := hit.ID()
	for i := range v.Passages {
		if v.Passages[i].ID == id {
			return
		}
	}
	v.Passages = append(v.Passages, v1alpha1.Passage{ID: id, Title: hit.Title, Text: hit.Text})
}

func citation(hit rag.Hit) string { return tally.Cite(hit.Text, hit.ID()) }

// compose writes the explanation: the verdict, each rule that did not pass with what helps, and what was not
// evaluated.
func compose(v *v1alpha1.Verdict, list []*rules.Rule, reports []rules.Report, told []int, hits []*rag.Hit) string {
	var b strings.Builder
	b.WriteString(headline(v.Phase, v.Summary))
	for n, i := range told {
		tell(&b, list[i], &reports[i])
		if hits[n] != nil {
			b.WriteString("\n  " + citation(*hits[n]))
		}
	}
	if more := int(v.Summary.Fail+v.Summary.Error+v.Summary.Warn) - len(told); more > 0 {
		fmt.Fprintf(&b, "\n- and %d more; see results", more)
	}
	var skipped []string
	for i := range reports {
		if reports[i].Outcome == v1alpha1.OutcomeSkip && len(skipped) <= maxExplained {
			skipped = append(skipped, list[i].ID)
		}
	}
	if len(skipped) > maxExplained {
		skipped[maxExplained] = "..."
	}
	if len(skipped) > 0 {
		b.WriteString("\nSkipped by their when: " + strings.Join(skipped, ", ") + ".")
	}
	return b.String()
}

// tell writes what one rule found: its first findings, and how many there are.
func tell(b *strings.Builder, rule *rules.Rule, report *rules.Report) {
	fmt.Fprintf(b, "\n- %s (%s)", rule.ID, rule.Severity)
	switch report.Outcome {
	case v1alpha1.OutcomeError:
		b.WriteString(" could not be evaluated: " + report.Problem)
		return
	case v1alpha1.OutcomeWarn:
		b.WriteString(" warns")
	default:
		b.WriteString(" failed")
	}
	total := len(report.Findings) + report.Dropped
	if total == 1 {
		f := &report.Findings[0]
		b.WriteString(at(rules.Plain(f.Path)) + ": " + messageOf(rule, f))
		return
	}
	fmt.Fprintf(b, " in %d places:", total)
	for i := range report.Findings {
		if i == maxTold {
			fmt.Fprintf(b, "\n  and %d more; see results", total-maxTold)
			break
		}
		f := &report.Findings[i]
		where := rules.Plain(f.Path)
		if where == "" {
			where = "the payload"
		}
		b.WriteString("\n  " + where + ": " + messageOf(rule, f))
	}
}

func at(path string) string {
	if path == "" {
		return ""
	}
	return " at " + path
}

// headline is the verdict in one line.
func headline(phase v1alpha1.Phase, s *v1alpha1.Summary) string {
	total := s.Pass + s.Fail + s.Warn + s.Skip + s.Error
	var parts []string
	if phase == v1alpha1.PhaseSuccess && s.Pass == total {
		if total == 1 {
			return "Success: the one rule passed."
		}
		return fmt.Sprintf("Success: all %d rules passed.", total)
	}
	for _, p := range []struct {
		n    int32
		verb string
	}{{s.Fail, "failed"}, {s.Error, "could not be evaluated"}, {s.Warn, "warned"}, {s.Skip, "skipped"}, {s.Pass, "passed"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.verb))
		}
	}
	noun := "rules"
	if total == 1 {
		noun = "rule"
	}
	return fmt.Sprintf("%s: of %d %s, %s.", phase, total, noun, strings.Join(parts, ", "))
}
