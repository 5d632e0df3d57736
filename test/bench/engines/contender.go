package engines

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

// contender is an engine that checks payloads, its rules compiled.
type contender struct {
	name string
	// setup says how it is configured, for the report.
	setup string
	// decode makes of a text what check takes: what a program that has decoded the payload anyway would hold.
	decode func(text []byte) (any, error)
	// check gives the number of rules that are broken.
	check func(decoded any) (int, error)
	// text decodes and checks, by the way that is the fastest.
	text func(text []byte) (int, error)
}

// viaDecode is the text of a contender that has no faster way.
func (c contender) viaDecode() contender {
	c.text = func(text []byte) (int, error) {
		decoded, err := c.decode(text)
		if err != nil {
			return 0, err
		}
		return c.check(decoded)
	}
	return c
}

// maker compiles rules for an engine.
type maker struct {
	id   string
	make func(list []rule) (contender, error)
}

// The makers, by the order of the tables. Those that stand for a way of writing Checky's rules come first.
var makers = []maker{
	{"checky-modules", checkyWith("Checky, modules", modulesOf)},
	{"checky-cel", checkyWith("Checky, CEL", expressionsOf)},
	{"checky-schema", checkyWith("Checky, JSON Schema", schemasOf)},
	{"cel", bareCEL(false)},
	{"cel-limited", bareCEL(true)},
	{"schema", bareSchema(false)},
	{"schema-limited", bareSchema(true)},
	{"opa", opaQuery},
	{"opa-parsed", opaParsed},
	{"kyverno", kyverno},
	{"go", plainGo},
	{"unmarshal", unmarshalOnly},
}

// contenders compiles rules for the engines of the given ids, or for all.
func contenders(list []rule, ids ...string) ([]contender, error) {
	var all []contender
	for _, m := range makers {
		if len(ids) > 0 && !slices.Contains(ids, m.id) {
			continue
		}
		c, err := m.make(list)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.id, err)
		}
		all = append(all, c)
	}
	return all, nil
}

// noon is what expressions see as now.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// compiler is shared: it takes milliseconds to make.
var compiler = builtin.New()

// checkyWith is Checky with rules of one kind: a whole verdict, but without retrieval, which no other has.
func checkyWith(name string, write func(rule) (v1alpha1.Rule, error)) func([]rule) (contender, error) {
	return func(list []rule) (contender, error) {
		program, err := programOf(list, write)
		if err != nil {
			return contender{}, err
		}
		e := &engine.Engine{}
		verdict := func(r engine.Request) (int, error) {
			r.Program, r.Now = program, noon
			outcome := evaluate(context.Background(), e, r)
			if outcome.Verdict.Summary.Error > 0 || outcome.Verdict.Phase == v1alpha1.PhaseError {
				return 0, errors.New(outcome.Verdict.Explanation)
			}
			return int(outcome.Verdict.Summary.Fail), nil
		}
		return contender{
			name:   name,
			setup:  "the whole verdict: results with paths, digests of payload and rules, explanation, alert key; exact decimals, all limits on",
			decode: func(text []byte) (any, error) { return rules.Decode(text) },
			check: func(decoded any) (int, error) {
				return verdict(engine.Request{Payload: decoded.(*rules.Payload)}) //nolint:forcetypeassert // decode gave it
			},
			text: func(text []byte) (int, error) { return verdict(engine.Request{Input: text}) },
		}, nil
	}
}

// evaluate asks again where a machine that does other things as well stopped the process for as long as a Check may take. That is one of
// very many evaluations, and its time counts.
func evaluate(ctx context.Context, e *engine.Engine, r engine.Request) engine.Outcome {
	outcome := e.Evaluate(ctx, r)
	for range 2 {
		if !outcome.TimedOut {
			break
		}
		outcome = e.Evaluate(ctx, r)
	}
	return outcome
}

func programOf(list []rule, write func(rule) (v1alpha1.Rule, error)) (*engine.Program, error) {
	specs := make([]v1alpha1.Rule, len(list))
	for i, r := range list {
		spec, err := write(r)
		if err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.name, err)
		}
		spec.Name = r.name
		specs[i] = spec
	}
	set := compiler.Compile("orders", specs)
	for _, r := range set.Rules {
		if r.Err() != nil {
			return nil, fmt.Errorf("rule %s: %w", r.Name, r.Err())
		}
	}
	return engine.NewProgram("", set)
}

func modulesOf(r rule) (spec v1alpha1.Rule, err error) {
	spec.Module = &v1alpha1.ModuleRule{}
	err = yaml.Unmarshal([]byte(r.module), spec.Module)
	return spec, err
}

func expressionsOf(r rule) (v1alpha1.Rule, error) {
	return v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: r.cel}}, nil
}

func schemasOf(r rule) (v1alpha1.Rule, error) {
	return v1alpha1.Rule{JSONSchema: v1alpha1.JSON{Raw: []byte(r.schema)}}, nil
}

// verify says whether the contender finds as many rules broken in a payload as there are.
func (c contender) verify(p payload, broken int) error {
	found, err := c.text(p.text)
	if err != nil {
		return fmt.Errorf("%s, %s, from the text: %w", c.name, p.name, err)
	}
	if c.check == nil { // it decides nothing
		return nil
	}
	if found != broken {
		return fmt.Errorf("%s, %s, from the text: %d rules broken, want %d", c.name, p.name, found, broken)
	}
	decoded, err := c.decode(p.text)
	if err != nil {
		return fmt.Errorf("%s, %s: %w", c.name, p.name, err)
	}
	if found, err = c.check(decoded); err != nil {
		return fmt.Errorf("%s, %s, decoded: %w", c.name, p.name, err)
	}
	if found != broken {
		return fmt.Errorf("%s, %s, decoded: %d rules broken, want %d", c.name, p.name, found, broken)
	}
	return nil
}
