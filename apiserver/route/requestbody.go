package route

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/checky-dev/checky/rules"
)

// requestBody documents the body of a route whose handler decodes it itself.
func (a *api) requestBody(name string, schema *huma.Schema, examples map[string]*huma.Example) *huma.RequestBody {
	a.OpenAPI().Components.Schemas.Map()[name] = schema
	return &huma.RequestBody{
		Required: true,
		Content: map[string]*huma.MediaType{"application/json": {
			Schema: &huma.Schema{Ref: "#/components/schemas/" + name}, Examples: examples,
		}},
	}
}

// checkSchema is that of the body of POST /v1/check.
func checkSchema() *huma.Schema {
	properties := choicesSchemas()
	properties["input"] = &huma.Schema{Description: "The payload: any JSON value, null too; up to 256 KiB and 64 levels deep. Numbers keep every digit."}
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"input"}, AdditionalProperties: false, Properties: properties}
}

// batchSchema is that of the body of POST /v1/checks:batch.
func (a *api) batchSchema() *huma.Schema {
	a.OpenAPI().Components.Schemas.Map()[batchInputSchema] = &huma.Schema{
		Type: huma.TypeObject, Required: []string{"input"}, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{
			"name":  {Type: huma.TypeString, MaxLength: ptr(253), Description: "What the payload is called in the result, for instance an order's number. It need not be unique."},
			"input": {Description: "The payload: any JSON value, null too; up to 256 KiB and 64 levels deep. Numbers keep every digit."},
		},
	}
	properties := choicesSchemas()
	properties["inputs"] = &huma.Schema{
		Type: huma.TypeArray, MinItems: ptr(1), MaxItems: ptr(rules.MaxBatchItems),
		Items:       &huma.Schema{Ref: "#/components/schemas/" + batchInputSchema},
		Description: "The payloads, at most 1,000; their texts have at most 768 KiB together.",
	}
	return &huma.Schema{Type: huma.TypeObject, Required: []string{"inputs"}, AdditionalProperties: false, Properties: properties}
}

// choicesSchemas are those of what a check and a batch may say besides what is checked.
func choicesSchemas() map[string]*huma.Schema {
	name := &huma.Schema{Type: huma.TypeString, MinLength: ptr(1), MaxLength: ptr(253), Description: "The name of a RuleSet."}
	reference := &huma.Schema{
		Type: huma.TypeObject, Required: []string{"name"}, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{
			"kind": {Type: huma.TypeString, Enum: []any{"RuleSet", "ClusterRuleSet"}, Default: "RuleSet", Description: "RuleSet, or ClusterRuleSet."},
			"name": {Type: huma.TypeString, MinLength: ptr(1), MaxLength: ptr(253), Description: "Its name."},
		},
	}
	return map[string]*huma.Schema{
		"rule_sets":   {Type: huma.TypeArray, MaxItems: ptr(20), Items: &huma.Schema{OneOf: []*huma.Schema{name, reference}}, Description: "The rule sets to apply. With neither these nor rules, the default ones apply."},
		"rules":       {Type: huma.TypeArray, MaxItems: ptr(100), Items: &huma.Schema{Ref: "#/components/schemas/" + ruleSchema}, Description: "Rules of the request's own."},
		"fail_on":     {Type: huma.TypeString, Enum: []any{"info", "warning", "error", "critical"}, Default: "error", Description: "The lowest severity that fails the check."},
		"ttl_seconds": {Type: huma.TypeInteger, Format: "int32", Minimum: ptr(0.0), Maximum: ptr(float64(1<<31 - 1)), Description: "How long the check is kept after its verdict. Absent: the service's default."},
	}
}

// amountRange is the rule of the examples.
func amountRange() map[string]any {
	return map[string]any{"name": "amount-range", "module": map[string]any{"name": "range", "params": map[string]any{"field": "$.amount", "min": 0, "max": 10000}}}
}

func checkExamples() map[string]*huma.Example {
	return map[string]*huma.Example{
		"default rules": {Summary: "By the default rule sets", Value: map[string]any{"input": map[string]any{"amount": 250, "currency": "EUR"}}},
		"own rules":     {Summary: "By a rule of its own", Value: map[string]any{"input": map[string]any{"amount": 99999}, "rules": []any{amountRange()}}},
	}
}

func batchExamples() map[string]*huma.Example {
	order := func(name string, amount int) map[string]any {
		return map[string]any{"name": name, "input": map[string]any{"amount": amount, "currency": "EUR"}}
	}
	return map[string]*huma.Example{
		"default rules": {Summary: "By the default rule sets", Value: map[string]any{"inputs": []any{order("A-1041", 250), order("A-1042", 80)}}},
		"own rules": {Summary: "By a rule of its own, one of the payloads without a name", Value: map[string]any{
			"inputs": []any{order("A-1041", 250), map[string]any{"input": map[string]any{"amount": 99999}}}, "rules": []any{amountRange()},
		}},
	}
}
