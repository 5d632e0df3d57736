package jsonschema_test

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// nest gives depth objects in each other.
func nest(depth int, leaf string) string {
	return strings.Repeat(`{"a":`, depth) + leaf + strings.Repeat("}", depth)
}

// TestHostile runs what takes seconds or hundreds of megabytes in the library itself.
func TestHostile(t *testing.T) {
	const branch = `{"type":"object","properties":{"a":{"$ref":"#/$defs/n"}},"required":["a"]}`
	strs := make([]string, 0, 10_000)
	for i := range 10_000 {
		strs = append(strs, fmt.Sprintf(`["%s","%s"]`, strings.Repeat("\\u0004", i%3), strings.Repeat("\\u0004", 2-i%3)))
	}
	for name, tc := range map[string]struct {
		schema, payload string
		want            v1alpha1.Outcome
	}{
		"overlapping branches":             {`{"$defs":{"n":{"anyOf":[` + branch + `,` + branch + `,{"type":"string"}]}},"$ref":"#/$defs/n"}`, nest(60, "1"), "error"},
		"overlapping branches under not":   {`{"$defs":{"n":{"anyOf":[` + branch + `,` + branch + `]}},"not":{"$ref":"#/$defs/n"}}`, nest(60, "1"), "error"},
		"overlapping patterns under not":   {`{"$defs":{"n":{"properties":{"a":{"$ref":"#/$defs/n"}},"patternProperties":{"a":{"$ref":"#/$defs/n"},"^a":{"$ref":"#/$defs/n"}},"type":"object"}},"not":{"$ref":"#/$defs/n"}}`, nest(60, "1"), "error"},
		"overlapping dependencies":         {`{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"n":{"dependencies":{"a":{"properties":{"a":{"$ref":"#/definitions/n"}}},"b":{"properties":{"a":{"$ref":"#/definitions/n"}}}},"type":"object"}},"not":{"$ref":"#/definitions/n"}}`, strings.Repeat(`{"b":{},"a":`, 60) + "1" + strings.Repeat("}", 60), "error"},
		"a dynamic circle":                 {`{"$dynamicAnchor":"x","anyOf":[{"type":"string"},{"items":{"$dynamicRef":"#x"}}]}`, `[[[]]]`, "pass"},
		"1e1000000000":                     {`{"type":"number"}`, `1e1000000000`, "error"},
		"a number of 100,000 digits":       {`{"type":"number"}`, "1" + strings.Repeat("0", 100_000), "error"},
		"many large numbers, unique":       {`{"uniqueItems":true,"items":{"minimum":0}}`, "[" + strings.TrimSuffix(strings.Repeat("1e499,", 40_000), ",") + "]", "error"},
		"items that hash alike, unique":    {`{"uniqueItems":true}`, "[" + strings.Join(strs, ",") + "]", "fail"},
		"many items, many unevaluated":     {`{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"title":"x"},`, 900), ",") + `],"unevaluatedItems":false}`, "[" + strings.TrimSuffix(strings.Repeat("1,", 120_000), ",") + "]", "error"},
		"many objects, many missing names": {`{"items":{"required":[` + names(5000) + `]}}`, "[" + strings.TrimSuffix(strings.Repeat("{},", 80_000), ",") + "]", "error"},
		"a deep payload in a text":         {`{"contentMediaType":"application/json"}`, `"` + strings.Repeat("[", 100_000) + `"`, "fail"},
		"many findings below a long name":  {`{"additionalProperties":{"items":{"type":"string"}}}`, `{"` + strings.Repeat("k", 100_000) + `":[` + strings.TrimSuffix(strings.Repeat("0,", 25_000), ",") + `]}`, "fail"},
		"many repeats below a long name":   {`{"additionalProperties":{"items":{"uniqueItems":true}}}`, `{"` + strings.Repeat("k", 100_000) + `":[` + strings.TrimSuffix(strings.Repeat("[0,0],", 5_000), ",") + `]}`, "fail"},
		"many branches below a long name":  {`{"anyOf":[{"type":"string"},{"additionalProperties":{"items":{"type":"string"}}}]}`, `{"` + strings.Repeat("k", 100_000) + `":[` + strings.TrimSuffix(strings.Repeat("0,", 25_000), ",") + `]}`, "fail"},
		"a long regular expression, again": {`{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"format":"regex"},`, 300), ",") + `]}`, `"` + strings.Repeat("(a|b)", 50_000) + `"`, "error"},
		"a long content, again and again":  {`{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"contentMediaType":"application/json"},`, 900), ",") + `]}`, `"[` + strings.TrimSuffix(strings.Repeat("0,", 60_000), ",") + `]"`, "error"},
		"a long text, again and again":     {`{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"minLength":1,"format":"luhn"},`, 400), ",") + `]}`, `"` + strings.Repeat("0", 250_000) + `"`, "error"},
		"many items of a wrong type":       {`{"items":{"type":"string"}}`, "[" + strings.TrimSuffix(strings.Repeat("1,", 125_000), ",") + "]", "error"},
		"many items that may not be":       {`{"items":false}`, "[" + strings.TrimSuffix(strings.Repeat("1,", 125_000), ",") + "]", "error"},
		"many items of another value":      {`{"items":{"const":2}}`, "[" + strings.TrimSuffix(strings.Repeat("1,", 125_000), ",") + "]", "error"},
		"arrays that differ at their ends": {`{"items":{"enum":[` + alike(700, 0) + `]}}`, "[" + alike(3000, 1000) + "]", "fail"},
		"many items, many true schemas":    {`{"items":{"allOf":[` + strings.TrimSuffix(strings.Repeat(`true,`, 900), ",") + `]}}`, "[" + strings.TrimSuffix(strings.Repeat("1,", 125_000), ",") + "]", "error"},
		"many items, many types":           {`{"items":{"allOf":[` + strings.TrimSuffix(strings.Repeat(`{"type":"string"},`, 900), ",") + `]}}`, "[" + strings.TrimSuffix(strings.Repeat("1,", 125_000), ",") + "]", "error"},
		"many schemas for the meta-schema": {`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, `{"allOf":[` + strings.TrimSuffix(strings.Repeat("{},", 85_000), ",") + "]}", "error"},
		"many schemas for draft 7's":       {`{"$ref":"http://json-schema.org/draft-07/schema#"}`, `{"allOf":[` + strings.TrimSuffix(strings.Repeat("{},", 85_000), ",") + "]}", "error"},
		"a long text, a large pattern":     {`{"pattern":"(a{30}b?){30}$"}`, `"` + strings.Repeat("a", 200_000) + `"`, "error"},
	} {
		t.Run(name, func(t *testing.T) {
			rule := compile(t, tc.schema)
			if rule.Err() != nil {
				t.Fatal(rule.Err())
			}
			payload := decode(t, tc.payload)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			got := rule.Evaluate(rules.NewCall(t.Context(), payload, start))
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			allocated := after.TotalAlloc - before.TotalAlloc
			t.Logf("%s in %s, %d MiB: %s", got.Outcome, took, allocated>>20, got.Problem)
			if got.Outcome != tc.want && !got.TimedOut {
				t.Errorf("got %s, want %s", got.Outcome, tc.want)
			}
			if allocated > 64<<20 {
				t.Errorf("allocated %d MiB", allocated>>20)
			}
		})
	}
}

// alike gives n arrays that differ in their last item.
func alike(n, from int) string {
	var list []string
	for i := range n {
		list = append(list, "["+strings.Repeat("1,", 30)+strconv.Itoa(from+i)+"]")
	}
	return strings.Join(list, ",")
}

func names(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"n%d"`, i))
	}
	return strings.Join(list, ",")
}
