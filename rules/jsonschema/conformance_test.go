package jsonschema_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/google/jsonschema-go/jsonschema" // its module ships the suite

	"github.com/checky-dev/checky/api/v1alpha1"
)

// schemaSkips are the groups, as DRAFT/FILE/GROUP, that rules refuse, and why. A group of which every case passes fails the
// test if it is here.
var schemaSkips = map[string]string{
	"draft2020-12/dynamicRef.json/strict-tree schema, guards against misspelled properties":       remoteSchema,
	"draft2020-12/dynamicRef.json/tests for implementation dynamic anchor and reference link":     remoteSchema,
	"draft2020-12/dynamicRef.json/$ref and $dynamicAnchor are independent of order - $defs first": remoteSchema,
	"draft2020-12/dynamicRef.json/$ref and $dynamicAnchor are independent of order - $ref first":  remoteSchema,
	"draft2020-12/dynamicRef.json/$ref to $dynamicRef finds detached $dynamicAnchor":              remoteSchema,
	"draft2020-12/refRemote.json/remote ref":                                                      remoteSchema,
	"draft2020-12/refRemote.json/fragment within remote ref":                                      remoteSchema,
	"draft2020-12/refRemote.json/anchor within remote ref":                                        remoteSchema,
	"draft2020-12/refRemote.json/ref within remote ref":                                           remoteSchema,
	"draft2020-12/refRemote.json/base URI change":                                                 remoteSchema,
	"draft2020-12/refRemote.json/base URI change - change folder":                                 remoteSchema,
	"draft2020-12/refRemote.json/base URI change - change folder in subschema":                    remoteSchema,
	"draft2020-12/refRemote.json/root ref in remote ref":                                          remoteSchema,
	"draft2020-12/refRemote.json/remote ref with ref to defs":                                     remoteSchema,
	"draft2020-12/refRemote.json/Location-independent identifier in remote ref":                   remoteSchema,
	"draft2020-12/refRemote.json/retrieved nested refs resolve relative to their URI not $id":     remoteSchema,
	"draft2020-12/refRemote.json/remote HTTP ref with different $id":                              remoteSchema,
	"draft2020-12/refRemote.json/remote HTTP ref with different URN $id":                          remoteSchema,
	"draft2020-12/refRemote.json/remote HTTP ref with nested absolute ref":                        remoteSchema,
	"draft2020-12/refRemote.json/$ref to $ref finds detached $anchor":                             remoteSchema,
	"draft7/refRemote.json/remote ref":                                                            remoteSchema,
	"draft7/refRemote.json/fragment within remote ref":                                            remoteSchema,
	"draft7/refRemote.json/ref within remote ref":                                                 remoteSchema,
	"draft7/refRemote.json/base URI change":                                                       remoteSchema,
	"draft7/refRemote.json/base URI change - change folder":                                       remoteSchema,
	"draft7/refRemote.json/base URI change - change folder in subschema":                          remoteSchema,
	"draft7/refRemote.json/root ref in remote ref":                                                remoteSchema,
	"draft7/refRemote.json/remote ref with ref to definitions":                                    remoteSchema,
	"draft7/refRemote.json/Location-independent identifier in remote ref":                         remoteSchema,
	"draft7/refRemote.json/retrieved nested refs resolve relative to their URI not $id":           remoteSchema,
	"draft7/refRemote.json/$ref to $ref finds location-independent $id":                           remoteSchema,
}

const remoteSchema = "its schema is spread over several documents, and rules fetch nothing"

// schemaGroup is a schema with its cases.
type schemaGroup struct {
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"schema"`
	Tests       []struct {
		Description string          `json:"description"`
		Data        json.RawMessage `json:"data"`
		Valid       bool            `json:"valid"`
	} `json:"tests"`
}

// TestConformance runs the JSON Schema Test Suite through rules.
func TestConformance(t *testing.T) {
	dir := filepath.Join(moduleDir(t, "github.com/google/jsonschema-go"), "jsonschema", "testdata")
	met := map[string]bool{}
	for draft, address := range map[string]string{"draft7": "http://json-schema.org/draft-07/schema#", "draft2020-12": ""} {
		files, err := filepath.Glob(filepath.Join(dir, draft, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files: %v", draft, err)
		}
		passed, skipped, total := 0, 0, 0
		for _, file := range files {
			for _, group := range readGroups(t, file) {
				name := draft + "/" + filepath.Base(file) + "/" + group.Description
				problems := runGroup(t, group, address)
				total += len(group.Tests)
				reason, skip := schemaSkips[name]
				switch {
				case skip && len(problems) == 0:
					t.Errorf("%s: is skipped (%s), but passes: remove it from the list", name, reason)
				case skip:
					met[name] = true
					skipped += len(group.Tests)
				default:
					passed += len(group.Tests) - len(problems)
					for _, problem := range problems {
						t.Errorf("%s: %s", name, problem)
					}
				}
			}
		}
		t.Logf("JSON Schema %s: %d of %d cases pass, %d are skipped with a reason", draft, passed, total, skipped)
	}
	for name := range schemaSkips {
		if !met[name] {
			t.Errorf("%s is in the skip list, but not in the suite", name)
		}
	}
}

func readGroups(t *testing.T, file string) []schemaGroup {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var groups []schemaGroup
	if err := json.Unmarshal(text, &groups); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return groups
}

// runGroup gives a problem for each case that fails. Address names the draft where the schema does not.
func runGroup(t *testing.T, group schemaGroup, address string) []string {
	t.Helper()
	text := string(group.Schema)
	if address != "" && strings.HasPrefix(text, "{") && !strings.Contains(text, `"$schema"`) {
		text = `{"$schema":"` + address + `"` + map[bool]string{true: "", false: ","}[strings.TrimSpace(text[1:]) == "}"] + text[1:]
	}
	rule := compile(t, text)
	var problems []string
	for _, tc := range group.Tests {
		want := v1alpha1.OutcomeFail
		if tc.Valid {
			want = v1alpha1.OutcomePass
		}
		got := run(t, rule, decode(t, string(tc.Data)))
		if got.Outcome != want {
			problems = append(problems, tc.Description+": got "+string(got.Outcome)+" "+got.Problem+", want "+string(want))
		}
	}
	return problems
}

// moduleDir is where the Go module cache has a module of go.mod.
func moduleDir(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", module, err)
	}
	return strings.TrimSpace(string(out))
}
