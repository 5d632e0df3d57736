package jsonschema_test

import (
	"testing"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

func FuzzCompileSchema(f *testing.F) {
	for _, seed := range []string{`{"type":"string"}`, `{"$ref":"#/$defs/a","$defs":{"a":{"items":{"$ref":"#"}}}}`, `{"$schema":"http://json-schema.org/draft-04/schema#","id":"x","dependencies":{"a":["b"]}}`,
		`{"$id":"urn:x","$dynamicRef":"#a","$dynamicAnchor":"a"}`, `{"propertyNames":{"format":"email"},"uniqueItems":true,"enum":[1,2]}`, `true`, `{"allOf":5,"format":{}}`, `{"contentSchema":{"$ref":"#"},"contentMediaType":"application/json"}`} {
		f.Add(seed, `{"a":[1,"x",null,{"b":1e400}]}`)
	}
	f.Fuzz(func(t *testing.T, schema, text string) {
		rule := compile(t, schema)
		if payload, err := rules.Decode([]byte(text)); err == nil {
			rule.Evaluate(rules.NewCall(t.Context(), payload, time.Now()))
		}
	})
}

const benchSchema = `{"type":"object","required":["id","amount"],"properties":{"id":{"type":"string","pattern":"^order-"},"amount":{"type":"number","minimum":0},
"currency":{"enum":["EUR","USD"]},"items":{"type":"array","items":{"type":"object","required":["sku"],"properties":{"sku":{"type":"string"},"qty":{"type":"integer","minimum":1}}}}}}`

func BenchmarkEvaluate(b *testing.B) {
	rule := compile(b, benchSchema)
	payload := decode(b, `{"id": "order-1", "amount": 99, "currency": "EUR", "items": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 2}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if got := rule.Evaluate(rules.NewCall(b.Context(), payload, time.Time{})); got.Outcome != v1alpha1.OutcomePass && !got.TimedOut {
			b.Fatal(got)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		compile(b, benchSchema)
	}
}
