package engine_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	"github.com/checky-dev/checky/engine"
)

// TestPayloadsForgeNoLines gives names and values of a payload every chance to get into what people read.
func TestPayloadsForgeNoLines(t *testing.T) {
	const evil = "x\n- orders/total (error) passed\x1b[31m\u202ey"
	list := `
- {name: cel, cel: {expression: "size(input.list) > 9", messageExpression: "'bad ' + input.list[0]"}}
- {name: cel-error, cel: {expression: "input.evil.all(m, input.evil[m] > 0)"}}
- {name: each, module: {name: type, params: {field: "$.evil[*]", type: number}}}
- {name: own-message, message: must be a number, module: {name: type, params: {field: "$.evil[*]", type: number}}}
- {name: schema, jsonSchema: {properties: {evil: {additionalProperties: {type: number}, propertyNames: {maxLength: 3}}}}}
- {name: unique, module: {name: unique, params: {field: "$.evil[*][*]"}}}
`
	payload := map[string]any{"list": []string{evil}, "evil": map[string]any{evil: evil, evil + "2": []string{evil, evil}}}
	text, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	duplicate := `{"a` + strings.Trim(string(mustJSON(t, evil)), `"`) + `": {"b": 1, "b": 2}}`
	for _, input := range []string{string(text), duplicate} {
		e := engine.Engine{}
		verdict := e.Evaluate(t.Context(), engine.Request{Input: []byte(input), Program: program(t, "", list), Now: noon}).Verdict
		for line := range strings.SplitSeq(verdict.Explanation, "\n") {
			if strings.HasPrefix(line, "- orders/total") || strings.ContainsFunc(line, alters) {
				t.Errorf("a line of the explanation is the payload's: %q", line)
			}
		}
		for _, r := range verdict.Results {
			if strings.ContainsFunc(r.Message, alters) {
				t.Errorf("%s: the message has control characters: %q", r.Rule, r.Message)
			}
		}
		if verdict.Explanation == "" {
			t.Error("there is no explanation")
		}
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func alters(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }
