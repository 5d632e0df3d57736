package cel_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// TestHostile runs what once took seconds or hundreds of megabytes. The rule's own deadline is what ends most of it, so no duration is
// asserted; that the test ends at all within go test's timeout is the point.
func TestHostile(t *testing.T) {
	half := strings.Repeat("ab", 60<<10)
	text := strings.Repeat("ab", 8<<10)
	numbers := "[" + strings.TrimSuffix(strings.Repeat("1,", 100_000), ",") + "]"
	laughs := "[[1,1]]" + strings.Repeat(".map(x,[x,x])", 40)
	// grow adds a list to itself 40 times over.
	grow := func(first, last string) string {
		expression := "cel.bind(v0, " + first + ", "
		for i := range 40 {
			expression += fmt.Sprintf("cel.bind(v%d, v%d+v%d, ", i+1, i, i)
		}
		return expression + fmt.Sprintf(last, "v40") + strings.Repeat(")", 41)
	}
	for name, tc := range map[string]struct {
		expression, payload string
		want                v1alpha1.Outcome
		problem             string
	}{
		"indexOf over two huge texts":   {`input.a.indexOf(input.b) < 0`, fmt.Sprintf(`{"a": %q, "b": %q}`, half, half), "error", "the text at /a has 122880 bytes, CEL rules see at most 16384; use a module"},
		"indexOf over two large texts":  {`input.a.indexOf(input.b) < 0`, fmt.Sprintf(`{"a": %q, "b": %q}`, text, strings.Repeat("ab", 4<<10)+"b"), "pass", ""},
		"replace that grows":            {`input.a.replace("a", input.a).size() > 0`, fmt.Sprintf(`{"a": %q}`, text), "error", "makes a text of more than 16384 bytes"},
		"join that grows":               {`input.l.map(i, input.a).join(input.a).size() > 0`, fmt.Sprintf(`{"a": %q, "l": [1,2,3,4,5,6,7,8]}`, text), "error", "makes a text of more than 16384 bytes"},
		"format that grows":             {`"%s%s%s".format([input.a, input.a, input.a]).size() > 0`, fmt.Sprintf(`{"a": %q}`, text), "error", "makes a text of more than 16384 bytes"},
		"texts that double":             {`["aa"]` + strings.Repeat(".map(x, x + x)", 60) + `.size() > 0`, `{}`, "error", "makes a text of more than 16384 bytes"},
		"lists that double and compare": {laughs + " == " + laughs, `{}`, "error", "compares or writes lists of more than 10000 values"},
		"lists that double in a set":    {"sets.contains([" + laughs + "], [" + laughs + "])", `{}`, "error", "compares or writes lists of more than 10000 values"},
		"sets of long lists":            {"sets.equivalent(input, input)", numbers, "error", ""},
		"a loop over a loop":            {"input.all(i, input.all(j, i == j))", numbers, "error", ""},
		"a loop over texts":             {`input.l.all(i, input.l.all(j, (input.a + string(i)) != input.b))`, fmt.Sprintf(`{"l": %s, "a": %q, "b": "x"}`, numbers[:4000]+"1]", text[:8000]), "error", ""},
		"100,000 digits":                {`input.a > 0`, `{"a": 1` + strings.Repeat("0", 100_000) + `1}`, "error", "the number at /a does not fit"},
		"100,000 decimals":              {`input.a > 0`, `{"a": 0.` + strings.Repeat("3", 100_000) + `}`, "pass", ""},
		"a list that grows, in":         {grow("[1]", "9 in %s"), `{}`, "error", "makes a list of more than 32768 items"},
		"a list that grows, sum":        {grow("[1]", "%s.sum() > 0"), `{}`, "error", "makes a list of more than 32768 items"},
		"a list that grows, isSorted":   {grow("[1]", "%s.isSorted()"), `{}`, "error", "makes a list of more than 32768 items"},
		"a list that grows, join":       {grow("['']", "%s.join() == ''"), `{}`, "error", "makes a list of more than 32768 items"},
		"a list of the payload grows":   {grow("input", "9 in %s"), numbers, "error", "makes a list of more than 32768 items"},
		"an empty list that grows":      {grow("[]", "!(9 in %s)"), `{}`, "pass", ""},
		"lists that are added":          {"input.map(i, [i] + [i]).size() == 3 && input + input == [1, 2, 3, 1, 2, 3] && [] + input == input", `[1, 2, 3]`, "pass", ""},
		"a long number, often":          {"input.l.all(i, int(input.s) > 0)", fmt.Sprintf(`{"l": %s, "s": %q}`, numbers[:40_000]+"1]", strings.Repeat("0", 16_000)+"1"), "error", "the expression costs more than 200000 on this payload"},
		"a long address, often":         {"input.l.all(i, isURL(input.s) || true)", fmt.Sprintf(`{"l": %s, "s": %q}`, numbers[:40_000]+"1]", strings.Repeat("a", 16_000)), "error", "the expression costs more than 200000 on this payload"},
		"deep equality, often":          {strings.TrimSuffix(strings.Repeat("input == input && ", 200), "&& "), numbers, "error", "looks at more than 1000000 values"},
	} {
		t.Run(name, func(t *testing.T) {
			rule := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: tc.expression}})
			if rule.Err() != nil {
				t.Fatal(rule.Err())
			}
			payload := decode(t, tc.payload)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			got := rule.Evaluate(rules.NewCall(t.Context(), payload, now))
			t.Logf("%s in %s: %s", got.Outcome, time.Since(start), got.Problem)
			runtime.ReadMemStats(&after)
			if got.Outcome != tc.want && !got.TimedOut || !got.TimedOut && !strings.Contains(got.Problem, tc.problem) {
				t.Errorf("got %s %q, want %s %q", got.Outcome, got.Problem, tc.want, tc.problem)
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 64<<20 {
				t.Errorf("allocated %d MiB", allocated>>20)
			}
		})
	}
}

// TestManyParts: what a call takes from a text counts. Memory is not asserted: under the race detector regexp allocates for each match.
func TestManyParts(t *testing.T) {
	payload := decode(t, fmt.Sprintf(`{"l": [%s1], "s": %q}`, strings.Repeat("1,", 2000), strings.Repeat("a", 500)))
	for _, expression := range []string{"input.l.map(i, input.s.findAll('a')).size() > 0", "input.l.map(i, input.s.split('a')).size() > 0"} {
		rule := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: expression}})
		if rule.Err() != nil {
			t.Fatal(rule.Err())
		}
		got := rule.Evaluate(rules.NewCall(t.Context(), payload, now))
		if got.Outcome != v1alpha1.OutcomeError || !got.TimedOut && !strings.Contains(got.Problem, "the expression costs more than 200000") {
			t.Errorf("%s: %s %q", expression, got.Outcome, got.Problem)
		}
	}
}
