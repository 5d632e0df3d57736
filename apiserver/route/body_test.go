package route

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/apiserver/problem"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
)

// FuzzCheckBody reads bodies of POST /v1/check as they come from outside: what is refused is told in bounded words, by status 400
// or 422, and the payload of what is taken comes back in an answer as it was.
func FuzzCheckBody(f *testing.F) {
	for _, seed := range []string{
		`{"input": {"amount": 99999}, "rule_sets": ["orders", {"kind": "ClusterRuleSet", "name": "pii"}], "fail_on": "warning", "ttl_seconds": 60}`,
		`{"input": null, "rules": [{"name": "a", "module": {"name": "range", "params": {"field": "$.a", "max": 1e400}}}]}`,
		`{"input": 12345678901234567890.10, "rules": [{"name": "a", "jsonSchema": {"type": "number"}, "when": "true", "explain": {"query": "x"}}]}`,
		`{"input": "\u0000\ud800", "Input": 1}`,
		`{"input": 1, "input": 2}`,
		`{"input": 1, "rule_sets": [7]}`,
		`{"input": 1, "ttl_seconds": 99999999999}`,
		`{"hunter2hunter2hunter2 \"": 1}`,
		`[]`, `{`, `{"input": ` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`, "\xff", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var b checkBody
		if p := decode(body, &b); p != nil {
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatalf("the problem is not JSON: %v", err)
			}
			if p.Status != http.StatusBadRequest && p.Status != http.StatusUnprocessableEntity || len(text) > 2<<10 {
				t.Errorf("refused with %d in %d bytes: %s", p.Status, len(text), text)
			}
			return
		}
		if b.Input.absent() {
			return
		}
		sent := jsontext.Value(b.Input.of(body)).Clone()
		answer, err := json.Marshal(CheckResult{Input: payload(sent)})
		if err != nil {
			t.Fatalf("what was taken cannot be answered: %v", err)
		}
		var back struct {
			Input jsontext.Value `json:"input"`
		}
		if err := json.Unmarshal(answer, &back); err != nil {
			t.Fatal(err)
		}
		if err := sent.Compact(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(sent, back.Input) {
			t.Errorf("%s came back as %s", sent, back.Input)
		}
	})
}

// FuzzBatchBody does the same with bodies of POST /v1/checks:batch: each payload of what is taken is what a reader of JSON finds in its
// place, byte for byte, and there are no more of them than may be.
func FuzzBatchBody(f *testing.F) {
	for _, seed := range []string{
		`{"inputs": [{"name": "A-1", "input": {"amount": 99999}}, {"input": [1, 2]}], "rule_sets": ["orders"], "fail_on": "warning", "ttl_seconds": 60}`,
		`{"inputs": [{"input": null}, {"input": 1e400}, {"input": 0.10}, {"input": 12345678901234567890}], "rules": [{"name": "a", "cel": {"expression": "true"}}]}`,
		`{"rules": [], "inputs":[ {"input" : "\u0000ä\ud83d\ude00" , "name":"\n\"" } ] }`,
		`{"inputs": []}`, `{"inputs": null}`, `{"inputs": {}}`, `{"inputs": "x"}`, `{"inputs": [1]}`, `{"inputs": [null]}`, `{"inputs": [{}]}`, `{"inputs": [{"input": 1}`,
		`{"inputs": [{"name": 7, "input": 1}]}`, `{"inputs": [{"input": 1, "Name": "x"}]}`, `{"inputs": [{"input": 1, "input": 2}]}`,
		`{"inputs": [{"input": {"a": 1, "a": 2}}]}`, `{"inputs": [{"input": 1}], "inputs": [{"input": 2}]}`, `{"input": 1}`, `{"inputs": [{"input": "\ud800"}]}`,
		`{"inputs": [{"input": ` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}]}`,
		`[]`, `{`, "\xff", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var b batchBody
		p := decodeBatch(body, &b)
		var items []engine.Item
		if p == nil {
			items, p = b.Inputs.items(body)
		}
		if p != nil {
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatalf("the problem is not JSON: %v", err)
			}
			if p.Status != http.StatusBadRequest && p.Status != http.StatusUnprocessableEntity || len(text) > 2<<10 {
				t.Errorf("refused with %d in %d bytes: %s", p.Status, len(text), text)
			}
			return
		}
		var plain struct {
			Inputs []struct {
				Name  string         `json:"name"`
				Input jsontext.Value `json:"input"`
			} `json:"inputs"`
		}
		if err := json.Unmarshal(body, &plain); err != nil {
			t.Fatalf("what was taken is not what it says: %v", err)
		}
		if len(items) != len(plain.Inputs) || len(items) > rules.MaxBatchItems {
			t.Fatalf("%d payloads were taken of %d", len(items), len(plain.Inputs))
		}
		for i, item := range items {
			if item.Name != plain.Inputs[i].Name || !bytes.Equal(item.Input, plain.Inputs[i].Input) {
				t.Errorf("payload %d is %q: %s, and was sent as %q: %s", i, item.Name, item.Input, plain.Inputs[i].Name, plain.Inputs[i].Input)
			}
		}
	})
}

// TestRefusedBatches says what is wrong with a batch, and where.
func TestRefusedBatches(t *testing.T) {
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	cases := map[string]struct {
		reason string
		body   string
		status int
		where  string
		want   string
	}{
		"NoList":      {"a batch is a list", `{"inputs": {"input": 1}}`, 422, "body.inputs", `expected an array of objects {"name": "...", "input": ...}`},
		"NoObject":    {"there is room for a name beside each payload", `{"inputs": [{"input": 1}, 2]}`, 422, "body.inputs[1]", "expected an object"},
		"NoInput":     {"nothing to check", `{"inputs": [{"input": 1}, {"name": "x"}]}`, 422, "body.inputs[1].input", "expected any JSON value"},
		"NullItem":    {"nothing to check", `{"inputs": [null]}`, 422, "body.inputs[0].input", "expected any JSON value"},
		"Name":        {"a number is no name", `{"inputs": [{"input": 1, "name": 4711}]}`, 422, "body.inputs[0].name", "expected a string"},
		"Unknown":     {"another field", `{"inputs": [{"input": 1, "nom": "x"}]}`, 422, "body.inputs[0].nom", "unknown field"},
		"Single":      {"a payload alone is no batch", `{"input": 1}`, 422, "body.input", "unknown field"},
		"Twice":       {"which one counts?", `{"inputs": [{"input": 1}, {"input": 1, "input": 2}]}`, 422, "body.inputs[1].input", "expected it once"},
		"TwiceInside": {"rules and readers would see different payloads", `{"inputs": [{"input": {"a": 1, "a": 2}}]}`, 422, "body.inputs[0].input.a", "expected it once"},
		"TooMany":     {"more would only take memory", `{"inputs": [` + strings.Repeat(`{"input":1},`, 1000) + `{"input":1}]}`, 422, "body.inputs", "expected at most 1000 payloads; send more as several batches"},
		"Deep":        {"one level too deep", `{"inputs": [{"input": ` + nested(64) + `}, {"input": ` + nested(65) + `}]}`, 422, "body.inputs[1].input", "expected at most 67 levels in the whole body"},
		"VeryDeep":    {"no stack is that deep", `{"inputs": [{"input": ` + strings.Repeat("[", 100_000), 422, "body.inputs[0].input", "expected at most 67 levels in the whole body"},
		"DeepRule":    {"rules nest too", `{"inputs": [], "rules": [{"jsonSchema": ` + nested(65) + `}]}`, 422, "body.rules[0].jsonSchema", "expected at most 67 levels in the whole body"},
		"CutOff":      {"no JSON", `{"inputs": [{"input": 1}, {"input": `, 400, "body.inputs[1].input", "expected valid JSON in UTF-8"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			body := []byte(tc.body)
			var b batchBody
			p := decodeBatch(body, &b)
			if p == nil {
				_, p = b.Inputs.items(body)
			}
			if p == nil {
				t.Fatalf("%s: it was taken", tc.reason)
			}
			if diff := cmp.Diff([]problem.FieldError{{Location: tc.where, Message: tc.want}}, p.Errors); diff != "" || p.Status != tc.status {
				t.Errorf("%s: %d, -want +got\n%s", tc.reason, p.Status, diff)
			}
		})
	}
}

// TestFieldProblem says of a field of a wrong type what was expected there.
func TestFieldProblem(t *testing.T) {
	cases := map[string]struct {
		reason string
		body   string
		into   any
		where  string
		want   string
	}{
		"Date":   {"a date alone is no time", `{"name": "a", "expires_at": "2030-12-31"}`, &NewToken{}, "body.expires_at", "expected a time such as 2030-12-31T23:59:59Z"},
		"String": {"a number is no name", `{"name": 7}`, &NewToken{}, "body.name", "expected a string"},
		"List":   {"one rule set is no list of them", `{"input": 1, "rule_sets": "orders"}`, &checkBody{}, "body.rule_sets", "expected an array"},
		"Object": {"an expression stands in an object", `{"input": 1, "rules": [{"name": "a", "cel": "true"}]}`, &checkBody{}, "body.rules[0].cel", "expected an object"},
		"Range":  {"a number that is too large", `{"input": 1, "ttl_seconds": 99999999999}`, &checkBody{}, "body.ttl_seconds", "expected a whole number in range"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := decode([]byte(tc.body), tc.into)
			if p == nil {
				t.Fatalf("%s: it was taken", tc.reason)
			}
			if diff := cmp.Diff([]problem.FieldError{{Location: tc.where, Message: tc.want}}, p.Errors); diff != "" {
				t.Errorf("%s: -want +got\n%s", tc.reason, diff)
			}
		})
	}
}
