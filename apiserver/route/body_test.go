package route

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
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
		if b.Input == nil {
			return
		}
		answer, err := json.Marshal(CheckResult{Input: payload(b.Input)})
		if err != nil {
			t.Fatalf("what was taken cannot be answered: %v", err)
		}
		var back struct {
			Input jsontext.Value `json:"input"`
		}
		if err := json.Unmarshal(answer, &back); err != nil {
			t.Fatal(err)
		}
		sent := b.Input.Clone()
		if err := sent.Compact(); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(sent, back.Input) {
			t.Errorf("%s came back as %s", sent, back.Input)
		}
	})
}
