package jsonschema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/checky-dev/checky/rules"
)

// TestFirstFault: of several faults the first by its place is told each time, whatever the order of the library's maps.
func TestFirstFault(t *testing.T) {
	each := func(format string) string {
		var list []string
		for name := 'a'; name <= 'h'; name++ {
			list = append(list, fmt.Sprintf(`"%c":`, name)+strings.ReplaceAll(format, "NAME", string(name)))
		}
		return strings.Join(list, ",")
	}
	for name, tc := range map[string]struct{ schema, want string }{
		"references to nothing":      {`{"properties":{` + each(`{"$ref":"#/$defs/NAME"}`) + `}}`, `jsonSchema: /properties/a: json-pointer in "/$defs/a" not found`},
		"anchors that are not there": {`{"properties":{` + each(`{"$ref":"#NAME"}`) + `}}`, `jsonSchema: /properties/a: anchor in "a" not found`},
		"remote schemas":             {`{"properties":{` + each(`{"$ref":"https://example.com/NAME"}`) + `}}`, `jsonSchema: /properties/a: "https://example.com/a" is outside`},
		"the same $id":               {`{"$defs":{` + each(`{"$id":"x"}`) + `}}`, "jsonSchema: /$defs/b: another schema has the same $id; give each its own"},
		"the same $anchor":           {`{"$defs":{` + each(`{"$anchor":"x"}`) + `}}`, "jsonSchema: /$defs/b: another schema has the same $anchor; give each its own"},
		"the same id in draft 4":     {`{"$schema":"http://json-schema.org/draft-04/schema#","definitions":{` + each(`{"id":"#x"}`) + `}}`, "jsonSchema: /definitions/b: another schema has the same id; give each its own"},
		"one after a good one":       {`{"$defs":{"a":{"$anchor":"x"}},"properties":{"a":{"$ref":"#x"},` + strings.TrimPrefix(each(`{"$ref":"#/NAME"}`), `"a":{"$ref":"#/a"},`) + `}}`, `jsonSchema: /properties/b: json-pointer in "/b" not found`},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				if err := compile(t, tc.schema).Err(); err == nil || !strings.HasPrefix(err.Error(), tc.want) {
					t.Fatalf("got %v, want %s", err, tc.want)
				}
			}
		})
	}
}

// TestManyFaults: to find the first among as many as fit takes no longer than a few compilations.
func TestManyFaults(t *testing.T) {
	var list []string
	for i := range 900 {
		list = append(list, fmt.Sprintf(`{"$ref":"#/%d"}`, i))
	}
	schema := `{"allOf":[` + strings.Join(list, ",") + `]}`
	if len(schema) > rules.MaxSchemaBytes {
		t.Fatal("too long")
	}
	if err := compile(t, schema).Err(); err == nil || !strings.HasPrefix(err.Error(), `jsonSchema: /allOf/0: json-pointer in "/0" not found`) {
		t.Error(err)
	}
}
