// Package engines measures how fast payloads are checked, beside other engines on the same rules and the same payload.
//
//	someRules --makers--> contenders --agree?--> measure.Rounds --> tables, charts, targets
//	                      a folder of files  --> processes that start cold
//
// The comparison is held to be one before it begins: where two engines do not find the same rules broken, there are no figures. What each
// engine is set up with is in the report, from where it is set up.
package engines

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/checky-dev/checky/test/bench/measure"
	"github.com/checky-dev/checky/test/bench/report"
	"github.com/checky-dev/checky/test/bench/section"
)

// run is one run of the section.
type run struct {
	section.Options
	rounds measure.Rounds
	out    *report.Section
}

// Run measures the engine. See section.Func.
func Run(ctx context.Context, o section.Options) (*report.Section, error) {
	r := &run{Options: o, rounds: measure.Rounds{Number: 15, Turn: 15 * time.Millisecond}, out: &report.Section{ID: "engines", Title: "Engine"}}
	if o.Quick {
		r.rounds = measure.Rounds{Number: 5, Turn: 5 * time.Millisecond}
	}
	r.out.Intro = "One check, in one process and on one core, from the payload's text to the verdict or from the payload as it was decoded. " +
		"The order of the first tables has " + report.Bytes(float64(len(validOrder.text))) + " and five rules: an amount within a range, a customer that is there, " +
		"a currency of three, an id of 3 to 20 characters, and items whose SKUs are texts. " +
		"Each engine has them in its own language and finds the same of them broken in every payload, which is tested first. " +
		"Engines take turns of " + report.Duration(r.rounds.Turn) + ", " + fmt.Sprint(r.rounds.Number) + " each, in one direction and back; figures are medians of the turns, ratios those of the ratios in each, " +
		"and ± is half of the distance between their quartiles."
	r.out.Versions = report.Versions("github.com/open-policy-agent/opa", "github.com/kyverno/kyverno-json", "github.com/google/cel-go", "github.com/santhosh-tekuri/jsonschema/v6")
	if err := agree(); err != nil {
		return r.out, fmt.Errorf("the engines do not agree, so that there is nothing to compare: %w", err)
	}
	var problems []error
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"five rules beside other engines", r.compare},
		{"kinds of rules", r.kinds},
		{"more rules", r.moreRules},
		{"larger payloads", r.largerPayloads},
		{"with retrieval", r.explained},
		{"cold starts", r.cold},
	} {
		r.Progress("%s", part.name)
		if err := part.run(ctx); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", part.name, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return r.out, errors.Join(problems...)
}

// agree is TestEnginesAgree in short, at each run: versions change.
func agree() error {
	all, err := contenders(fiveRules)
	if err != nil {
		return err
	}
	for _, c := range all {
		for _, p := range payloads() {
			if err := c.verify(p, p.broken); err != nil {
				return err
			}
		}
	}
	return nil
}

// row is the usual row of a table: time, spread, allocations and what times is a multiple of.
func row(name string, r, base measure.Result) []string {
	return []string{
		name, report.Nanoseconds(r.Nanoseconds), spread(r), report.Number(r.Allocations), report.Bytes(r.AllocatedBytes),
		report.Figure(r.Over(base), "×"),
	}
}

func spread(r measure.Result) string { return "±" + report.Figure(100*r.Spread(), "%") }

// named gives the results by the cases' names.
func named(results []measure.Result) map[string]measure.Result {
	by := make(map[string]measure.Result, len(results))
	for _, r := range results {
		by[r.Name] = r
	}
	return by
}
