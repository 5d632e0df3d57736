package engine_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/ext"
	js "github.com/santhosh-tekuri/jsonschema/v6"
	"k8s.io/apiserver/pkg/cel/library"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

// beside runs what Checky does and what it is compared with: each alone, and both in turns. The ratio of the turns' medians is
// what a busy machine tells best.
func beside(b *testing.B, checky, bare func()) {
	for _, side := range []struct {
		name string
		run  func()
	}{{"Checky", checky}, {"Bare", bare}} {
		b.Run(side.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				side.run()
			}
		})
	}
	b.Run("Ratio", func(b *testing.B) {
		const batch, most = 64, 1 << 12
		var took [2][]float64
		for b.Loop() {
			for i, run := range []func(){checky, bare} {
				start := time.Now()
				for range batch {
					run()
				}
				if took[i] = append(took[i], float64(time.Since(start))); len(took[i]) > most {
					took[i] = took[i][1:]
				}
			}
		}
		for i := range took {
			slices.Sort(took[i])
		}
		b.ReportMetric(took[0][len(took[0])/2]/took[1][len(took[1])/2], "x-bare")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkDecodeBeside is a payload with its digest beside encoding/json without one.
func BenchmarkDecodeBeside(b *testing.B) {
	text := []byte(validOrder)
	beside(b, func() {
		if _, err := rules.Decode(text); err != nil {
			b.Fatal(err)
		}
	}, func() {
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			b.Fatal(err)
		}
	})
}

// compiled gives the one rule and a payload for it.
func compiled(b *testing.B, text string) (*rules.Rule, *rules.Payload) {
	b.Helper()
	rule := builtin.New().Compile("", parseRules(b, text)).Rules[0]
	if rule.Err() != nil {
		b.Fatal(rule.Err())
	}
	payload, err := rules.Decode([]byte(validOrder))
	if err != nil {
		b.Fatal(err)
	}
	return rule, payload
}

// passes evaluates a rule that has to pass.
func passes(b *testing.B, rule *rules.Rule, payload *rules.Payload) func() {
	return func() {
		call := rules.NewCall(b.Context(), payload, noon)
		if report := rule.Evaluate(call); report.Outcome != v1alpha1.OutcomePass {
			b.Fatalf("%+v", report)
		}
		call.Release()
	}
}

// BenchmarkCELBeside is one CEL rule beside cel-go with the same limit of cost, which is the guard that it has itself. Checky does without
// where the expression cannot cost much, so there cel-go without one is beside it, too.
func BenchmarkCELBeside(b *testing.B) {
	for name, c := range map[string]struct {
		expression string
		limited    bool
	}{
		"Comparison":        {"input.amount > 0.0 && input.amount <= 10000.0", true},
		"ComparisonNoLimit": {"input.amount > 0.0 && input.amount <= 10000.0", false},
		"Call":              {"input.email.lowerAscii().endsWith('@example.org')", true},
		"Loop":              {"input.items.all(i, i.price > 0.0 && i.sku.startsWith('X'))", true},
	} {
		b.Run(name, func(b *testing.B) {
			rule, payload := compiled(b, `[{name: r, cel: {expression: "`+c.expression+`"}}]`)
			env, err := cel.NewEnv(cel.Variable("input", cel.DynType), cel.Variable("now", cel.TimestampType), ext.Strings())
			if err != nil {
				b.Fatal(err)
			}
			checked, issues := env.Compile(c.expression)
			if issues.Err() != nil {
				b.Fatal(issues.Err())
			}
			options := []cel.ProgramOption{cel.EvalOptions(cel.OptOptimize)}
			if c.limited {
				options = append(options, cel.CostLimit(rules.MaxCELCost), cel.CostTracking(&library.CostEstimator{}))
			}
			program, err := env.Program(checked, options...)
			if err != nil {
				b.Fatal(err)
			}
			var input any
			if err := json.Unmarshal([]byte(validOrder), &input); err != nil {
				b.Fatal(err)
			}
			beside(b, passes(b, rule, payload), func() {
				value, _, err := program.Eval(map[string]any{"input": input, "now": noon})
				if err != nil || value.Value() != true {
					b.Fatal(value, err)
				}
			})
		})
	}
}

const orderSchema = `{
  "type": "object",
  "required": ["id", "customer", "amount", "currency", "items"],
  "properties": {
    "id": {"type": "string", "minLength": 3, "maxLength": 20},
    "customer": {"type": "string"},
    "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 10000},
    "currency": {"enum": ["EUR", "USD", "GBP"]},
    "items": {"type": "array", "items": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}}
  }
}`

// BenchmarkJSONSchemaBeside is one schema beside the library with the simplest guard that bounds it: a keyword in each schema that
// counts.
func BenchmarkJSONSchemaBeside(b *testing.B) {
	rule, payload := compiled(b, `[{name: r, jsonSchema: `+orderSchema+`}]`)
	counted := 0
	c := js.NewCompiler()
	c.RegisterVocabulary(&js.Vocabulary{URL: "checky:///budget", Compile: func(_ *js.CompilerContext, schema map[string]any) (js.SchemaExt, error) {
		if schema["budget"] == nil {
			return nil, nil
		}
		return budget{&counted}, nil
	}})
	c.AssertVocabs()
	var schema, input any
	if err := json.Unmarshal([]byte(orderSchema), &schema); err != nil {
		b.Fatal(err)
	}
	addBudget(schema)
	if err := c.AddResource("checky:///order", schema); err != nil {
		b.Fatal(err)
	}
	bare, err := c.Compile("checky:///order")
	if err != nil {
		b.Fatal(err)
	}
	if err := json.Unmarshal([]byte(validOrder), &input); err != nil {
		b.Fatal(err)
	}
	beside(b, passes(b, rule, payload), func() {
		counted = 0
		if err := bare.Validate(input); err != nil {
			b.Fatal(err)
		}
	})
	if counted == 0 {
		b.Error("nothing was counted")
	}
}

type budget struct{ counted *int }

// Validate implements the library's SchemaExt.
func (g budget) Validate(*js.ValidatorContext, any) {
	if *g.counted++; *g.counted > 20_000 {
		panic("too many")
	}
}

// addBudget adds the keyword to a schema and to those in it.
func addBudget(schema any) {
	members, ok := schema.(map[string]any)
	if !ok {
		return
	}
	members["budget"] = true
	addBudget(members["items"])
	properties, _ := members["properties"].(map[string]any)
	for _, property := range properties {
		addBudget(property)
	}
}
