package route

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	jsonv2 "github.com/go-json-experiment/json"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/checky-dev/checky/apiserver/problem"
	"github.com/checky-dev/checky/config"
)

// securityScheme is the document's name for bearer tokens.
const securityScheme = "bearer"

// Version is the interface's: its first part is that of the paths.
const Version = "1.0.0"

// The document's names for schemas that are not made from types.
const (
	ruleSchema       = "Rule"
	checkRequest     = "CheckRequest"
	batchRequest     = "BatchRequest"
	batchInputSchema = "BatchInput"
)

const description = `Checks data on Kubernetes and explains every verdict.

Sign up, log in, and send the token with each request:

    curl -sS $CHECKY/auth/signup -H 'Content-Type: application/json' -d '{"email": "ada@example.com", "password": "correct horse battery staple 9"}'
    curl -sS $CHECKY/auth/login  -H 'Content-Type: application/json' -d '{"email": "ada@example.com", "password": "correct horse battery staple 9"}'
    curl -sS $CHECKY/v1/check    -H 'Content-Type: application/json' -H "Authorization: Bearer $TOKEN" -d '{"input": {"amount": 99999}}'

Errors are problem details (RFC 9457): they name the field and the fix, and never repeat a rejected value.`

// writeJSON writes an answer as a line of its own, so that a terminal shows the next prompt below it.
func writeJSON(w io.Writer, v any) error {
	if err := jsonv2.MarshalWrite(w, v, written); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// configuration is huma's, without its own pages and formats.
func configuration() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	format := huma.Format{
		Marshal:   writeJSON,
		Unmarshal: func(data []byte, v any) error { return jsonv2.Unmarshal(data, v) },
	}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Checky", Version: Version, Description: description,
				License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			},
			Servers: []*huma.Server{{URL: "/", Description: "this server"}},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{securityScheme: {
					Type: "http", Scheme: "bearer",
					Description: "A token from POST /auth/login or POST /auth/tokens, or a Kubernetes ServiceAccount's token that is bound to this service's audience.",
				}},
			},
			Tags: []*huma.Tag{
				{Name: "Checks", Description: "Make checks and read what became of them."},
				{Name: "Account", Description: "Sign up, log in, passwords."},
				{Name: "Tokens", Description: "Tokens for programs."},
				{Name: "Health", Description: "For whatever looks after the process."},
			},
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
	}
}

// addSchemas adds the schemas that are not made from types of this package: the problem, and the rule as the kinds have it.
func (a *api) addSchemas() error {
	registry := a.OpenAPI().Components.Schemas
	registry.Schema(reflect.TypeFor[problem.Problem](), true, "Problem")
	file, err := config.Files.ReadFile("crd/bases/checky.dev_rulesets.yaml")
	if err != nil {
		return err
	}
	var definition apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(file, &definition); err != nil {
		return fmt.Errorf("crd/bases/checky.dev_rulesets.yaml: %w", err)
	}
	spec := definition.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]
	rule := schemaOf(spec.Properties["rules"].Items.Schema)
	rule.Description = "One statement about the payload: a module, a CEL expression or a JSON Schema. It is written as in a RuleSet."
	registry.Map()[ruleSchema] = rule
	return nil
}

// schemaOf turns a schema of a custom resource definition into one of the document.
func schemaOf(p *apiextensionsv1.JSONSchemaProps) *huma.Schema {
	s := &huma.Schema{
		Type: p.Type, Description: p.Description, Pattern: p.Pattern, Required: p.Required, Minimum: p.Minimum, Maximum: p.Maximum,
		MinLength: number(p.MinLength), MaxLength: number(p.MaxLength), MinItems: number(p.MinItems), MaxItems: number(p.MaxItems),
	}
	for _, value := range p.Enum {
		var v any
		if json.Unmarshal(value.Raw, &v) == nil {
			s.Enum = append(s.Enum, v)
		}
	}
	if p.Default != nil {
		_ = json.Unmarshal(p.Default.Raw, &s.Default) // Defaults of definitions are JSON, or controller-gen had not written them.
	}
	if p.Items != nil && p.Items.Schema != nil {
		s.Items = schemaOf(p.Items.Schema)
	}
	if p.Type != huma.TypeObject {
		return s
	}
	s.AdditionalProperties = p.XPreserveUnknownFields != nil && *p.XPreserveUnknownFields
	if len(p.Properties) > 0 {
		s.Properties = map[string]*huma.Schema{}
		for name, property := range p.Properties {
			s.Properties[name] = schemaOf(&property)
		}
	}
	return s
}

func number(n *int64) *int {
	if n == nil {
		return nil
	}
	i := int(*n)
	return &i
}

// jsonBody documents a body by its type.
func jsonBody[T any](a *api, example any) *huma.RequestBody {
	media := &huma.MediaType{Schema: a.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, "")}
	if example != nil {
		media.Example = example
	}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": media}}
}

func optional(b *huma.RequestBody) *huma.RequestBody {
	b.Required = false
	return b
}

// responses documents an answer besides the usual one.
func responses(a *api, status, description string, value any) map[string]*huma.Response {
	schema := a.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(value), true, "")
	return map[string]*huma.Response{status: {
		Description: description,
		Headers: map[string]*huma.Param{
			"Location":    {Description: "Where the check can be read.", Schema: &huma.Schema{Type: huma.TypeString}},
			"Retry-After": {Description: "In how many seconds to look again.", Schema: &huma.Schema{Type: huma.TypeInteger}},
		},
		Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}}
}

func notModified() map[string]*huma.Response {
	return map[string]*huma.Response{"304": {Description: "The caller has this version."}}
}

func ptr[T any](v T) *T { return &v }

// Document is the OpenAPI 3.1 document of the routes, indented: what GET /openapi.json answers, and what is committed.
func Document() ([]byte, error) {
	_, document, err := build(http.NewServeMux(), Options{})
	if err != nil {
		return nil, err
	}
	return marshal(document)
}

// Document30 is the same in OpenAPI 3.0, for generators that know no other.
func Document30() ([]byte, error) {
	_, document, err := build(http.NewServeMux(), Options{})
	if err != nil {
		return nil, err
	}
	compact, err := document.Downgrade()
	if err != nil {
		return nil, err
	}
	return indent(compact)
}

func marshal(document *huma.OpenAPI) ([]byte, error) {
	compact, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	return indent(compact)
}

func indent(compact []byte) ([]byte, error) {
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		return nil, err
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// serveDocument answers GET /openapi.json.
func (a *api) serveDocument(mux *http.ServeMux, document *huma.OpenAPI) error {
	text, err := marshal(document)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(text)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("ETag", tag)
		header.Set("Cache-Control", "no-cache")
		if matches(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		header.Set("Content-Type", "application/openapi+json")
		_, _ = w.Write(text) // Where it cannot be written the caller has gone.
	})
	return nil
}
