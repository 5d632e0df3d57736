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
