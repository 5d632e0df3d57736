package modules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// as is a text of n times the letter a.
func as(n int) string { return strings.Repeat("a", n) }

func TestUnique(t *testing.T) {
	testVerdicts(t, "unique", map[string]verdict{
		"Different": {reason: "types differ", params: `{"field": "$.x"}`, payload: object(`[1, "1", true, null, [], {}, [1]]`)},
		"Repeated": {reason: "each repeat names the first", params: `{"field": "$.x"}`, payload: object(`["a", 1, "a", 1.0, "a"]`), want: []string{
			`/x/2 expected values that are all different, found "a" again, first at /x/0`,
			"/x/3 expected values that are all different, found 1 again, first at /x/1",
			`/x/4 expected values that are all different, found "a" again, first at /x/0`,
		}},
		"Objects":  {reason: "equal objects are written in any order", params: `{"field": "$.x"}`, payload: object(`[{"a": 1, "b": 2}, {"b": 2, "a": 1.0}]`), want: []string{"/x/1 expected values that are all different, found an object with 2 members again, first at /x/0"}},
		"NoArray":  {reason: "one value must be an array", params: `{"field": "$.x"}`, payload: object(`"aa"`), want: []string{`/x expected an array of values that are all different, found "aa"`}},
		"Selected": {reason: "the selected values are compared", params: `{"field": "$.x[*].id"}`, payload: object(`[{"id": 1}, {"id": 2}, {}, {"id": 1}]`), want: []string{"/x/3/id expected values that are all different, found 1 again, first at /x/0/id"}},
		"Filtered": {reason: "through the library too", params: `{"field": "$..id"}`, payload: object(`[{"id": 1}, {"id": [{"id": 1}]}]`), want: []string{"/x/1/id/0/id expected values that are all different, found 1 again, first at /x/0/id"}},
		"Masked":   {reason: "a token is not shown", params: `{"field": "$.tokens"}`, payload: `{"tokens": ["abc", "abc"]}`, want: []string{"/tokens/1 expected values that are all different, found a string of 3 characters (masked) again, first at /tokens/0"}},
	})
}

func TestUniqueCountsWhatItDrops(t *testing.T) {
	payload := object("[" + strings.Repeat("1,", 30) + "1]")
	for _, field := range []string{"$.x", "$.x[*]"} {
		report := evaluate(t, "unique", `{"field": "`+field+`"}`, payload)
		if len(report.Findings) != rules.MaxFindingsPerRule || report.Dropped != 10 {
			t.Errorf("%s: %d findings and %d dropped, want %d and 10", field, len(report.Findings), report.Dropped, rules.MaxFindingsPerRule)
		}
	}
}

func TestCompare(t *testing.T) {
	pair := func(a, b string) string { return `{"a": ` + a + `, "b": ` + b + `}` }
	params := func(operator string) string {
		return `{"field": "$.a", "operator": "` + operator + `", "other": "$.b"}`
	}
	testVerdicts(t, "compare", map[string]verdict{
		"Numbers":      {reason: "exactly", params: params("lt"), payload: pair("12345678901234567890", "12345678901234567891")},
		"NotLess":      {reason: "both are shown", params: params("<"), payload: pair("2", "1"), want: []string{"/a expected a value below $.b (1), found 2"}},
		"Times":        {reason: "in time, whatever the offset", params: params("lt"), payload: pair(`"2026-05-31T10:00:00+02:00"`, `"2026-05-31T09:00:00Z"`)},
		"TimesEqual":   {reason: "the same instant is equal", params: params("eq"), payload: pair(`"2026-05-31T10:00:00.50+02:00"`, `"2026-05-31T08:00:00.5Z"`)},
		"LeapSecond":   {reason: "a leap second comes before midnight", params: params("<"), payload: pair(`"2016-12-31T23:59:60Z"`, `"2017-01-01T00:00:00Z"`)},
		"Dates":        {reason: "full dates", params: params("ge"), payload: pair(`"2026-06-01"`, `"2026-05-31"`)},
		"Text":         {reason: "by code point", params: params("lt"), payload: pair(`"Z"`, `"a"`)},
		"DateAndTime":  {reason: "a date and a date-time compare as text", params: params("le"), payload: pair(`"2026-06-01"`, `"2026-06-01T00:00:00Z"`)},
		"Types":        {reason: "different types have no order", params: params("ge"), payload: pair(`"2"`, "1"), want: []string{`/a expected a value at least $.b (1), both numbers or both strings, found "2"`}},
		"Objects":      {reason: "any types can be equal", params: params("=="), payload: pair(`{"x": [1, 2.0]}`, `{"x": [1.0, 2]}`)},
		"Different":    {reason: "or different", params: params("ne"), payload: pair("null", "0")},
		"NotDifferent": {reason: "1.0 is 1", params: params("!="), payload: pair("1.0", "1"), want: []string{"/a expected a value different from $.b (1), found 1"}},
		"Missing":      {reason: "the other must be there", params: params("eq"), payload: `{"a": 1}`, want: []string{"/b expected a value at $.b to compare $.a with, found nothing there"}},
		"BothMissing":  {reason: "an empty selection passes", params: params("eq"), payload: `{}`},
		"Each":         {reason: "each selected value", params: `{"field": "$.x[*].n", "operator": "<=", "other": "$.max"}`, payload: `{"max": 2, "x": [{"n": 1}, {"n": 3}]}`, want: []string{"/x/1/n expected a value at most $.max (2), found 3"}},
		"NullOther":    {reason: "null is a value, but has no order", params: params("gt"), payload: pair("1", "null"), want: []string{"/a expected a value above $.b (null), both numbers or both strings, found 1"}},
	})
	testRefused(t, "compare", map[string][]string{
		`{"field": "$.a"}`: {"module.params.operator: it is missing", "module.params.other: it is missing"},
		`{"field": "$.a", "operator": "eq", "other": "$.b[*]"}`: {`module.params.other: "$.b[*]" may select several values`},
		`{"field": "$.a", "operator": "=", "other": "$.b"}`:     {`module.params.operator: there is no operator "="; give eq, ne, lt, le, gt or ge`},
	})
}

func TestDependent(t *testing.T) {
	const card = `{"field": "$.card", "requires": ["$.expiry", "$.holders[*].name"]}`
	testVerdicts(t, "dependent", map[string]verdict{
		"Absent":   {reason: "nothing is required then", params: card, payload: `{}`},
		"Complete": {reason: "all are there", params: card, payload: `{"card": 1, "expiry": null, "holders": [{}, {"name": "a"}]}`},
		"Missing": {reason: "each missing one is named", params: card, payload: `{"card": 1}`, want: []string{
			"/expiry expected a value at $.expiry, since there is one at $.card, found nothing there",
			"/holders expected a value at $.holders[*].name, since there is one at $.card, found nothing there",
		}},
		"OnePath": {reason: "requires may be one path", params: `{"field": "$.a", "requires": "$.b"}`, payload: `{"a": null}`, want: []string{"/b expected a value at $.b, since there is one at $.a, found nothing there"}},
	})
	testRefused(t, "dependent", map[string][]string{
		`{"field": "$.a"}`:                           {"module.params.requires: it is missing"},
		`{"field": "$.a", "requires": ["$.b", "c"]}`: {"module.params.requires: ", `"c" is not a JSONPath`},
	})
}

func TestSum(t *testing.T) {
	const total = `{"field": "$.x[*]", "equals": "$.t"}`
	testVerdicts(t, "sum", map[string]verdict{
		"Exact":     {reason: "0.1 + 0.2 is 0.3", params: total, payload: `{"x": [0.1, 0.2], "t": 0.3}`},
		"Other":     {reason: "both sums are shown", params: total, payload: `{"x": [10, 19.99], "t": 30}`, want: []string{"/t expected the sum of $.x[*] to equal $.t (30), found 29.99"}},
		"Tolerance": {reason: "within the tolerance", params: `{"field": "$.x[*]", "equals": "$.t", "tolerance": 0.01}`, payload: `{"x": [10, 19.99], "t": 30}`},
		"Beyond":    {reason: "just beyond it", params: `{"field": "$.x[*]", "equals": "$.t", "tolerance": "0.01"}`, payload: `{"x": [10, 19.9899], "t": 30}`, want: []string{"/t expected the sum of $.x[*] to equal $.t (30) within 0.01, found 29.9899"}},
		"Fixed":     {reason: "a number of the rule's", params: `{"field": "$.x[*]", "equals": 100}`, payload: `{"x": [50, 49]}`, want: []string{"/x expected the sum of $.x[*] to equal 100, found 99"}},
		"Empty":     {reason: "an empty selection passes, total or not", params: total, payload: `{"x": []}`},
		"NoNumber":  {reason: "every term is a number", params: total, payload: `{"x": [1, "2", true], "t": 1}`, want: []string{`/x/1 expected a number to add up, found "2"`, "/x/2 expected a number to add up, found true"}},
		"NoTotal":   {reason: "the total must be there", params: total, payload: `{"x": [1]}`, want: []string{"/t expected a number that the sum of $.x[*] equals, found nothing there"}},
		"TextTotal": {reason: "and be a number", params: total, payload: `{"x": [1], "t": "1"}`, want: []string{`/t expected a number that the sum of $.x[*] equals, found "1"`}},
		"TooFar":    {reason: "what cannot be added exactly is an error", params: total, payload: `{"x": [1, 1e1000000000], "t": 1}`, problem: "too far apart"},
		"FarTotal":  {reason: "comparing needs no subtraction", params: total, payload: `{"x": [1, 2], "t": 1e1000000000}`, want: []string{"/t expected the sum of $.x[*] to equal $.t (1e1000000000), found 3"}},
		"Masked":    {reason: "the sum of masked numbers is masked", params: `{"field": "$.x[*].secret", "equals": 1}`, payload: `{"x": [{"secret": 41}, {"secret": 1}]}`, want: []string{"/x expected the sum of $.x[*].secret to equal 1, found a number (masked)"}},
	})
	testRefused(t, "sum", map[string][]string{
		`{"field": "$.x"}`:                               {"module.params.equals: it is missing; give a JSONPath such as $.total, or a number"},
		`{"field": "$.x", "equals": "$.y[*]"}`:           {`module.params.equals: "$.y[*]" may select several values`},
		`{"field": "$.x", "equals": "y"}`:                {`module.params.equals: expected a number, found "y"`},
		`{"field": "$.x", "equals": true}`:               {"module.params.equals: expected a number, found boolean"},
		`{"field": "$.x", "equals": 1, "tolerance": -1}`: {"module.params.tolerance: expected a number of 0 or more, found -1"},
	})
}

func TestSecrets(t *testing.T) {
	const found = "expected no credential here; keep it in a Secret and refer to that, found "
	key := "AKIA" + "IOSFODNN7EXAMPLE"
	testVerdicts(t, "secrets", map[string]verdict{
		"Clean":          {reason: "nothing to report", params: `{}`, payload: `{"name": "Ana", "n": [1, true, null, "text"]}`},
		"Forms":          {reason: "by form, in the order of names, and escaped", params: `{}`, payload: `{"b": ["x", "id ` + key + `"], "a/c": {"d": "ghp_` + as(36) + `"}}`, want: []string{"/a~1c/d " + found + "a GitHub token", "/b/1 " + found + "an AWS access key ID"}},
		"Root":           {reason: "a payload that is a string", params: `{}`, payload: quoted("https://u:" + "hunter2@example.org/"), want: []string{" " + found + "a password in a URL"}},
		"Names":          {reason: "by name, also in a list; numbers and empty strings are none", params: `{}`, payload: `{"password": "changeme", "apiKeys": ["k1"], "token": "", "secret": 7, "clientSecret": {"id": "a"}}`, want: []string{"/apiKeys/0 " + found + "a value under a name that credentials are kept under", "/password " + found + "a value under a name that credentials are kept under"}},
		"About":          {reason: "names about a credential hold none", params: `{}`, payload: `{"secretName": "tls", "token_type": "Bearer", "passwordPolicy": "long", "tokenEndpoint": "https://example.org"}`},
		"Placeholders":   {reason: "what stands in a credential's place", params: `{"field": "$.password"}`, payload: `{"password": ["***", "xxxx", "<redacted>", "[REDACTED]", "${DB_PASSWORD}", "$(TOKEN)", "{{ .Values.token }}"]}`},
		"NoPlaceholders": {reason: "what only looks like a placeholder", params: `{}`, payload: `{"password": ["changeme", "${a}b", "<>"]}`, want: []string{"/password/0 " + found + "a value under a name that credentials are kept under", "/password/1 " + found + "a value under a name that credentials are kept under", "/password/2 " + found + "a value under a name that credentials are kept under"}},
		"Field":          {reason: "only below the field", params: `{"field": "$.a"}`, payload: `{"a": "x", "password": "abc"}`},
		"Itself":         {reason: "the field's own name counts", params: `{"field": "$.auth.password"}`, payload: `{"auth": {"password": "abc"}}`, want: []string{"/auth/password " + found + "a value under a name that credentials are kept under"}},
		"Allow":          {reason: "members left out, and all below them", params: `{"allow": ["pageToken", "examples"]}`, payload: `{"pageToken": "abc", "examples": {"a": "` + key + `"}}`},
		"Long":           {reason: "at the end of a long text", params: `{}`, payload: quoted(strings.Repeat("lorem ipsum ", 2000) + key), want: []string{" " + found + "an AWS access key ID"}},
	})
	testRefused(t, "secrets", map[string][]string{
		`{"allow": 1}`:  {"module.params.allow: expected a string or a list of strings, found number"},
		`{"allow": []}`: {"module.params.allow: it is missing"},
	})
}

// TestSecretPayload: nothing of a Secret's values is in any message.
func TestSecretPayload(t *testing.T) {
	const payload = `{"x": ["hunter2", "hunter2", 7355608, 7355608], "y": "hunter3"}`
	for module, params := range map[string]string{
		"compare": `{"field": "$.x[*]", "operator": "gt", "other": "$.y"}`, "const": `{"field": "$.x[*]", "value": "x"}`,
		"contains": `{"field": "$.x[*]", "value": "x"}`, "enum": `{"field": "$.x[*]", "values": ["x"]}`, "format": `{"field": "$.x[*]", "format": "uri"}`,
		"length": `{"field": "$.x[*]", "min": 100}`, "pattern": `{"field": "$.x[*]", "pattern": "^x"}`, "range": `{"field": "$.x[*]", "max": 1}`,
		"sum": `{"field": "$.x[2:]", "equals": 1}`, "type": `{"field": "$.x[*]", "type": "null"}`, "unique": `{"field": "$.x"}`,
	} {
		t.Run(module, func(t *testing.T) {
			report := evaluate(t, module, params, payload, rules.FromSecret())
			if report.Outcome != v1alpha1.OutcomeFail {
				t.Fatalf("outcome %s, want fail", report.Outcome)
			}
			all := fmt.Sprint(report.Findings)
			for _, value := range []string{"hunter", "7355608", "14711216"} {
				if strings.Contains(all, value) {
					t.Errorf("%q is in %s", value, all)
				}
			}
		})
	}
}
