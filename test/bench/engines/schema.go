package engines

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// countFormat is the format that counts how often a schema is applied.
const countFormat = "count"

// maxApplications is how often schemas may be applied to one payload, and looked every so many at the clock: Checky's own limit.
const (
	maxApplications = 30_000
	lookEvery       = 256
)

// errBudget ends a validation that takes too long.
var errBudget = errors.New("the schema is applied too often, or takes too long")

// budget is what is left of a validation. The library tells its formats nothing of the call that they are in, so it serves one at a time.
type budget struct {
	used int
	end  time.Time
}

func (b *budget) count(any) error {
	b.used++
	if b.used > maxApplications || b.used%lookEvery == 0 && time.Now().After(b.end) {
		panic(errBudget)
	}
	return nil
}

// bareSchema is santhosh-tekuri/jsonschema by itself, a schema a rule. With limits each subschema counts, and a validation ends in time: the
// least that a service needs which takes schemas from others, since some of them take exponential time.
func bareSchema(limits bool) func([]rule) (contender, error) {
	return func(list []rule) (contender, error) {
		b := &budget{}
		c := contender{name: "jsonschema", setup: "a compiled schema a rule, on jsonschema.UnmarshalJSON's values; no limits", decode: decodeNumbers}
		if limits {
			c.name = "jsonschema, limits"
			c.setup = fmt.Sprintf("the same with a format in each subschema that counts to %d and looks at the clock", maxApplications)
		}
		schemas := make([]*jsonschema.Schema, len(list))
		for i, r := range list {
			compiled, err := compileSchema(r.schema, limits, b)
			if err != nil {
				return contender{}, fmt.Errorf("%s: %w", r.name, err)
			}
			schemas[i] = compiled
		}
		c.check = func(decoded any) (int, error) {
			if limits {
				b.used, b.end = 0, time.Now().Add(guardTime)
			}
			return runSchemas(schemas, decoded)
		}
		return c.viaDecode(), nil
	}
}

func compileSchema(text string, limits bool, b *budget) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader([]byte(text)))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if limits {
		compiler.AssertFormat()
		compiler.RegisterFormat(&jsonschema.Format{Name: countFormat, Validate: b.count})
		counting(document)
	}
	if err := compiler.AddResource("rule.json", document); err != nil {
		return nil, err
	}
	return compiler.Compile("rule.json")
}

// counting has each subschema of a schema count. It knows the keywords of this package's schemas.
func counting(schema any) {
	members, ok := schema.(map[string]any)
	if !ok {
		return
	}
	if properties, ok := members["properties"].(map[string]any); ok {
		for _, property := range properties {
			counting(property)
		}
	}
	if all, ok := members["allOf"].([]any); ok {
		for _, one := range all {
			counting(one)
		}
	}
	counting(members["items"])
	members["format"] = countFormat
}

func runSchemas(schemas []*jsonschema.Schema, decoded any) (broken int, err error) {
	defer func() {
		if recovered := recover(); recovered != nil {
			if recovered != errBudget { //nolint:errorlint // it was panicked with, and nobody wrapped it
				panic(recovered)
			}
			err = errBudget
		}
	}()
	for _, schema := range schemas {
		if err := schema.Validate(decoded); err != nil {
			if invalid := (*jsonschema.ValidationError)(nil); !errors.As(err, &invalid) {
				return 0, err
			}
			broken++
		}
	}
	return broken, nil
}

// decodeNumbers keeps numbers as they were written, which the library wants for being exact.
func decodeNumbers(text []byte) (any, error) {
	return jsonschema.UnmarshalJSON(bytes.NewReader(text))
}
