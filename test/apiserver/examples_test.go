package apiserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// documentation is the OpenAPI document as JSON has it.
func documentation(t testing.TB) map[string]any {
	t.Helper()
	file, err := os.Open(documentFile)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	return document.(map[string]any) //nolint:forcetypeassert // the document of OpenAPI is an object
}

// houseRules are what the examples check by.
const houseRules = `
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: house, annotations: {checky.dev/default: "true"}}
spec:
  rules:
  - {name: amount, module: {name: required, params: {field: $.amount}}}
`

// TestExamplesOfBodies sends each example of a body: each is taken.
func TestExamplesOfBodies(t *testing.T) {
	c := newCluster(t)
	c.apply(houseRules)
	f := c.start()
	u := f.newUser()
	ran := 0
	// Signing up comes before logging in.
	for _, path := range []string{
		"/auth/signup", "/auth/login", "/auth/password-reset", "/auth/tokens", "/auth/tokens/{id}/rotate", "/v1/check", "/v1/checks:batch",
	} {
		item := documentation(t)["paths"].(map[string]any)[path].(map[string]any)
		for method, operation := range item {
			for name, example := range examplesOf(operation) {
				body, err := json.Marshal(example)
				if err != nil {
					t.Fatal(err)
				}
				at := strings.ReplaceAll(path, "{id}", f.newToken(u.token, "rotated").TokenID)
				answer, text := f.do(strings.ToUpper(method), at, u.token, string(body), "Prefer", "wait=60")
				if answer.StatusCode < 200 || answer.StatusCode > 299 {
					t.Errorf("%s of %s: %s %s", name, path, answer.Status, text)
				}
				ran++
			}
		}
	}
	if all := countExamples(documentation(t)["paths"]); ran != all {
		t.Errorf("%d examples of bodies were sent, of %d in the document", ran, all)
	}
}

// examplesOf are the examples of an operation's body.
func examplesOf(operation any) map[string]any {
	found := map[string]any{}
	body, _ := operation.(map[string]any)["requestBody"].(map[string]any)
	content, _ := body["content"].(map[string]any)
	for _, media := range content {
		m := media.(map[string]any) //nolint:forcetypeassert // by the specification
		if example, ok := m["example"]; ok {
			found["the example"] = example
		}
		named, _ := m["examples"].(map[string]any)
		for name, example := range named {
			found[name] = example.(map[string]any)["value"]
		}
	}
	return found
}

func countExamples(paths any) (n int) {
	for _, item := range paths.(map[string]any) {
		for _, operation := range item.(map[string]any) {
			n += len(examplesOf(operation))
		}
	}
	return n
}

// TestExamplesOfParameters sends each example of a parameter.
func TestExamplesOfParameters(t *testing.T) {
	c := newCluster(t)
	c.apply(houseRules)
	f := c.start()
	bodies := map[string]string{"/v1/check": `{"input": {"amount": 1}}`, "/v1/checks:batch": `{"inputs": [{"input": {"amount": 1}}]}`}
	ran := 0
	for path, item := range documentation(t)["paths"].(map[string]any) {
		u := f.newUser() // The example of a key is one request's alone.
		for method, operation := range item.(map[string]any) {
			parameters, _ := operation.(map[string]any)["parameters"].([]any)
			for _, p := range parameters {
				parameter := p.(map[string]any)
				examples, _ := parameter["schema"].(map[string]any)["examples"].([]any)
				for _, example := range examples {
					ran++
					var status int
					switch parameter["in"] {
					case "header":
						answer, _ := f.do(strings.ToUpper(method), path, u.token, bodies[path], fmt.Sprint(parameter["name"]), fmt.Sprint(example))
						status = answer.StatusCode
					case "path": // An id, of a check that is not there.
						answer, _ := f.do(strings.ToUpper(method), strings.ReplaceAll(path, "{id}", fmt.Sprint(example)), u.token, "")
						if status = answer.StatusCode; status == http.StatusNotFound {
							status = http.StatusOK
						}
					}
					if status != http.StatusOK && status != http.StatusAccepted {
						t.Errorf("%s of %s %s: %d", parameter["name"], method, path, status)
					}
				}
			}
		}
	}
	if ran == 0 {
		t.Error("the document has no examples of parameters")
	}
}

// TestExamplesOfSchemas holds the examples in schemas to their schemas.
func TestExamplesOfSchemas(t *testing.T) {
	document := documentation(t)
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("openapi.json", document); err != nil {
		t.Fatal(err)
	}
	ran := 0
	var walk func(pointer string, schema map[string]any)
	walk = func(pointer string, schema map[string]any) {
		if examples, ok := schema["examples"].([]any); ok {
			compiled, err := compiler.Compile("openapi.json#" + pointer)
			if err != nil {
				t.Fatal(err)
			}
			for _, example := range examples {
				ran++
				if err := compiled.Validate(example); err != nil {
					t.Errorf("%s: %v", pointer, err)
				}
			}
		}
		if properties, ok := schema["properties"].(map[string]any); ok {
			for name, property := range properties {
				walk(pointer+"/properties/"+name, property.(map[string]any))
			}
		}
		if items, ok := schema["items"].(map[string]any); ok {
			walk(pointer+"/items", items)
		}
	}
	for name, schema := range document["components"].(map[string]any)["schemas"].(map[string]any) {
		walk("/components/schemas/"+name, schema.(map[string]any))
	}
	if ran < 10 {
		t.Errorf("the document has %d examples in schemas", ran)
	}
}

// TestExamplesOfCommands runs the lines of the document's introduction, one after the other, as somebody would who pastes them.
func TestExamplesOfCommands(t *testing.T) {
	c := newCluster(t)
	c.apply(houseRules)
	f := c.start()
	introduction := documentation(t)["info"].(map[string]any)["description"].(string)
	var lines []string
	for line := range strings.Lines(introduction) {
		if command := strings.TrimSpace(line); strings.HasPrefix(command, "curl ") {
			lines = append(lines, command)
		}
	}
	if len(lines) != 3 {
		t.Fatalf("the introduction has %d commands: %q", len(lines), lines)
	}
	token := ""
	for _, line := range lines {
		command := exec.Command("bash", "-c", line+" --fail-with-body")
		command.Env = append(slices.Clone(os.Environ()), "CHECKY="+f.url, "TOKEN="+token)
		out, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		var answer struct{ Token, Status string }
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Fatalf("%s: %s", line, out)
		}
		if answer.Token != "" {
			token = answer.Token
		}
		if strings.Contains(line, "/v1/check") && answer.Status != "success" && answer.Status != "pending" {
			t.Errorf("%s: %s", line, out)
		}
	}
}
