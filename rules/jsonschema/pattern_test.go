package jsonschema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestTextTooLongForPattern: of several texts that are too long the first by its place is told, and the pattern, each time.
func TestTextTooLongForPattern(t *testing.T) {
	long := strings.Repeat("a", 20_000)
	var members, patterns []string
	for name := 'a'; name <= 'f'; name++ {
		members = append(members, fmt.Sprintf(`"%c":"%s%c"`, name, long, name))
		patterns = append(patterns, fmt.Sprintf(`"%c":{"pattern":"^(a|b){%d}$"}`, name, 500+name))
	}
	for name, tc := range map[string]struct{ schema, payload, want string }{
		"members":          {`{"properties":{` + strings.Join(patterns, ",") + `}}`, "{" + strings.Join(members, ",") + "}", `jsonSchema: /a: pattern "^(a|b){597}$": a text of 20001 bytes is too long for this pattern of `},
		"names of members": {`{"patternProperties":{"^(a|b){500}$":{},"^(a|b){501}$":{}}}`, `{"` + long + `b":1,"` + long + `a":1}`, `jsonSchema: the name at /aaaaaaa`},
		"the top":          {`{"allOf":[{"pattern":"(a?){420}b"},{"pattern":"(a?){419}b"}]}`, `"` + long + `"`, `jsonSchema: the top of the payload: pattern "(a?){419}b": a text of 20000 bytes`},
	} {
		t.Run(name, func(t *testing.T) {
			first := ""
			for range 10 {
				got := evaluate(t, tc.schema, tc.payload)
				if got.Outcome != v1alpha1.OutcomeError || !strings.HasPrefix(got.Problem, tc.want) {
					t.Fatalf("got %s %q, want %q", got.Outcome, got.Problem, tc.want)
				}
				if first == "" {
					first = got.Problem
				}
				if got.Problem != first {
					t.Fatalf("got %q, then %q", first, got.Problem)
				}
			}
		})
	}
}
