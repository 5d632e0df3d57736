package modules_test

import "testing"

func TestRequired(t *testing.T) {
	testVerdicts(t, "required", map[string]verdict{
		"Present":       {reason: "the member is there", params: `{"field": "$.x"}`, payload: `{"x": 1}`},
		"Null":          {reason: "null counts as a value", params: `{"field": "$.x"}`, payload: `{"x": null}`},
		"Root":          {reason: "the root is always there", params: `{"field": "$"}`, payload: `null`},
		"Missing":       {reason: "the path of a single field can be told", params: `{"field": "$.x"}`, payload: `{}`, want: []string{"/x expected a value, found nothing there"}},
		"MissingParent": {reason: "so can that of one below nothing", params: `{"field": "$.a.b"}`, payload: `{}`, want: []string{"/a/b expected a value, found nothing there"}},
		"ParentNoObject": {reason: "what stands before the name must be an object", params: `{"field": "$.a.b"}`, payload: `{"a": [1]}`,
			want: []string{`/a expected an object with the member "b", found an array of 1 item`}},
		"ParentNull": {reason: "null has no members", params: `{"field": "$.a.b"}`, payload: `{"a": null}`, want: []string{`/a expected an object with the member "b", found null`}},
		"EachItem": {reason: "every object must have it, and only those without are named", params: `{"field": "$.items[*].sku"}`,
			payload: `{"items": [{"sku": 1}, {}, 7, {"sku": null}]}`,
			want:    []string{"/items/1/sku expected a value, found nothing there", `/items/2 expected an object with the member "sku", found 7`}},
		"NoItems": {reason: "an empty selection fails", params: `{"field": "$.items[*].sku"}`, payload: `{"items": []}`,
			want: []string{"/items expected a value at $.items[*].sku, found nothing there"}},
		"Escaped":       {reason: "the pointer is escaped", params: `{"field": "$['a/b']['c~d']"}`, payload: `{"a/b": {}}`, want: []string{"/a~1b/c~0d expected a value, found nothing there"}},
		"Wildcard":      {reason: "a path that ends in no name asks for anything", params: `{"field": "$.x[*]"}`, payload: `{"x": [null]}`},
		"WildcardNone":  {reason: "and fails if there is nothing", params: `{"field": "$.x[*]"}`, payload: `{"x": []}`, want: []string{"/x expected a value at $.x[*], found nothing there"}},
		"Descendant":    {reason: "a descendant path too", params: `{"field": "$..id"}`, payload: `{"a": {"b": 1}}`, want: []string{" expected a value at $..id, found nothing there"}},
		"Filter":        {reason: "objects that a filter selects", params: `{"field": "$.x[?@.kind == 'a'].id"}`, payload: `{"x": [{"kind": "b"}, {"kind": "a"}]}`, want: []string{"/x/1/id expected a value, found nothing there"}},
		"NegativeIndex": {reason: "the last item's member", params: `{"field": "$.x[-1].id"}`, payload: `{"x": [1, {}]}`, want: []string{"/x/1/id expected a value, found nothing there"}},
		"NonEmpty": {reason: "null and what is empty are refused", params: `{"field": "$[*]", "nonEmpty": true}`, payload: `[null, "", [], {}, 0, false, " "]`,
			want: []string{
				"/0 expected a value that is not empty, found null", `/1 expected a value that is not empty, found ""`,
				"/2 expected a value that is not empty, found an array of 0 items", "/3 expected a value that is not empty, found an object with 0 members",
			}},
		"NonEmptyMember": {reason: "of each object", params: `{"field": "$.x[*].n", "nonEmpty": true}`, payload: `{"x": [{"n": 0}, {"n": ""}]}`,
			want: []string{`/x/1/n expected a value that is not empty, found ""`}},
	})
	testRefused(t, "required", map[string][]string{`{"field": "$.x", "nonEmpty": "yes"}`: {"module.params.nonEmpty: expected true or false, found string"}})
}

func TestType(t *testing.T) {
	testVerdicts(t, "type", map[string]verdict{
		"Number":    {reason: "true is never a number", params: `{"field": "$[*]", "type": "number"}`, payload: `[1, 1.5, true]`, want: []string{"/2 expected a number, found true"}},
		"Integer":   {reason: "an integer is one by value", params: `{"field": "$[*]", "type": "integer"}`, payload: `[1, 1.0, 1e2, 120e-1, -0.0, 1e1000000000, 1.5, 1e-1000000000]`, want: []string{"/6 expected an integer, found 1.5", "/7 expected an integer, found 1e-1000000000"}},
		"Either":    {reason: "any of a list will do", params: `{"field": "$[*]", "type": ["integer", "null", "string"]}`, payload: `[1, null, "a", {}, 0.1]`, want: []string{"/3 expected an integer or null or a string, found an object with 0 members", "/4 expected an integer or null or a string, found 0.1"}},
		"Object":    {reason: "an array is no object", params: `{"field": "$.x", "type": "object"}`, payload: `{"x": []}`, want: []string{"/x expected an object, found an array of 0 items"}},
		"Array":     {reason: "a string is no array", params: `{"field": "$.x", "type": "array"}`, payload: `{"x": "[]"}`, want: []string{`/x expected an array, found "[]"`}},
		"Boolean":   {reason: "false is a boolean", params: `{"field": "$.x", "type": "boolean"}`, payload: `{"x": false}`},
		"NumberAll": {reason: "number covers integer", params: `{"field": "$[*]", "type": ["integer", "number"]}`, payload: `[1, 1.5]`},
	})
	testRefused(t, "type", map[string][]string{
		`{"field": "$.x"}`:                     {"module.params.type: it is missing"},
		`{"field": "$.x", "type": []}`:         {"module.params.type: it is missing"},
		`{"field": "$.x", "type": "int"}`:      {`module.params.type: there is no type "int"; give string, number, integer, boolean, object, array, null`},
		`{"field": "$.x", "type": ["a", 1]}`:   {"module.params.type: expected a list of strings, found number in it"},
		`{"field": "$.x", "type": {"a": "b"}}`: {"module.params.type: expected a string or a list of strings, found object"},
	})
}

func TestRange(t *testing.T) {
	testVerdicts(t, "range", map[string]verdict{
		"Within":      {reason: "bounds are allowed", params: `{"field": "$[*]", "min": 0, "max": 10}`, payload: `[0, 10, 5.5, 1e1]`},
		"Outside":     {reason: "what lies outside is shown", params: `{"field": "$[*]", "min": 0, "max": 10}`, payload: `[-0.1, 10.000000000000000000001]`, want: []string{"/0 expected a number at least 0 and at most 10, found -0.1", "/1 expected a number at least 0 and at most 10, found 10.000000000000000000001"}},
		"Exclusive":   {reason: "exclusive bounds are not allowed", params: `{"field": "$[*]", "min": 0, "exclusiveMin": true, "max": 10, "exclusiveMax": true}`, payload: `[0, 10, 0.1]`, want: []string{"/0 expected a number above 0 and below 10, found 0", "/1 expected a number above 0 and below 10, found 10"}},
		"WrongType":   {reason: "a string of digits and true are no numbers", params: `{"field": "$[*]", "min": 0}`, payload: `["5", true, null]`, want: []string{`/0 expected a number at least 0, found "5"`, "/1 expected a number at least 0, found true", "/2 expected a number at least 0, found null"}},
		"TwentyDigit": {reason: "20 digits compare exactly", params: `{"field": "$.x", "max": "12345678901234567890"}`, payload: object(`12345678901234567891`), want: []string{"/x expected a number at most 12345678901234567890, found 12345678901234567891"}},
		"Huge":        {reason: "an exponent is not expanded", params: `{"field": "$.x", "max": 1e400}`, payload: object(`1e1000000000`), want: []string{"/x expected a number at most 1e400, found 1e1000000000"}},
	})
	testRefused(t, "range", map[string][]string{
		`{"field": "$.x"}`:                                 {"module.params: give min, max or both"},
		`{"field": "$.x", "min": 2, "max": 1}`:             {"module.params.min: it is above max (2 > 1)"},
		`{"field": "$.x", "max": 1, "exclusiveMin": true}`: {"module.params.exclusiveMin: it needs a min"},
		`{"field": "$.x", "min": 1, "exclusiveMax": true}`: {"module.params.exclusiveMax: it needs a max"},
		`{"field": "$.x", "min": "a"}`:                     {`module.params.min: expected a number, found "a"`},
		`{"field": "$.x", "min": true, "max": []}`:         {"module.params.max: expected a number, found array", "module.params.min: expected a number, found boolean"},
	})
}

func TestLength(t *testing.T) {
	testVerdicts(t, "length", map[string]verdict{
		"CodePoints": {reason: "code points count, not bytes", params: `{"field": "$.x", "min": 3, "max": 3}`, payload: object(`"äß😀"`)},
		"TooLong":    {reason: "the length is told", params: `{"field": "$.x", "max": 2}`, payload: object(`"abc"`), want: []string{`/x expected a string of at most 2 characters, found "abc", which has 3`}},
		"TooShort":   {reason: "an empty string has length 0", params: `{"field": "$.x", "min": 1}`, payload: object(`""`), want: []string{`/x expected a string of at least 1 characters, found "", which has 0`}},
		"Items":      {reason: "items of an array count", params: `{"field": "$.x", "min": 1, "max": 2}`, payload: object(`[1,2,3]`), want: []string{"/x expected an array of 1 to 2 items, found an array of 3 items"}},
		"Exactly":    {reason: "one length is told as such", params: `{"field": "$.x", "min": 2, "max": 2}`, payload: object(`[1]`), want: []string{"/x expected an array of exactly 2 items, found an array of 1 item"}},
		"WrongType": {reason: "neither text nor list", params: `{"field": "$[*]", "min": 0}`, payload: `[{}, 12, null]`, want: []string{
			"/0 expected a string of at least 0 characters or an array of as many items, found an object with 0 members",
			"/1 expected a string of at least 0 characters or an array of as many items, found 12",
			"/2 expected a string of at least 0 characters or an array of as many items, found null",
		}},
		"Masked": {reason: "a password is not shown", params: `{"field": "$.password", "min": 15}`, payload: `{"password": "hunter2"}`, want: []string{"/password expected a string of at least 15 characters, found a string of 7 characters (masked), which has 7"}},
	})
	testRefused(t, "length", map[string][]string{
		`{"field": "$.x"}`:                     {"module.params: give min, max or both"},
		`{"field": "$.x", "min": 3, "max": 2}`: {"module.params.min: it is above max (3 > 2)"},
		`{"field": "$.x", "min": -1}`:          {"module.params.min: expected a whole number of 0 or more, found -1"},
		`{"field": "$.x", "max": 1.5}`:         {"module.params.max: expected a whole number of 0 or more, found 1.5"},
	})
}

func TestPattern(t *testing.T) {
	testVerdicts(t, "pattern", map[string]verdict{
		"Unanchored": {reason: "it matches anywhere", params: `{"field": "$.x", "pattern": "b+"}`, payload: object(`"abbc"`)},
		"Anchored":   {reason: "anchors hold; a newline at the end does not pass", params: `{"field": "$[*]", "pattern": "^a$"}`, payload: `["a", "a\n"]`, want: []string{`/1 expected a string that matches "^a$", found "a\n"`}},
		"WrongType":  {reason: "a number is no string", params: `{"field": "$.x", "pattern": "1"}`, payload: object(`1`), want: []string{`/x expected a string that matches "1", found 1`}},
		"TooLong":    {reason: "too much work is an error, and no verdict", params: `{"field": "$.x", "pattern": "(a?){400}b"}`, payload: object(`"` + as(50000) + `"`), problem: "a text of 50000 bytes is too long for this pattern"},
	})
	testRefused(t, "pattern", map[string][]string{
		`{"field": "$.x"}`:                                {"module.params.pattern: it is missing; give a string"},
		`{"field": "$.x", "pattern": "("}`:                {"module.params.pattern: ", "is not a regular expression: missing closing )"},
		`{"field": "$.x", "pattern": "(?=a)"}`:            {"module.params.pattern: ", "no look-around"},
		`{"field": "$.x", "pattern": "(a{30}){30}{9}"}`:   {"module.params.pattern: "},
		`{"field": "$.x", "pattern": "(abcdefgh){300}"}`:  {"module.params.pattern: the pattern compiles to", "at most 2000"},
		`{"field": "$.x", "pattern": "` + as(1025) + `"}`: {"module.params.pattern: the pattern has 1025 bytes, at most 1024"},
	})
}

func TestEnum(t *testing.T) {
	const values = `{"field": "$[*]", "values": ["open", 1, null, {"a": [1.50], "b": 2}, true]}`
	const one = `one of "open", 1, null, {"a":[1.5],"b":2}, true`
	testVerdicts(t, "enum", map[string]verdict{
		"Equal":   {reason: "equality is JSON's", params: values, payload: `["open", 1.0, 10e-1, null, {"b": 2.0, "a": [1.5]}, true]`},
		"Others":  {reason: "neither case nor type is bent", params: values, payload: `["Open", "1", 2, false, {"a": [1.5]}]`, want: []string{"/0 expected " + one + `, found "Open"`, "/1 expected " + one + `, found "1"`, "/2 expected " + one + ", found 2", "/3 expected " + one + ", found false", "/4 expected " + one + ", found an object with 1 member"}},
		"Strings": {reason: "a list of strings takes no number", params: `{"field": "$.x", "values": ["1"]}`, payload: object("1"), want: []string{`/x expected the value "1", found 1`}},
		"Many":    {reason: "a long list is cut", params: `{"field": "$.x", "values": [1,2,3,4,5,6,7,8,9,10]}`, payload: object("0"), want: []string{"/x expected one of 1, 2, 3, 4, 5, 6, 7, 8, or 2 more, found 0"}},
		"Digits":  {reason: "20 digits differ in the last", params: `{"field": "$.x", "values": [12345678901234567890]}`, payload: object("12345678901234567891"), want: []string{"/x expected the value 12345678901234567890, found 12345678901234567891"}},
	})
	testRefused(t, "enum", map[string][]string{
		`{"field": "$.x"}`:                {"module.params.values: expected a list of at least one value, found null"},
		`{"field": "$.x", "values": []}`:  {"module.params.values: expected a list of at least one value"},
		`{"field": "$.x", "values": "a"}`: {"module.params.values: expected a list of at least one value, found string"},
	})
}

func TestConst(t *testing.T) {
	testVerdicts(t, "const", map[string]verdict{
		"Number": {reason: "2.0 is 2, \"2\" is not", params: `{"field": "$[*]", "value": 2}`, payload: `[2, 2.0, "2"]`, want: []string{`/2 expected the value 2, found "2"`}},
		"Null":   {reason: "null can be wanted", params: `{"field": "$[*]", "value": null}`, payload: `[null, 0]`, want: []string{"/1 expected the value null, found 0"}},
		"Object": {reason: "the order of members does not count", params: `{"field": "$.x", "value": {"a": 1, "b": [2]}}`, payload: object(`{"b": [2.0], "a": 1}`)},
	})
	testRefused(t, "const", map[string][]string{`{"field": "$.x"}`: {"module.params.value: it is missing"}})
}

func TestContains(t *testing.T) {
	testVerdicts(t, "contains", map[string]verdict{
		"Item":      {reason: "an equal item", params: `{"field": "$.x", "value": {"a": 1}}`, payload: object(`[0, {"a": 1.0}]`)},
		"NoItem":    {reason: "none is equal", params: `{"field": "$.x", "value": "a"}`, payload: object(`["b", "A"]`), want: []string{`/x expected an array that contains "a", found an array of 2 items`}},
		"Text":      {reason: "a part of a string", params: `{"field": "$.x", "value": "a"}`, payload: object(`"bar"`)},
		"NoText":    {reason: "not a part of it", params: `{"field": "$.x", "value": "z"}`, payload: object(`"bar"`), want: []string{`/x expected an array or a string that contains "z", found "bar"`}},
		"NumberIn":  {reason: "a number is not looked for in a string", params: `{"field": "$.x", "value": 1}`, payload: object(`"1"`), want: []string{`/x expected an array that contains 1, found "1"`}},
		"WrongType": {reason: "objects contain nothing", params: `{"field": "$.x", "value": "a"}`, payload: object(`{"a": 1}`), want: []string{`/x expected an array or a string that contains "a", found an object with 1 member`}},
	})
	testRefused(t, "contains", map[string][]string{`{"field": "$.x"}`: {"module.params.value: it is missing"}})
}

func TestFormat(t *testing.T) {
	testVerdicts(t, "format", map[string]verdict{
		"Valid":     {reason: "an address", params: `{"field": "$.x", "format": "email"}`, payload: object(`"ana@example.org"`)},
		"Newline":   {reason: "a newline at the end is refused", params: `{"field": "$.x", "format": "email"}`, payload: object(`"ana@example.org\n"`), want: []string{`/x expected an e-mail address such as ana@example.org, found "ana@example.org\n"`}},
		"Alias":     {reason: "another name of the same", params: `{"field": "$.x", "format": "e164"}`, payload: object(`"+493012345678"`)},
		"WrongType": {reason: "a number is no string", params: `{"field": "$.x", "format": "luhn"}`, payload: object(`79927398713`), want: []string{"/x expected a number with a right Luhn check digit, found 79927398713"}},
	})
	testRefused(t, "format", map[string][]string{
		`{"field": "$.x"}`:                   {"module.params.format: it is missing"},
		`{"field": "$.x", "format": "mail"}`: {`module.params.format: there is no format "mail"; there are base64, cidr,`, "email", "uuid"},
		`{"field": "$.x", "format": ""}`:     {"module.params.format: it is empty; give one of base64"},
		`{"field": "$.x", "format": 1}`:      {"module.params.format: expected a string, found number"},
	})
}
