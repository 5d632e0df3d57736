package jsonschema_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/jsonschema"
)

var compiler = rules.NewCompiler(nil, nil, nil, jsonschema.New())

func compile(t testing.TB, schema string) *rules.Rule {
	t.Helper()
	return compiler.Compile("", []v1alpha1.Rule{{Name: "r", JSONSchema: v1alpha1.JSON{Raw: []byte(schema)}}}).Rules[0]
}

func decode(t testing.TB, text string, options ...rules.DecodeOption) *rules.Payload {
	t.Helper()
	payload, err := rules.Decode([]byte(text), options...)
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func evaluate(t testing.TB, schema, payload string) rules.Report {
	t.Helper()
	rule := compile(t, schema)
	if rule.Err() != nil {
		t.Fatal(rule.Err())
	}
	return run(t, rule, decode(t, payload))
}

// run evaluates a rule, and again where the machine was too busy to end it in its time.
func run(t testing.TB, rule *rules.Rule, payload *rules.Payload) (report rules.Report) {
	t.Helper()
	for range 20 {
		if report = rule.Evaluate(rules.NewCall(t.Context(), payload, time.Now())); !report.TimedOut {
			break
		}
	}
	return report
}

// lines writes findings as users read them.
func lines(report rules.Report) []string {
	var list []string
	for _, f := range report.Findings {
		list = append(list, f.Path+": "+f.Message)
	}
	return list
}

func TestFindings(t *testing.T) {
	for name, tc := range map[string]struct {
		schema, payload string
		want            []string
	}{
		"each missing member by itself": {`{"properties":{"items":{"items":{"required":["sku","qty"]}}}}`, `{"items":[{}]}`, []string{
			"/items/0/qty: expected a value, found nothing there", "/items/0/sku: expected a value, found nothing there"}},
		"every keyword of one value": {`{"properties":{"s":{"type":"string","minLength":5,"pattern":"^a","format":"email","enum":["b","c"]}}}`, `{"s":"x"}`, []string{
			`/s: expected one of "b", "c", found "x"`,
			`/s: expected an e-mail address such as ana@example.org, found "x"`,
			`/s: expected a string of at least 5 characters, found "x", which has 1`,
			`/s: expected a string that matches "^a", found "x"`}},
		"types": {`{"type":["string","null"]}`, `1`, []string{": expected null or a string, found 1"}},
		"items in the order of their indexes": {`{"items":{"type":"integer"}}`, `[1,"a",3,4,5,6,7,8,9,10,"b"]`, []string{
			`/1: expected an integer, found "a"`, `/10: expected an integer, found "b"`}},
		"numbers are exact":          {`{"minimum":0.1,"multipleOf":0.01}`, `0.095`, []string{": expected a number at least 0.1, found 0.095", ": expected a multiple of 0.01, found 0.095"}},
		"twenty digits":              {`{"const":12345678901234567890}`, `12345678901234567891`, []string{": expected the value 12345678901234567890, found 12345678901234567891"}},
		"1e400 has an exact verdict": {`{"exclusiveMaximum":1e400}`, `1e400`, []string{": expected a number below 1e400, found 1e400"}},
		"additional members":         {`{"properties":{"a":true},"additionalProperties":false}`, `{"a":1,"b":2,"c":3}`, []string{"/b: expected no member of this name, found 2", "/c: expected no member of this name, found 3"}},
		"names of members":           {`{"properties":{"o":{"propertyNames":{"maxLength":2}},"p":{"type":"integer"}}}`, `{"o":{"abc":1},"p":"x"}`, []string{`/o/abc: expected the member's name to be a string of at most 2 characters, found "abc"`, `/p: expected an integer, found "x"`}},
		"repeated items":             {`{"properties":{"l":{"uniqueItems":true,"items":{"type":"number"}}}}`, `{"l":[1,"x",1.0]}`, []string{`/l/1: expected a number, found "x"`, "/l/2: expected values that are all different, found 1 again, first at /l/0"}},
		"any of simple types":        {`{"anyOf":[{"type":"string"},{"type":"number","minimum":3}]}`, `true`, []string{": expected a string or a number, found true"}},
		"any of objects":             {`{"anyOf":[{"required":["a"]},{"properties":{"b":{"minimum":3}}}]}`, `{"b":1}`, []string{": expected a value at /a or a number at least 3 at /b, found an object with 1 member"}},
		"one of, none":               {`{"oneOf":[{"type":"string"},{"const":1}]}`, `2`, []string{": expected a string or the value 1, found 2"}},
		"one of, two":                {`{"oneOf":[{"type":"number"},{"const":1}]}`, `1`, []string{": expected a value that matches exactly one schema of oneOf, found 1, which matches number 1 and number 2"}},
		"not":                        {`{"not":{"type":"null"}}`, `null`, []string{": expected a value that does not match the schema of not, found null"}},
		"contains":                   {`{"contains":{"const":1},"minContains":2}`, `[1,2]`, []string{": expected an array with at least 2 items that match the schema of contains, found an array of 2 items, of which 1 match"}},
		"dependent":                  {`{"dependentRequired":{"a":["b"]}}`, `{"a":1}`, []string{`/b: expected a value, since there is one under the name "a" beside it, found nothing there`}},
		"false":                      {`{"properties":{"a":false}}`, `{"a":1}`, []string{"/a: expected no value here, found 1"}},
		"unevaluated":                {`{"properties":{"a":true},"unevaluatedProperties":false}`, `{"a":1,"b":2}`, []string{"/b: expected no value here, found 2"}},
		"contents":                   {`{"contentEncoding":"base64","contentMediaType":"application/json","contentSchema":{"required":["a"]}}`, `"e30="`, []string{`: expected a text whose content has at /a a value, found "e30="`}},
		"contents that are none":     {`{"contentMediaType":"application/json"}`, `"{"`, []string{`: expected a text of the media type application/json, found "{"`}},
		"draft 4":                    {`{"$schema":"http://json-schema.org/draft-04/schema#","minimum":1,"exclusiveMinimum":true}`, `1`, []string{": expected a number above 1, found 1"}},
		"pointers are escaped":       {`{"additionalProperties":{"type":"string"}}`, `{"a/b~c":1}`, []string{"/a~1b~0c: expected a string, found 1"}},
		"credentials are masked":     {`{"properties":{"password":{"minLength":12}}}`, `{"password":"hunter2"}`, []string{"/password: expected a string of at least 12 characters, found a string of 7 characters (masked), which has 7"}},
		"a reference":                {`{"$defs":{"n":{"type":"integer"}},"items":{"$ref":"#/$defs/n"}}`, `["x"]`, []string{`/0: expected an integer, found "x"`}},
		"a recursive reference":      {`{"properties":{"next":{"$ref":"#"},"v":{"type":"integer"}}}`, `{"v":1,"next":{"next":{"v":"x"}}}`, []string{`/next/next/v: expected an integer, found "x"`}},
		"an unknown format":          {`{"format":"color"}`, `"x"`, nil},
		"formats of the module":      {`{"format":"iban"}`, `"DE00"`, []string{`: expected an IBAN with right check digits, such as DE89370400440532013000, found "DE00"`}},
		"an international address":   {`{"format":"idn-email"}`, `"jörg@"`, []string{`: expected an e-mail address such as jörg@example.org, found "jörg@"`}},
		"an international name":      {`{"format":"idn-hostname"}`, `"-ü.de"`, []string{`: expected a host name such as münchen.example.org, found "-ü.de"`}},
		"formats of the library":     {`{"format":"json-pointer"}`, `"x"`, []string{`: expected a string in the format json-pointer, found "x"`}},
		"a pattern of another kind":  {`{"x-doc":{"pattern":"(?!a)","patternProperties":{"(?=b)":{}},"more":[{"pattern":"("}]},"type":"string"}`, `1`, []string{": expected a string, found 1"}},
		"a boolean schema":           {`false`, `1`, []string{": expected no value here, found 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			for range 5 { // whatever the order of the library's maps
				got := evaluate(t, tc.schema, tc.payload)
				if got.Outcome == v1alpha1.OutcomeError {
					t.Fatal(got.Problem)
				}
				if diff := cmp.Diff(tc.want, lines(got)); diff != "" {
					t.Fatal(diff)
				}
			}
		})
	}
}

// TestStandardFormats: all formats that a draft names are asserted.
func TestStandardFormats(t *testing.T) {
	for _, name := range []string{"date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname", "ipv4", "ipv6", "uri", "uri-reference",
		"iri", "iri-reference", "uuid", "uri-template", "json-pointer", "relative-json-pointer", "regex"} {
		if got := evaluate(t, `{"format":"`+name+`"}`, `"({\\ %"`); got.Outcome != v1alpha1.OutcomeFail {
			t.Errorf("format %s gives %s", name, got.Outcome)
		}
	}
}

func TestFindingsOfASecret(t *testing.T) {
	rule := compile(t, `{"properties":{"s":{"const":1}},"additionalProperties":false,"propertyNames":{"maxLength":1}}`)
	got := run(t, rule, decode(t, `{"s":"hunter2","t":5}`, rules.FromSecret()))
	want := []string{"/s: expected the value 1, found a string of 7 characters (masked)", "/t: expected no member of this name, found a number (masked)"}
	if diff := cmp.Diff(want, lines(got)); diff != "" {
		t.Error(diff)
	}
}

func TestManyFindingsAreCounted(t *testing.T) {
	got := evaluate(t, `{"items":{"type":"string"}}`, "["+strings.TrimSuffix(strings.Repeat("1,", 50), ",")+"]")
	if len(got.Findings) != rules.MaxFindingsPerRule || got.Dropped != 30 {
		t.Errorf("%d findings, %d dropped", len(got.Findings), got.Dropped)
	}
}

func TestCompileErrors(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat("{},", jsonschema.MaxSubschemas), ",")
	for name, tc := range map[string]struct{ schema, want string }{
		"not a type":                  {`{"properties":{"a":{"type":"strnig"}}}`, `jsonSchema: /properties/a/type: expected one of "array"`},
		"a keyword's type":            {`{"minLength":"x","required":"a"}`, "jsonSchema: /minLength: expected an integer\njsonSchema: /required: expected an array"},
		"not an object":               {`[]`, "jsonSchema: expected an object, found array"},
		"not JSON":                    {`{`, "jsonSchema: line 1, column 2: it ends in the middle of a value"},
		"too long":                    {`{"title":"` + strings.Repeat("x", rules.MaxSchemaBytes) + `"}`, "jsonSchema: it has 65548 bytes, at most 65536 are allowed"},
		"too many schemas":            {`{"allOf":[` + many + `]}`, "jsonSchema: it is made of more than 1000 schemas"},
		"a file":                      {`{"$ref":"file:///etc/hostname"}`, `jsonSchema: "file:///etc/hostname" is outside of the schema, and nothing is fetched or opened`},
		"a relative file":             {`{"$ref":"other.json"}`, `jsonSchema: "other.json" is outside`},
		"a remote schema":             {`{"$ref":"https://example.com/schema"}`, `jsonSchema: "https://example.com/schema" is outside`},
		"a remote meta-schema":        {`{"$schema":"https://example.com/schema"}`, `jsonSchema: "https://example.com/schema" is outside`},
		"a circle":                    {`{"$ref":"#"}`, "jsonSchema: a $ref leads back here without going into a member or an item"},
		"several circles, the first":  {`{"properties":{"f":{"$ref":"#/properties/f"},"e":{"$ref":"#/properties/e"},"d":{"$ref":"#/properties/d"},"c":{"$ref":"#/properties/c"},"b":{"$ref":"#/properties/b"}}}`, "jsonSchema: /properties/b: a $ref leads back here"},
		"a longer circle":             {`{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}},"items":{"$ref":"#/$defs/a"}}`, "jsonSchema: /$defs/a: a $ref leads back here"},
		"nothing there":               {`{"$ref":"#/$defs/a"}`, `jsonSchema: json-pointer in "/$defs/a" not found`},
		"a value as a schema":         {`{"default":{"type":"string"},"items":{"$ref":"#/default"}}`, "jsonSchema: /default: a $ref points here, and here is no schema"},
		"a bad pattern":               {`{"properties":{"a":{"pattern":"("}}}`, `jsonSchema: /properties/a/pattern: `},
		"a bad pattern, by reference": {`{"x-doc":{"pattern":"(?!a)"},"items":{"$ref":"#/x-doc"}}`, `jsonSchema: /x-doc/pattern: expected a regular expression (RE2)`},
		"a bad pattern below a name":  {`{"properties":{"x-doc":{"pattern":"(?!a)"}}}`, `jsonSchema: /properties/x-doc/pattern: `},
		"a large pattern":             {`{"pattern":"((a{90}){90}){90}"}`, `jsonSchema: /pattern: `},
		"many large patterns":         {`{"allOf":[` + patterns(40) + `]}`, `jsonSchema: /allOf/`},
		"a number of 100,000 digits":  {`{"minimum":1` + strings.Repeat("0", 60_000) + `}`, "jsonSchema: /minimum: a number may have at most 500 digits"},
		"1e1000000000":                {`{"properties":{"a":{"multipleOf":1e1000000000}}}`, "jsonSchema: /properties/a/multipleOf: a number may have at most 500 digits"},
		"1e1000000000 as a constant":  {`{"properties":{"a":{"const":[1e1000000000]}}}`, "jsonSchema: /properties/a/const/0: a number may have"},
		"a huge count":                {`{"minLength":1e20}`, "jsonSchema: /minLength: a count may be at most 2147483648"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			err := compile(t, tc.schema).Err()
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
			t.Logf("%s, %d MiB: %v", took, (after.TotalAlloc-before.TotalAlloc)>>20, err)
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 64<<20 {
				t.Errorf("allocated %d MiB", allocated>>20)
			}
		})
	}
}

func patterns(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"pattern":"[a-z]{900}%d"}`, i))
	}
	return strings.Join(list, ",")
}

func TestConcurrently(t *testing.T) {
	rule := compile(t, `{"properties":{"n":{"minimum":0,"pattern":"x"}}}`)
	good, bad := decode(t, `{"n":1}`), decode(t, `{"n":-1}`)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				if got := run(t, rule, good); got.Outcome != v1alpha1.OutcomePass {
					t.Error(got)
				}
				if got := run(t, rule, bad); got.Outcome != v1alpha1.OutcomeFail {
					t.Error(got)
				}
			}
		})
	}
	group.Wait()
}
