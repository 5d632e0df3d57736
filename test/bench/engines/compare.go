package engines

import (
	"context"
	"fmt"
	"strings"

	"github.com/checky-dev/checky/test/bench/measure"
	"github.com/checky-dev/checky/test/bench/report"
)

// The targets of five rules on a valid payload that is decoded.
const (
	targetMicroseconds = 3
	targetAllocations  = 10
	targetOfOPA        = 30
	targetOfBare       = 1.3
)

// comparison is what five rules took on one payload, by the makers' ids.
type comparison struct{ text, decoded map[string]measure.Result }

// compare fills the tables of five rules.
func (r *run) compare(ctx context.Context) error {
	all, err := contenders(fiveRules)
	if err != nil {
		return err
	}
	valid, err := r.compareOn(ctx, validOrder, all)
	if err != nil {
		return err
	}
	invalid, err := r.compareOn(ctx, invalidOrder, all)
	if err != nil {
		return err
	}
	r.compareTable("Five rules, the payload decoded", "decoded", all, valid.decoded, invalid.decoded)
	r.compareTable("Five rules, from the payload's text", "text", all, valid.text, invalid.text)
	r.compareChart(all, valid)
	r.compareTargets(valid.decoded)
	var setups strings.Builder
	for i, c := range all {
		if i > 0 && c.setup == all[i-1].setup {
			continue
		}
		name := c.name
		if strings.HasPrefix(name, "Checky") {
			name = "Checky"
		}
		fmt.Fprintf(&setups, "%s: %s. ", name, c.setup)
	}
	r.out.Notes = append(r.out.Notes, "How each is set up. "+strings.TrimSpace(setups.String()),
		"Checky gives the whole verdict that a Check's status holds. OPA gives the set of the names of broken rules, kyverno-json the violations of each, cel-go a truth value "+
			"and jsonschema a tree of errors for each rule. None but Checky compares numbers exactly; the others have them as float64, jsonschema as fractions.")
	return nil
}

func (r *run) compareOn(ctx context.Context, p payload, all []contender) (comparison, error) {
	var cases []measure.Case
	for i, c := range all {
		id := makers[i].id
		cases = append(cases, measure.Case{Name: "text/" + id, Bytes: len(p.text), Run: func() error {
			_, err := c.text(p.text)
			return err
		}})
		if c.check == nil {
			continue
		}
		decoded, err := c.decode(p.text)
		if err != nil {
			return comparison{}, err
		}
		cases = append(cases, measure.Case{Name: "decoded/" + id, Run: func() error {
			_, err := c.check(decoded)
			return err
		}})
	}
	results, err := r.rounds.Time(ctx, cases)
	if err != nil {
		return comparison{}, err
	}
	found := comparison{text: map[string]measure.Result{}, decoded: map[string]measure.Result{}}
	for _, result := range results {
		way, id, _ := strings.Cut(result.Name, "/")
		if way == "text" {
			found.text[id] = result
		} else {
			found.decoded[id] = result
		}
	}
	return found, nil
}

func (r *run) compareTable(title, way string, all []contender, valid, invalid map[string]measure.Result) {
	t := report.Table{
		Title:   title,
		Columns: report.Columns("engine", "valid", "±", "allocations", "allocated", "of Checky's modules", "invalid", "±", "allocations"),
	}
	if way == "text" {
		t.Columns = append(t.Columns, report.Column{Name: "MB/s, valid", Number: true})
	}
	base := valid[makers[0].id]
	for i, c := range all {
		v, ok := valid[makers[i].id]
		if !ok {
			continue
		}
		bad := invalid[makers[i].id]
		cells := append(row(c.name, v, base), report.Nanoseconds(bad.Nanoseconds), spread(bad), report.Number(bad.Allocations))
		if way == "text" {
			cells = append(cells, report.Number(v.BytesPerSecond()/1e6))
		}
		t.Rows = append(t.Rows, cells)
	}
	r.out.Tables = append(r.out.Tables, t)
}

func (r *run) compareChart(all []contender, valid comparison) {
	c := report.Chart{
		ID: "five-rules", Title: "Five rules on a valid order of 200 bytes", Kind: report.Bars,
		Alt: "Time of one check by engine, from the decoded payload and from its text, on a logarithmic scale; the figures are in the tables.",
		Y:   report.Axis{Label: "µs a check", Log: true},
	}
	decoded, text := report.Series{Name: "decoded"}, report.Series{Name: "from text"}
	for i, contender := range all {
		d, ok := valid.decoded[makers[i].id]
		if !ok {
			continue
		}
		c.Categories = append(c.Categories, contender.name)
		decoded.Y = append(decoded.Y, d.Nanoseconds/1e3)
		text.Y = append(text.Y, valid.text[makers[i].id].Nanoseconds/1e3)
	}
	c.Series = []report.Series{decoded, text}
	r.out.Charts = append(r.out.Charts, c)
}

func (r *run) compareTargets(decoded map[string]measure.Result) {
	modules := decoded["checky-modules"]
	spreads := func(a, b measure.Result) string { return fmt.Sprintf("%s and %s", spread(a), spread(b)) }
	r.out.Targets = append(r.out.Targets,
		report.AtMost("five module rules, valid payload, decoded: time", targetMicroseconds, modules.Nanoseconds/1e3, "µs").Noted("%s", spread(modules)),
		report.AtMost("five module rules, valid payload, decoded: allocations", targetAllocations, modules.Allocations, ""),
		report.AtLeast("how much faster than OPA's prepared query that is", targetOfOPA, decoded["opa"].Over(modules), "×").
			Noted("with OPA's input parsed ahead, %s", report.Figure(decoded["opa-parsed"].Over(modules), "×")),
		report.AtMost("five CEL rules beside cel-go with the same guards", targetOfBare, decoded["checky-cel"].Over(decoded["cel-limited"]), "×").
			Noted("%s; beside cel-go without guards, %s", spreads(decoded["checky-cel"], decoded["cel-limited"]),
				report.Figure(decoded["checky-cel"].Over(decoded["cel"]), "×")),
		report.AtMost("five JSON Schema rules beside jsonschema with the same guards", targetOfBare,
			decoded["checky-schema"].Over(decoded["schema-limited"]), "×").
			Noted("%s; beside jsonschema without guards, %s", spreads(decoded["checky-schema"], decoded["schema-limited"]),
				report.Figure(decoded["checky-schema"].Over(decoded["schema"]), "×")),
	)
}
