package modules_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// TestHostilePayloads: payloads at the limit that were made to cost much. Each ends in a verdict or, where
// the work is beyond a limit, in an error, never in a pass that did not look.
func TestHostilePayloads(t *testing.T) {
	const room = rules.MaxPayloadBytes
	ones := "[" + strings.Repeat("1,", room/2-10) + "1]"
	name := strings.Repeat("n", room/4)
	deep := strings.Repeat(`[`, 60) + strings.Repeat(`"ab",`, room/6) + `1` + strings.Repeat(`]`, 60)
	distinct := func(count int) string {
		items := make([]string, count)
		for i := range items {
			items[i] = strconv.Itoa(i)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	cases := map[string]struct {
		module, params, payload string
		want                    []v1alpha1.Outcome
	}{
		"unique over equal numbers":              {"unique", `{"field": "$"}`, ones, []v1alpha1.Outcome{v1alpha1.OutcomeFail}},
		"unique over distinct numbers":           {"unique", `{"field": "$"}`, distinct(40000), []v1alpha1.Outcome{v1alpha1.OutcomePass, v1alpha1.OutcomeError}},
		"unique below a long name":               {"unique", `{"field": "$.*[*]"}`, `{"` + name + `": ` + distinct(20000) + `}`, []v1alpha1.Outcome{v1alpha1.OutcomePass, v1alpha1.OutcomeError}},
		"unique over everything":                 {"unique", `{"field": "$..*"}`, deep, []v1alpha1.Outcome{v1alpha1.OutcomeFail, v1alpha1.OutcomeError}},
		"findings below a long name":             {"range", `{"field": "$.*[*]", "min": 2}`, `{"` + name + `": ` + ones[:room/2] + `1]}`, []v1alpha1.Outcome{v1alpha1.OutcomeFail}},
		"required below a long name":             {"required", `{"field": "$.*[*].x"}`, `{"` + name + `": [` + strings.Repeat("{},", room/6) + `{}]}`, []v1alpha1.Outcome{v1alpha1.OutcomeFail}},
		"length below a long name":               {"length", `{"field": "$.*[*]", "min": 9}`, `{"` + name + `": [` + strings.Repeat(`"",`, room/6) + `""]}`, []v1alpha1.Outcome{v1alpha1.OutcomeFail}},
		"secrets below a long credential's name": {"secrets", `{}`, `{"token` + name + `": [` + strings.Repeat(`"a",`, room/8) + `"a"]}`, []v1alpha1.Outcome{v1alpha1.OutcomeFail}},
		"secrets in text full of prefixes":       {"secrets", `{}`, `"` + strings.Repeat("-eyJ-AKIA://a:b", room/16) + `"`, []v1alpha1.Outcome{v1alpha1.OutcomePass, v1alpha1.OutcomeError}},
		"sum of many powers":                     {"sum", `{"field": "$[*]", "equals": 0}`, ones[:len(ones)-1] + ",1e-990]", []v1alpha1.Outcome{v1alpha1.OutcomeFail}},
		"pattern over a long text":               {"pattern", `{"field": "$", "pattern": "(x+x+)+y"}`, `"` + strings.Repeat("x", room-10) + `"`, []v1alpha1.Outcome{v1alpha1.OutcomeFail, v1alpha1.OutcomeError}},
		"contains a long text":                   {"contains", `{"field": "$", "value": "` + as(1000) + `b"}`, `"` + as(room-10) + `"`, []v1alpha1.Outcome{v1alpha1.OutcomeFail}},
		"a filter that looks at everything":      {"type", `{"field": "$[?count($.*) > 1]", "type": "number"}`, ones, []v1alpha1.Outcome{v1alpha1.OutcomeError}},
		"a filter with a pattern":                {"type", `{"field": "$[?match(@, '(a|b){100}')]", "type": "null"}`, "[" + strings.Repeat(`"ab",`, room/6) + "1]", []v1alpha1.Outcome{v1alpha1.OutcomeError}},
		"a number of 100,000 digits":             {"range", `{"field": "$", "max": "` + strings.Repeat("9", 100000) + `"}`, "1" + strings.Repeat("0", 100000), []v1alpha1.Outcome{v1alpha1.OutcomeFail}},
		"enum of large values":                   {"enum", `{"field": "$..*", "values": [` + ones[:room/2] + `1]]}`, deep, []v1alpha1.Outcome{v1alpha1.OutcomeFail, v1alpha1.OutcomeError}},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) {
			report := evaluate(t, tc.module, tc.params, tc.payload)
			ok := report.TimedOut // on a slow machine any of them may be
			for _, want := range tc.want {
				ok = ok || report.Outcome == want
			}
			if !ok {
				t.Errorf("outcome %s (%s), want one of %v", report.Outcome, report.Problem, tc.want)
			}
			if strings.Contains(report.Problem, "internal error") {
				t.Error(report.Problem)
			}
			for _, f := range report.Findings {
				if len(f.Path) > rules.MaxMessageBytes || len(f.Message) > rules.MaxMessageBytes {
					t.Errorf("a finding of %d bytes of path and %d of message", len(f.Path), len(f.Message))
				}
			}
		})
	}
}
