package jsonschema_test

import (
	"fmt"
	"strings"
	"testing"

	js "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestValuesAndLimitsAsTheLibraryHasThem asks each keyword that a rule asks by itself about each value, and the library as well.
func TestValuesAndLimitsAsTheLibraryHasThem(t *testing.T) {
	values := []string{
		`null`, `true`, `false`, `""`, `"a"`, `"1"`, `"\u00e9"`, `"e\u0301"`, `0`, `-0`, `0.0`, `0e5`, `1`, `1.0`, `1.00e0`, `10e-1`, `0.1`, `-1`, `-1.5`, `1e3`, `1000`, `1000.000`,
		`12345678901234567890`, `12345678901234567891`, `1e400`, `-1e400`, `1e-400`, `0.30000000000000004`, `0.3`, `[]`, `[1]`, `[1.0]`, `["a"]`, `{}`, `{"a":1}`, `{"a":1.0}`, `{"a":"1"}`, `[{"a":[null]}]`,
	}
	schemas := []string{`{"enum":[` + strings.Join(values, ",") + `]}`, `{"enum":["a",1,{"a":1},[1],null]}`, `{"not":{"enum":["a",0,true]}}`}
	for _, value := range values {
		schemas = append(schemas, fmt.Sprintf(`{"const":%s}`, value), fmt.Sprintf(`{"enum":[%s,"b"]}`, value), fmt.Sprintf(`{"oneOf":[{"const":%s},{"minimum":1}]}`, value))
		if strings.ContainsAny(value[:1], "-0123456789") {
			for _, keyword := range []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} {
				schemas = append(schemas, fmt.Sprintf(`{"%s":%s}`, keyword, value))
			}
		}
	}
	for _, text := range schemas {
		document, err := js.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		compiler := js.NewCompiler()
		if err := compiler.AddResource("schema.json", document); err != nil {
			t.Fatal(err)
		}
		library, rule := compiler.MustCompile("schema.json"), compile(t, text)
		if rule.Err() != nil {
			t.Fatal(text, rule.Err())
		}
		for _, value := range values {
			payload := decode(t, value)
			want := v1alpha1.OutcomePass
			if library.Validate(payload.Root()) != nil {
				want = v1alpha1.OutcomeFail
			}
			if got := run(t, rule, payload); got.Outcome != want {
				t.Errorf("%s on %s: %s, and by the library %s", text, value, got.Outcome, want)
			}
		}
	}
}
