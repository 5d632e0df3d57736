package engine_test

import (
	"strings"
	"testing"

	checky "github.com/checky-dev/checky"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules/builtin"
)

// TestEveryKindFindsItsPassage runs one failing rule of each kind, with names that say nothing or something, against the
// shipped knowledge file: the passage that is cited must stand under a heading that is about the failure.
func TestEveryKindFindsItsPassage(t *testing.T) {
	const payload = `{"amount":99999,"temperature":-80,"iban":"DE00370400440532013000","items":[{"sku":"a","price":1},{"sku":"a","price":2}],
		"total":5,"start":"2026-01-02T00:00:00Z","end":"2026-01-01T00:00:00Z","name":"","status":"unknown","card":"4111111111111112",
		"notes":"AKIAIOSFODNN7EXAMPLE","ip":"300.1.1.1","day":"2026-13-01","x":"3","tags":[],"email":"a b"}`
	cases := map[string]struct {
		rule, heading string
	}{
		"RangeOfMoney":   {`module: {name: range, params: {field: $.amount, max: 100}}`, "Money"},
		"RangeOfSensor":  {`module: {name: range, params: {field: $.temperature, min: -40}}`, "Sensor"},
		"RangeOfNothing": {`module: {name: range, params: {field: $.total, max: 1}}`, ""},
		"Required":       {`module: {name: required, params: {field: $.owner}}`, "Required"},
		"Type":           {`module: {name: type, params: {field: $.x, type: integer}}`, "Wrong type"},
		"Length":         {`module: {name: length, params: {field: $.name, min: 1}}`, "Length"},
		"Pattern":        {`module: {name: pattern, params: {field: $.x, pattern: "^[a-z]+$"}}`, "Pattern"},
		"Enum":           {`module: {name: enum, params: {field: $.status, values: [open]}}`, "Enum"},
		"Const":          {`module: {name: const, params: {field: $.x, value: "4"}}`, "Const"},
		"Unique":         {`module: {name: unique, params: {field: "$.items[*].sku"}}`, "Unique"},
		"Contains":       {`module: {name: contains, params: {field: $.tags, value: prod}}`, "Contains"},
		"Compare":        {`module: {name: compare, params: {field: $.end, other: $.start, operator: gt}}`, "Compare"},
		"Dependent":      {`module: {name: dependent, params: {field: $.x, requires: $.y}}`, "Dependent"},
		"Sum":            {`module: {name: sum, params: {field: "$.items[*].price", equals: $.total}}`, "Sum"},
		"Secrets":        {`module: {name: secrets}`, "Secrets"},
		"FormatEmail":    {`module: {name: format, params: {field: $.email, format: email}}`, "Format email"},
		"FormatIBAN":     {`module: {name: format, params: {field: $.iban, format: iban}}`, "Format iban"},
		"FormatLuhn":     {`module: {name: format, params: {field: $.card, format: luhn}}`, "Format luhn"},
		"FormatIPv4":     {`module: {name: format, params: {field: $.ip, format: ipv4}}`, "Format ipv4"},
		"FormatDate":     {`module: {name: format, params: {field: $.day, format: date}}`, "Format date"},
		"CELMissing":     {`cel: {expression: "input.nothing > 1"}`, "CEL"},
		"CELType":        {`cel: {expression: "input.x > 1"}`, "CEL"},
		"CELBroken":      {`cel: {expression: "amount > 1"}`, "CEL"},
		"Schema":         {`jsonSchema: {required: [zip]}`, "JSON Schema"},
		"UnknownParam":   {`module: {name: range, params: {field: $.x, minimum: 1}}`, "No rules"},
	}
	knowledge, err := rag.New(checky.KnowledgeName, checky.Knowledge, rag.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = knowledge.Close() })
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := engine.NewProgram("", builtin.New().Compile("", parseRules(t, "- {name: r, "+tc.rule+"}")))
			if err != nil {
				t.Fatal(err)
			}
			o := (&engine.Engine{Retriever: knowledge}).Evaluate(t.Context(), engine.Request{Input: []byte(payload), Program: p, Now: noon})
			if len(o.Verdict.Passages) != 1 {
				t.Fatalf("%d passages for: %s", len(o.Verdict.Passages), o.Verdict.Results[0].Message)
			}
			if cited := o.Verdict.Passages[0]; !strings.HasPrefix(cited.Title, tc.heading) {
				t.Errorf("cited %q: %s", cited.Title, cited.Text)
			}
		})
	}
}
