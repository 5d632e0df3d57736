package cel_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	_ "cel.dev/expr/conformance/proto2" // messages that the suite's files name
	_ "cel.dev/expr/conformance/proto3"
	"cel.dev/expr/conformance/test"
	"google.golang.org/protobuf/encoding/prototext"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestConformance runs CEL's own suite through rules: a case's expression is compared with its value by a rule, so the rule passes,
// or errors where the suite expects an error. Variables become members of the payload, bound by cel.bind.
func TestConformance(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(moduleDir(t, "cel.dev/expr"), "tests", "simple", "testdata", "*.textproto"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	total, passed := 0, 0
	skipped, met := map[string]int{}, map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		suite := &test.SimpleTestFile{}
		if err := prototext.Unmarshal(text, suite); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, section := range suite.GetSection() {
			for _, tc := range section.GetTest() {
				total++
				name := suite.GetName() + "/" + section.GetName() + "/" + tc.GetName()
				expression, payload, reason := express(tc)
				if reason != "" {
					skipped[reason]++
					continue
				}
				problem := runCase(t, tc, expression, payload)
				if problem == "" {
					passed++
				} else if reason = kindOfCase(suite.GetName(), tc); reason != "" {
					skipped[reason]++
					continue
				}
				reason, skip := celSkips[name]
				switch {
				case skip && problem == "":
					t.Errorf("%s: is skipped (%s), but passes: remove it from the list", name, reason)
				case skip:
					met[name] = true
					skipped[reason]++
				case problem != "":
					t.Errorf("%s: %s: %s", name, expression, problem)
				}
			}
		}
	}
	for name := range celSkips {
		if !met[name] {
			t.Errorf("%s is in the skip list, but not in the suite", name)
		}
	}
	t.Logf("CEL: %d of %d cases pass", passed, total)
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		t.Logf("CEL: %d cases are skipped: %s", skipped[reason], reason)
	}
}

var protobuf = regexp.MustCompile(`TestAllTypes|TestRequired|google\.protobuf|Enum|cel\.\s*expr|proto\.(has|get)Ext`)

// kindOfCase gives the reason why a case that fails is of no concern to rules, or "".
func kindOfCase(file string, tc *test.SimpleTest) string {
	switch {
	case celFiles[file] != "":
		return celFiles[file]
	case tc.GetDisableCheck():
		return "it needs the type checker switched off, and rules always use it"
	case tc.GetContainer() != "" || protobuf.MatchString(tc.GetExpr()):
		return "it is about protobuf messages or containers, and payloads are JSON"
	}
	return ""
}

// runCase says what is wrong, or "".
func runCase(t *testing.T, tc *test.SimpleTest, expression, payload string) string {
	t.Helper()
	rule := compile(t, v1alpha1.Rule{CEL: &v1alpha1.CELRule{Expression: expression}})
	got := run(t, rule, decode(t, payload))
	want := v1alpha1.OutcomePass
	if tc.GetEvalError() != nil {
		want = v1alpha1.OutcomeError
	}
	if got.Outcome != want {
		return fmt.Sprintf("got %s %s, want %s", got.Outcome, got.Problem, want)
	}
	return ""
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

// express writes a case as a rule's expression and payload. It gives the reason where that is not possible.
func express(tc *test.SimpleTest) (expression, payload, reason string) {
	switch {
	case tc.GetCheckOnly() || tc.GetTypedResult() != nil && tc.GetTypedResult().GetResult() == nil:
		return "", "", "it is about the type checker alone"
	case tc.GetDisableMacros():
		return "", "", "it needs macros switched off, and rules always have them"
	case tc.GetUnknown() != nil || tc.GetAnyUnknowns() != nil:
		return "", "", "it is about unknown values, and a payload is known"
	}
	expression = "(\n" + tc.GetExpr() + "\n)"
	if tc.GetEvalError() == nil && tc.GetAnyEvalErrors() == nil {
		value := tc.GetValue()
		if tc.GetTypedResult() != nil {
			value = tc.GetTypedResult().GetResult()
		}
		literal, ok := "true", true
		if value != nil {
			literal, ok = celLiteral(value)
		}
		if !ok {
			return "", "", "its value is a protobuf message or no number, and has no literal to compare with"
		}
		expression = "dyn" + expression + " == " + literal
	} else {
		expression = "dyn" + expression + " == true"
	}
	var members []string
	for _, name := range slices.Sorted(maps.Keys(tc.GetBindings())) {
		text, ok := jsonText(tc.GetBindings()[name].GetValue())
		if !ok || strings.Contains(name, ".") {
			return "", "", "its variables are not JSON values"
		}
		members = append(members, strconv.Quote(name)+": "+text)
		expression = fmt.Sprintf("cel.bind(%s, input[%q], %s)", name, name, expression)
	}
	if len(tc.GetTypeEnv()) > len(tc.GetBindings()) {
		return "", "", "it declares variables without a value, or functions"
	}
	return expression, "{" + strings.Join(members, ", ") + "}", ""
}
