package check

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// quotation is a part of a message in quotation marks of any kind.
var quotation = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|'(?:[^'\\\\]|\\\\.)*'|`[^`]*`")

// leastMasked is how long a caller's text is, in bytes, that is masked outside of quotation marks too. Shorter ones are words that the
// message has of its own.
const leastMasked = 8

// masked takes out of the message about a rule what it quotes of it. In the status of a RuleSet its author reads it; in the answer
// to a request it may be a value that ought to be nowhere, and the place in front of it tells as much.
func masked(message string, rule *v1alpha1.Rule) string {
	texts := textsOf(rule)
	message = quotation.ReplaceAllStringFunc(message, func(q string) string {
		inner := q[1 : len(q)-1]
		if unquoted, err := strconv.Unquote(q); err == nil {
			inner = unquoted
		}
		inner = strings.TrimSuffix(inner, "…")
		for _, text := range texts {
			if inner != "" && strings.Contains(text, inner) || len(text) >= leastMasked && strings.Contains(inner, text) {
				return q[:1] + "…" + q[:1]
			}
		}
		return q
	})
	for _, text := range texts {
		if len(text) >= leastMasked {
			message = strings.ReplaceAll(message, text, "…")
		}
	}
	return message
}

// textsOf are all texts in a rule. The names of members are none: they are named, as unknown fields are.
func textsOf(rule *v1alpha1.Rule) []string {
	encoded, err := json.Marshal(rule)
	if err != nil {
		return nil // It came as JSON.
	}
	var tree any
	if json.Unmarshal(encoded, &tree) != nil {
		return nil
	}
	var texts []string
	var walk func(v any)
	walk = func(v any) {
		switch in := v.(type) {
		case string:
			texts = append(texts, in)
		case []any:
			for _, item := range in {
				walk(item)
			}
		case map[string]any:
			for _, member := range in {
				walk(member)
			}
		}
	}
	walk(tree)
	return texts
}
