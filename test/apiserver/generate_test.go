package apiserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// marker is in every text that a generated request has as a value: where it turns up, a value has been repeated.
const marker = "kanarienvogel"

// operation is what can be asked, by the document.
type operation struct {
	method, path string
	parameters   []parameter
	body         map[string]any // its schema; nil: it takes none
	examples     []any          // of bodies
}

type parameter struct {
	in, name string
	required bool
	schema   map[string]any
}

// generator makes requests from the document.
type generator struct {
	schemas    map[string]any
	operations []operation
}

func newGenerator(t testing.TB) *generator {
	t.Helper()
	document := documentation(t)
	g := &generator{schemas: object(object(document["components"])["schemas"])}
	for path, item := range object(document["paths"]) {
		for method, o := range object(item) {
			op := operation{method: strings.ToUpper(method), path: path}
			for _, p := range list(object(o)["parameters"]) {
				required, _ := object(p)["required"].(bool)
				op.parameters = append(op.parameters, parameter{
					in: fmt.Sprint(object(p)["in"]), name: fmt.Sprint(object(p)["name"]), required: required, schema: object(object(p)["schema"]),
				})
			}
			op.body = object(object(object(object(object(o)["requestBody"])["content"])["application/json"])["schema"])
			for _, example := range examplesOf(o) {
				op.examples = append(op.examples, example)
			}
			g.operations = append(g.operations, op)
		}
	}
	slices.SortFunc(g.operations, func(a, b operation) int { return strings.Compare(a.path+a.method, b.path+b.method) })
	return g
}

func object(v any) map[string]any {
	o, _ := v.(map[string]any)
	return o
}

func list(v any) []any {
	l, _ := v.([]any)
	return l
}

// value makes a value that a schema takes, as far as a schema tells.
func (g *generator) value(t *rapid.T, schema map[string]any, depth int) any {
	if ref, ok := schema["$ref"].(string); ok {
		schema = object(g.schemas[strings.TrimPrefix(ref, "#/components/schemas/")])
	}
	if all := list(schema["oneOf"]); len(all) > 0 {
		schema = object(rapid.SampledFrom(all).Draw(t, "one of"))
	}
	if enum := list(schema["enum"]); len(enum) > 0 {
		return rapid.SampledFrom(enum).Draw(t, "enum")
	}
	switch schema["type"] {
	case "string":
		return g.text(t, schema)
	case "boolean":
		return rapid.Bool().Draw(t, "boolean")
	case "integer", "number":
		return rapid.Int64Range(bound(schema, "minimum", -1000), bound(schema, "maximum", 1000)).Draw(t, "number")
	case "array":
		items := make([]any, rapid.IntRange(0, 3).Draw(t, "items"))
		for i := range items {
			items[i] = g.value(t, object(schema["items"]), depth+1)
		}
		return items
	case "object":
		return g.members(t, schema, depth)
	default:
		return anything(t, depth)
	}
}

func (g *generator) members(t *rapid.T, schema map[string]any, depth int) any {
	members := map[string]any{}
	properties := object(schema["properties"])
	if len(properties) == 0 {
		members["field"] = anything(t, depth)
		return members
	}
	for _, name := range sortedKeys(properties) {
		if slices.Contains(list(schema["required"]), any(name)) || rapid.Bool().Draw(t, "has "+name) {
			members[name] = g.value(t, object(properties[name]), depth+1)
		}
	}
	return members
}

func sortedKeys(of map[string]any) []string {
	keys := make([]string, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func bound(schema map[string]any, name string, otherwise int64) int64 {
	n, ok := schema[name].(json.Number)
	if !ok {
		return otherwise
	}
	i, err := n.Int64()
	if err != nil {
		return otherwise
	}
	return i
}

// text makes a text of a schema, marked where its form has room.
func (g *generator) text(t *rapid.T, schema map[string]any) string {
	switch {
	case schema["format"] == "email":
		return marker + rapid.StringMatching(`[a-z0-9]{1,8}`).Draw(t, "name") + "@example.com"
	case schema["format"] == "date-time":
		return rapid.SampledFrom([]string{"2099-01-01T00:00:00Z", "2001-01-01T00:00:00+02:00", "2026-12-31T23:59:60Z", "9999-12-31T23:59:59.999999999Z"}).Draw(t, "time")
	case schema["format"] == "password":
		return marker + rapid.StringMatching(`[ -~]{3,40}`).Draw(t, "password")
	case strings.HasPrefix(fmt.Sprint(schema["pattern"]), "^[a-z0-9]"), strings.HasPrefix(fmt.Sprint(schema["pattern"]), "^[!-~]"):
		return marker + rapid.StringMatching(`[a-z0-9]{1,20}`).Draw(t, "name")
	default:
		return marker + rapid.StringN(0, 30, 100).Draw(t, "text")
	}
}

// anything makes a JSON value.
func anything(t *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 7).Draw(t, "kind")
	if depth > 4 {
		kind %= 5
	}
	switch kind {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "boolean")
	case 2:
		return json.Number(rapid.SampledFrom([]string{"0", "-0", "1e400", "12345678901234567890", "0.1000", "-1E-9", "99999999999999999999999999999999"}).Draw(t, "number"))
	case 3:
		return rapid.Float64Range(-1e9, 1e9).Draw(t, "float")
	case 4:
		return marker + rapid.String().Draw(t, "text")
	case 5, 6:
		members := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			members[rapid.SampledFrom([]string{"amount", "items", "", "ä", "a b", "0", "__proto__"}).Draw(t, "member")] = anything(t, depth+1)
		}
		return members
	default:
		items := make([]any, rapid.IntRange(0, 3).Draw(t, "items"))
		for i := range items {
			items[i] = anything(t, depth+1)
		}
		return items
	}
}

// bend changes one place of a value into what nobody expects there.
func bend(t *rapid.T, v any) any {
	switch in := v.(type) {
	case map[string]any:
		if len(in) > 0 && rapid.IntRange(0, 3).Draw(t, "deeper") > 0 {
			name := rapid.SampledFrom(sortedKeys(in)).Draw(t, "member")
			in[name] = bend(t, in[name])
			return in
		}
		switch rapid.IntRange(0, 2).Draw(t, "members") {
		case 0:
			if len(in) > 0 {
				delete(in, rapid.SampledFrom(sortedKeys(in)).Draw(t, "lost"))
			}
			return in
		case 1:
			in[rapid.SampledFrom([]string{"extra", "Input", "email ", "$ref", "\u0000"}).Draw(t, "added")] = anything(t, 3)
			return in
		}
	case []any:
		if len(in) > 0 && rapid.Bool().Draw(t, "deeper") {
			i := rapid.IntRange(0, len(in)-1).Draw(t, "item")
			in[i] = bend(t, in[i])
			return in
		}
	}
	return rapid.SampledFrom([]any{
		nil, true, json.Number("1e400"), json.Number("-1"), json.Number("0.5"), json.Number("123456789012345678901234567890"), "", " ", marker + "\x00\u202e",
		marker + strings.Repeat("x", 10_000), []any{}, []any{[]any{nil}}, map[string]any{}, map[string]any{"name": marker},
		marker + "' OR 1=1 --", marker + "@" + marker + "@x", marker + "<script>alert(1)</script>", marker + "\r\nX-Evil: 1", "../../" + marker,
	}).Draw(t, "odd")
}

// breakText breaks a text so that it may be no JSON any more.
func breakText(t *rapid.T, text string) string {
	at := rapid.IntRange(0, len(text)).Draw(t, "at")
	switch rapid.IntRange(0, 4).Draw(t, "how") {
	case 0:
		return text[:at]
	case 1:
		return text[:at] + "\xff\xfe" + text[at:]
	case 2:
		return text + text
	case 3:
		return text[:at] + rapid.SampledFrom([]string{",", "}", "[", `"`, "\\", "\\ud800", "\x00", "NaN", "//", "1e"}).Draw(t, "inserted") + text[at:]
	default:
		return strings.Repeat("[", 200) + text
	}
}

// bodyOf makes a body for an operation, or none.
func (g *generator) bodyOf(t *rapid.T, op *operation) string {
	if op.body == nil {
		return rapid.SampledFrom([]string{"", "", `{"` + marker + `": 1}`}).Draw(t, "body of none")
	}
	var v any
	if len(op.examples) > 0 && rapid.IntRange(0, 2).Draw(t, "by example") == 0 {
		v = copied(rapid.SampledFrom(op.examples).Draw(t, "example"))
	} else {
		v = g.value(t, op.body, 0)
	}
	how := rapid.IntRange(0, 5).Draw(t, "how")
	if how >= 3 {
		v = bend(t, v)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("the generator makes what is no JSON: %v", err)
	}
	if how == 5 {
		return breakText(t, string(text))
	}
	return string(text)
}

// copied is a value that may be changed.
func copied(v any) any {
	switch in := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(in))
		for name, member := range in {
			out[name] = copied(member)
		}
		return out
	case []any:
		out := make([]any, len(in))
		for i := range in {
			out[i] = copied(in[i])
		}
		return out
	default:
		return v
	}
}

// generated is a request, in words that a failure can print.
type generated struct {
	method, target, body string
	headers              http.Header
}

// request makes a request. The ids are some that are there.
func (g *generator) request(t *rapid.T, ids []string) generated {
	op := rapid.SampledFrom(g.operations).Draw(t, "operation")
	r := generated{method: op.method, target: op.path, headers: http.Header{}}
	query := url.Values{}
	for _, p := range op.parameters {
		if !p.required && rapid.Bool().Draw(t, "without "+p.name) {
			continue
		}
		text := fmt.Sprint(g.value(t, p.schema, 0))
		if rapid.IntRange(0, 3).Draw(t, "odd "+p.name) == 0 {
			text = fmt.Sprint(bend(t, text))
		}
		switch p.in {
		case "path":
			if rapid.Bool().Draw(t, "known") {
				text = rapid.SampledFrom(ids).Draw(t, "id")
			}
			if text == "" || strings.Trim(text, "./") == "" {
				text = marker
			}
			r.target = strings.Replace(r.target, "{"+p.name+"}", url.PathEscape(text), 1)
		case "query":
			query.Add(p.name, text)
		case "header":
			r.headers.Set(p.name, visible(text))
		}
	}
	if len(query) > 0 {
		r.target += "?" + query.Encode()
	}
	if r.body = g.bodyOf(t, &op); r.body != "" {
		r.headers.Set("Content-Type", rapid.SampledFrom([]string{
			"application/json", "application/json", "application/json", "application/json; charset=utf-8", "text/" + marker, marker,
		}).Draw(t, "media type"))
	}
	return r
}

// visible is a text without what no client can put into a header.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}
