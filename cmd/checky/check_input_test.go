package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/cmd/checky/manifest"
	"github.com/checky-dev/checky/cmd/program"
	"github.com/checky-dev/checky/config"
	"github.com/checky-dev/checky/engine"
)

func TestInputFrom(t *testing.T) {
	configMap := func(name, key string) *v1alpha1.InputSource {
		return &v1alpha1.InputSource{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: name, Key: key}}
	}
	secret := func(name, key string) *v1alpha1.InputSource {
		return &v1alpha1.InputSource{SecretKeyRef: &v1alpha1.KeyReference{Name: name, Key: key}}
	}
	resource := func(apiVersion, kind, name string) *v1alpha1.InputSource {
		return &v1alpha1.InputSource{ResourceRef: &v1alpha1.ResourceReference{APIVersion: apiVersion, Kind: kind, Name: name}}
	}
	const objects = `
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: default}
data:
  block: |
    {"a":
      1}
  line: '1'
  number: 1
binaryData: {binary: eyJhIjogMX0=, rubbish: "***"}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
data: {old: MQ==, both: MQ==, rubbish: hunter2!}
stringData: {new: '2', both: '3', number: 4}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d, resourceVersion: "1", managedFields: [], labels: {a: b}}
spec: {replicas: 12345678901234567890}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other, namespace: other}
data: {a: '1'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: twice}
data: {a: '1'}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: twice}
data: {a: '2'}
`
	cases := map[string]struct {
		reason  string
		from    *v1alpha1.InputSource
		text    string
		secret  bool
		pointer string
		line    int
		refused string
		because string // the reason
	}{
		"ConfigMap":         {reason: "a key's text", from: configMap("c", "line"), text: "1", line: 9},
		"ConfigMapBlock":    {reason: "a block has lines of its own", from: configMap("c", "block"), text: "{\"a\":\n  1}\n", pointer: "/a", line: 7},
		"ConfigMapBinary":   {reason: "decoded", from: configMap("c", "binary"), text: `{"a": 1}`, pointer: "/a", line: 11},
		"ConfigMapRubbish":  {reason: "no base64", from: configMap("c", "rubbish"), refused: "key rubbish of ConfigMap c: its value in binaryData is not base64; encode it, or move it as it is to data", because: v1alpha1.ReasonInvalidInput},
		"ConfigMapNumber":   {reason: "the API server refuses it", from: configMap("c", "number"), refused: "key number of ConfigMap c: its value in data is not a string; quote it", because: v1alpha1.ReasonInvalidInput},
		"ConfigMapNoKey":    {reason: "as in the cluster", from: configMap("c", "none"), refused: "waiting for key none of ConfigMap c, which does not have it; add it, or correct spec.inputFrom", because: v1alpha1.ReasonInputNotFound},
		"NoConfigMap":       {reason: "as in the cluster", from: configMap("none", "a"), refused: "waiting for ConfigMap none, which does not exist in namespace default; create it, or correct spec.inputFrom", because: v1alpha1.ReasonInputNotFound},
		"OtherNamespace":    {reason: "a Check cannot read across namespaces", from: configMap("other", "a"), refused: "waiting for ConfigMap other, which does not exist in namespace default; create it, or correct spec.inputFrom", because: v1alpha1.ReasonInputNotFound},
		"Secret":            {reason: "decoded, and secret", from: secret("s", "old"), text: "1", secret: true, line: 16},
		"SecretString":      {reason: "stringData is written to data", from: secret("s", "new"), text: "2", secret: true, line: 17},
		"SecretBoth":        {reason: "stringData wins", from: secret("s", "both"), text: "3", secret: true, line: 17},
		"SecretRubbish":     {reason: "the value is not told", from: secret("s", "rubbish"), refused: "key rubbish of Secret s: its value in data is not base64; encode it, or move it as it is to stringData", because: v1alpha1.ReasonInvalidInput},
		"SecretNoKey":       {reason: "as in the cluster", from: secret("s", "none"), refused: "waiting for key none of Secret s, which does not have it; add it, or correct spec.inputFrom", because: v1alpha1.ReasonInputNotFound},
		"Twice":             {reason: "either could be meant", from: configMap("twice", "a"), refused: "ConfigMap twice is there twice, at stdin:29 and at stdin:34, and not the same; keep one of them, or check them in two runs", because: v1alpha1.ReasonInvalidInput},
		"NoSecret":          {reason: "as in the cluster", from: secret("c", "line"), refused: "waiting for Secret c, which does not exist in namespace default; create it, or correct spec.inputFrom", because: v1alpha1.ReasonInputNotFound},
		"Resource":          {reason: "without bookkeeping, every digit kept", from: resource("apps/v1", "Deployment", "d"), text: `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","labels":{"a":"b"}},"spec":{"replicas":12345678901234567890}}`, pointer: "/spec/replicas", line: 22},
		"ResourceSecret":    {reason: "secret, as it is stored", from: resource("v1", "Secret", "s"), text: `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"new":"Mg==","both":"Mw==","number":4,"old":"MQ==","rubbish":"hunter2!"}}`, secret: true, pointer: "/data/old", line: 16},
		"ResourceOtherKind": {reason: "the version counts", from: resource("apps/v2", "Deployment", "d"), refused: "waiting for Deployment d, which does not exist in namespace default; create it, or correct spec.inputFrom", because: v1alpha1.ReasonInputNotFound},
	}
	loader := manifest.Loader{Reader: &manifest.Reader{Stdin: strings.NewReader(objects)}, Schemas: manifest.NewSchemas(config.Files), Namespace: "default"}
	bundle, err := loader.Load([]string{"-"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	g := &gatherer{bundle: bundle}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := g.source("default", tc.from)
			refused := (*refusal)(nil)
			if errors.As(err, &refused) != (tc.refused != "") {
				t.Fatalf("%s: error is %v", tc.reason, err)
			}
			if refused != nil {
				if diff := cmp.Diff(&engine.Obstacle{Reason: tc.because, Message: tc.refused}, refused.Obstacle); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
				return
			}
			if diff := cmp.Diff(tc.text, string(p.text)); diff != "" || p.secret != tc.secret {
				t.Errorf("%s: secret %t (-want +got):\n%s", tc.reason, p.secret, diff)
			}
			if _, line := p.locate(tc.pointer); line != tc.line {
				t.Errorf("%s: %q is on line %d, want %d", tc.reason, tc.pointer, line, tc.line)
			}
		})
	}
}

// TestSecretAsPayload: a Secret that is checked as it is, without a Check that refers to it, is masked as one.
func TestSecretAsPayload(t *testing.T) {
	const rulesFile = `
rules:
- {name: data, module: {name: type, params: {field: $.data.pin, type: number}}}
- {name: string-data, module: {name: type, params: {field: $.stringData.pin, type: number}}}
- {name: item, module: {name: type, params: {field: "$.items[*].data.pin", type: number}}}
- {name: cel, cel: {expression: "false", messageExpression: "string(input)"}}
- {name: cel-pin, cel: {expression: "!has(input.data)", messageExpression: "'found ' + input.data.pin"}}
- {name: schema, jsonSchema: {additionalProperties: {additionalProperties: {type: number}}}}
`
	folder := t.TempDir()
	path := filepath.Join(folder, "rules.yaml")
	if err := os.WriteFile(path, []byte(rulesFile), 0o600); err != nil {
		t.Fatal(err)
	}
	const secret = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"pin":"aHVudGVyMg=="},"stringData":{"pin":"swordfish"}}`
	for name, payload := range map[string]string{
		"Secret":     secret,
		"List":       `{"apiVersion":"v1","kind":"List","items":[` + secret + `]}`,
		"SecretList": `{"apiVersion":"v1","kind":"SecretList","items":[` + secret + `]}`,
		"YAML":       "---\n" + secret + "\n---\n" + secret,
	} {
		for _, format := range []string{"text", "json", "junit", "sarif"} {
			code, out, errOut := runChecky(t, payload, "check", "-f", "-", "-r", path, "-o", format)
			if code != program.ExitFailure {
				t.Errorf("%s as %s ends with %d: %s", name, format, code, errOut)
			}
			for _, value := range []string{"aHVudGVyMg", "swordfish"} {
				if strings.Contains(out+errOut, value) {
					t.Errorf("%s as %s tells %s:\n%s", name, format, value, out+errOut)
				}
			}
		}
	}
}

// TestPayloadThatIsNotJSON: the place in the payload is told, and why it is taken for JSON.
func TestPayloadThatIsNotJSON(t *testing.T) {
	t.Chdir(checkFixtures)
	const why = "; what begins with { or [ is read as JSON; for YAML, write a line --- before it"
	for stdin, want := range map[string]string{
		`{"a": {"b": NaN}}`: "Error: payload: line 1, column 13 (at /a/b): it is not JSON" + why,
		"{'a': 'hunter2'}":  "Error: payload: line 1, column 2: it is not JSON" + why,
	} {
		code, out, errOut := runChecky(t, stdin, "check", knowledge, "-f", "-", "-r", "orders.yaml", "-o", "json")
		var verdict v1alpha1.Verdict
		if err := json.Unmarshal([]byte(out), &verdict); err != nil {
			t.Fatalf("%v: %s", err, errOut)
		}
		got, _, _ := strings.Cut(verdict.Explanation, "\n")
		if code != program.ExitUsage || got != want || strings.Contains(out, "hunter2") {
			t.Errorf("%s ends with %d: %s, want %s", stdin, code, got, want)
		}
	}
}

// Findings on a batch's payloads stand where their values do, or on the line of a text.
func TestLocateItem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "batch.yaml")
	text := `apiVersion: checky.dev/v1alpha1
kind: Check
metadata: {name: a}
spec:
  rules: [{name: a, module: {name: range, params: {field: $.n, max: 1}}}]
  inputs:
  - input: {n: 1}
  - input:
      m: 0
      n: 2
  - inputJSON: '{"n": 3}'
  - inputJSON: |
      {"m": 0,
       "n": 4}
  - inputJSON: '{"n": '
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, out, errOut := runChecky(t, "", "check", "-f", file, "-o", "sarif")
	var sarif struct {
		Runs []struct {
			Results []struct {
				Locations []struct {
					PhysicalLocation struct{ Region struct{ StartLine int } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &sarif); err != nil {
		t.Fatalf("%v: %s", err, errOut)
	}
	var lines []int
	for _, result := range sarif.Runs[0].Results {
		lines = append(lines, result.Locations[0].PhysicalLocation.Region.StartLine)
	}
	if diff := cmp.Diff([]int{10, 11, 14, 15}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
