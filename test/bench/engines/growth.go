package engines

import (
	"context"
	"fmt"

	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/test/bench/measure"
	"github.com/checky-dev/checky/test/bench/report"
)

// kindRules are one rule of each kind that the valid order passes, with something to do for each.
var kindRules = []struct{ name, rule string }{
	{"module compare", `module: {name: compare, params: {field: $.amount, operator: ge, other: "$.items[0].price"}}`},
	{"module const", `module: {name: const, params: {field: $.currency, value: EUR}}`},
	{"module contains", `module: {name: contains, params: {field: $.email, value: "@example"}}`},
	{"module dependent", `module: {name: dependent, params: {field: $.amount, requires: [$.currency]}}`},
	{"module enum", `module: {name: enum, params: {field: $.currency, values: [EUR, USD, GBP]}}`},
	{"module format", `module: {name: format, params: {field: $.email, format: email}}`},
	{"module length", `module: {name: length, params: {field: $.id, min: 3, max: 20}}`},
	{"module pattern", `module: {name: pattern, params: {field: "$.items[*].sku", pattern: "^X[0-9]+$"}}`},
	{"module range", `module: {name: range, params: {field: $.amount, min: 0, exclusiveMin: true, max: 10000}}`},
	{"module required", `module: {name: required, params: {field: $.customer}}`},
	{"module secrets", `module: {name: secrets, params: {}}`},
	{"module sum", `module: {name: sum, params: {field: "$.items[*].price", equals: $.amount}}`},
	{"module type", `module: {name: type, params: {field: "$.items[*].sku", type: string}}`},
	{"module unique", `module: {name: unique, params: {field: "$.items[*].sku"}}`},
	{"cel", `cel: {expression: "input.items.all(i, i.price > 0) && input.amount <= 10000"}`},
	{"jsonSchema", `jsonSchema: {required: [id], properties: {amount: {exclusiveMinimum: 0}, items: {items: {properties: {sku: {type: string}}}}}}`},
}

// kindCases gives a case for each kind: a verdict of one rule on the valid order, decoded.
func kindCases() ([]measure.Case, error) {
	order, err := rules.Decode(validOrder.text)
	if err != nil {
		return nil, err
	}
	var cases []measure.Case
	for _, kind := range kindRules {
		var spec v1alpha1.Rule
		if err := yaml.UnmarshalStrict([]byte(kind.rule), &spec); err != nil {
			return nil, fmt.Errorf("%s: %w", kind.name, err)
		}
		program, err := programOf([]rule{{name: "only"}}, func(rule) (v1alpha1.Rule, error) { return spec, nil })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kind.name, err)
		}
		e := &engine.Engine{}
		cases = append(cases, measure.Case{Name: kind.name, Run: func() error {
			outcome := evaluate(context.Background(), e, engine.Request{Payload: order, Program: program, Now: noon})
			if outcome.Verdict.Phase != v1alpha1.PhaseSuccess {
				return fmt.Errorf("%s: %s", kind.name, outcome.Verdict.Explanation)
			}
			return nil
		}})
	}
	return cases, nil
}

func (r *run) kinds(ctx context.Context) error {
	cases, err := kindCases()
	if err != nil {
		return err
	}
	results, err := r.rounds.Time(ctx, cases)
	if err != nil {
		return err
	}
	t := report.Table{
		Title: "One rule of each kind", Columns: report.Columns("kind", "time", "±", "allocations", "allocated", "of module required"),
		Caption: "A whole verdict on the valid order, decoded.",
	}
	base := named(results)["module required"]
	for _, result := range results {
		t.Rows = append(t.Rows, row(result.Name, result, base))
	}
	r.out.Tables = append(r.out.Tables, t)
	return nil
}

// growing are the engines whose growth is looked at.
var growing = []string{"checky-modules", "checky-cel", "checky-schema", "cel-limited", "schema-limited", "opa", "kyverno", "go"}

// axis is one thing that grows.
type axis struct {
	id, title, alt, label string
	points                []point
	text                  bool
}

type point struct {
	name  string
	at    float64
	rules []rule
	order payload
}

func (r *run) moreRules(ctx context.Context) error {
	a := axis{
		id: "rules", title: "1 to 100 rules on the valid order, decoded", label: "rules",
		alt: "Time of one check by the number of rules, a line for each engine, both axes logarithmic.",
	}
	for _, n := range []int{1, 5, 20, 100} {
		a.points = append(a.points, point{name: fmt.Sprint(n), at: float64(n), rules: someRules(n), order: validOrder})
	}
	return r.grow(ctx, a)
}

func (r *run) largerPayloads(ctx context.Context) error {
	a := axis{
		id: "payloads", title: "Five rules on valid orders of 200 bytes and more, from text", label: "bytes of the payload", text: true,
		alt: "Time of one check by the size of the payload, a line for each engine, both axes logarithmic.",
	}
	orders := []payload{validOrder, sized(2<<10, 0), sized(20<<10, 0)}
	if !r.Quick { // on a machine that does other things as well, some limits of time are reached here
		orders = append(orders, sized(256<<10, 0))
	}
	for _, order := range orders {
		size := float64(len(order.text))
		a.points = append(a.points, point{name: report.Bytes(size), at: size, rules: fiveRules, order: order})
	}
	return r.grow(ctx, a)
}

// grow fills a table with a row for each engine and a chart with a line for each.
func (r *run) grow(ctx context.Context, a axis) error {
	t := report.Table{Title: a.title, Columns: []report.Column{{Name: "engine"}}}
	chart := report.Chart{
		ID: a.id, Title: a.title, Alt: a.alt, Kind: report.Lines,
		X: report.Axis{Label: a.label, Log: true}, Y: report.Axis{Label: "µs a check", Log: true},
	}
	for _, p := range a.points {
		all, results, err := r.growAt(ctx, a, p)
		if err != nil {
			return err
		}
		for i, c := range all {
			if len(t.Rows) <= i {
				t.Rows = append(t.Rows, []string{c.name})
				chart.Series = append(chart.Series, report.Series{Name: c.name})
			}
			cell := report.Nanoseconds(results[i].Nanoseconds) + ", " + report.Number(results[i].Allocations)
			if a.text {
				cell = report.Nanoseconds(results[i].Nanoseconds) + ", " + report.Number(results[i].BytesPerSecond()/1e6)
			}
			t.Rows[i] = append(t.Rows[i], cell)
			chart.Series[i].X = append(chart.Series[i].X, p.at)
			chart.Series[i].Y = append(chart.Series[i].Y, results[i].Nanoseconds/1e3)
		}
		t.Columns = append(t.Columns, report.Column{Name: p.name, Number: true})
	}
	t.Caption = "Each cell: the time of a check, and its allocations."
	if a.text {
		t.Caption = "Each cell: the time of a check, and MB/s of payload."
	}
	r.out.Tables = append(r.out.Tables, t)
	r.out.Charts = append(r.out.Charts, chart)
	return nil
}

func (r *run) growAt(ctx context.Context, a axis, p point) ([]contender, []measure.Result, error) {
	all, err := contenders(p.rules, growing...)
	if err != nil {
		return nil, nil, err
	}
	cases := make([]measure.Case, len(all))
	for i, c := range all {
		if err := c.verify(p.order, 0); err != nil {
			return nil, nil, err
		}
		cases[i] = measure.Case{Name: c.name, Bytes: len(p.order.text), Run: func() error {
			_, err := c.text(p.order.text)
			return err
		}}
		if a.text {
			continue
		}
		decoded, err := c.decode(p.order.text)
		if err != nil {
			return nil, nil, err
		}
		cases[i].Run = func() error {
			_, err := c.check(decoded)
			return err
		}
	}
	results, err := r.rounds.Time(ctx, cases)
	return all, results, err
}
