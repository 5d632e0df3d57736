package monitoring

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// ofTargets are the labels that Prometheus and the Prometheus operator give each series, and what rules record.
var ofTargets = []string{"job", "namespace", "pod", "node", model.MetricNameLabel}

// parse parses a query; dashboards' variables have values for it.
func parse(t *testing.T, where, query string) parser.Expr {
	t.Helper()
	query = strings.NewReplacer("$__rate_interval", "5m", "$namespace", ".*").Replace(query)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v: %s", where, err, query)
		return &parser.NumberLiteral{}
	}
	return expr
}

// selectors are what a query asks for.
func selectors(expr parser.Expr) (all []*parser.VectorSelector) {
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			all = append(all, s)
		}
		return nil
	})
	return all
}

// TestQueriesAskForWhatThereIs compares what rules and dashboard ask for with what the components serve: names, labels, and the values that
// a query asks to be equal to.
func TestQueriesAskForWhatThereIs(t *testing.T) {
	series := served(t)
	alerts, records := rules(t)
	recorded := map[string]bool{}
	queries := map[string]string{}
	for _, r := range records {
		recorded[r.Record] = true
		queries[r.Record] = r.Expr
	}
	for _, a := range alerts {
		queries[a.Alert+" "+a.Labels["window"]] = a.Expr
	}
	for _, p := range graphs(t) {
		for _, q := range p.Targets {
			queries["panel "+p.Title+" "+q.RefID] = q.Expr
		}
	}
	for where, query := range queries {
		expr := parse(t, where, query)
		for _, s := range selectors(expr) {
			if s.Name == "up" || recorded[s.Name] {
				continue
			}
			known, found := series[s.Name]
			if !found {
				t.Errorf("%s: nobody serves %s", where, s.Name)
				continue
			}
			for _, m := range s.LabelMatchers {
				if slices.Contains(ofTargets, m.Name) {
					continue
				}
				values, found := known[m.Name]
				switch {
				case !found:
					t.Errorf("%s: %s has no label %s", where, s.Name, m.Name)
				case m.Type == labels.MatchEqual && !values[m.Value]:
					t.Errorf("%s: %s was never seen with %s=%q", where, s.Name, m.Name, m.Value)
				}
			}
		}
		grouped(t, where, expr, series, recorded)
	}
}

// grouped checks what aggregations group by: a label that nobody has would put all into one group.
func grouped(t *testing.T, where string, expr parser.Expr, series catalogue, recorded map[string]bool) {
	t.Helper()
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		a, ok := n.(*parser.AggregateExpr)
		if !ok {
			return nil
		}
		for _, s := range selectors(a.Expr) {
			for _, label := range a.Grouping {
				if recorded[s.Name] || slices.Contains(ofTargets, label) {
					continue
				}
				if _, found := series[s.Name][label]; !found {
					t.Errorf("%s: %s is grouped by %s, which it does not have", where, s.Name, label)
				}
			}
		}
		return nil
	})
}
