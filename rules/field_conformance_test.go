package rules_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// pathCase is one case of the JSONPath Compliance Test Suite.
type pathCase struct {
	Name            string            `json:"name"`
	Selector        string            `json:"selector"`
	Document        json.RawMessage   `json:"document"`
	Result          json.RawMessage   `json:"result"`
	Results         []json.RawMessage `json:"results"` // any of them, where the standard leaves the order open
	InvalidSelector bool              `json:"invalid_selector"`
}

// pathSkips are the cases that fields refuse although they are JSONPath, and why. A case here that passes fails the
// test.
var pathSkips = map[string]string{
	"filter, nested":                                  nestedFilter,
	"filter, equals, special nothing":                 descendantInFilter,
	"functions, count, count function":                descendantInFilter,
	"functions, length, arg is a function expression": descendantInFilter,
	"functions, match, regex from the document":       dynamicRegex,
	"functions, match, arg is a function expression":  dynamicRegex,
	"functions, search, regex from the document":      dynamicRegex,
	"functions, search, arg is a function expression": dynamicRegex,
}

const (
	nestedFilter       = "a filter inside a filter takes time in the square of the payload's size, so fields refuse it"
	descendantInFilter = "a descendant segment inside a filter takes time in the square of the payload's size, so fields refuse it"
	dynamicRegex       = "a regular expression from the payload has no bounded cost, so fields refuse it"
)

// TestFieldConformance runs the suite through CompileField and Each, as rules use them. Fields visit values in the order of their
// paths, not of the selectors, so that findings come in one order; such cases compare as bags of values, and are counted.
func TestFieldConformance(t *testing.T) {
	text, err := os.ReadFile("testdata/jsonpath-compliance-test-suite/cts.json")
	if err != nil {
		t.Fatal(err)
	}
	var suite struct {
		Tests []pathCase `json:"tests"`
	}
	if err := json.Unmarshal(text, &suite); err != nil {
		t.Fatal(err)
	}
	passed, reordered, skipped := 0, 0, 0
	for _, tc := range suite.Tests {
		reason, skip := pathSkips[tc.Name]
		problem, inOrder := runPathCase(tc)
		if problem == "" && !inOrder {
			reordered++
		}
		switch {
		case skip && problem == "":
			t.Errorf("%s: is skipped (%s), but passes: remove it from the list", tc.Name, reason)
		case skip:
			skipped++
		case problem != "":
			t.Errorf("%s: %s: %s", tc.Name, tc.Selector, problem)
		default:
			passed++
		}
	}
	if skipped != len(pathSkips) {
		t.Errorf("%d cases of the skip list are not in the suite", len(pathSkips)-skipped)
	}
	t.Logf("JSONPath compliance: %d of %d cases pass (%d of them in the order of paths, not of selectors), %d are skipped with a reason", passed, len(suite.Tests), reordered, skipped)
}

// runPathCase says what is wrong, or "", and whether the order is the suite's.
func runPathCase(tc pathCase) (problem string, inOrder bool) {
	field, err := rules.CompileField(tc.Selector)
	if tc.InvalidSelector {
		if err == nil {
			return "an invalid path compiles", true
		}
		return "", true
	}
	if err != nil {
		return err.Error(), true
	}
	payload, err := rules.Decode(tc.Document)
	if err != nil {
		return err.Error(), true
	}
	selected, err := everyNode(payload, field)
	if err != nil {
		return err.Error(), true
	}
	allowed := tc.Results
	if tc.Result != nil {
		allowed = append(allowed, tc.Result)
	}
	for _, one := range allowed {
		want, err := rules.Decode(one)
		if err != nil {
			return err.Error(), true
		}
		if rules.Equal(want.Root(), selected) {
			return "", true
		}
		if cmp.Equal(bag(want.Root().([]any)), bag(selected)) {
			return "", false
		}
	}
	return "selected " + string(rules.Canonical(selected)), true
}

// bag is a list's values in an order of their own.
func bag(values []any) []string {
	texts := make([]string, len(values))
	for i, value := range values {
		texts[i] = string(rules.Canonical(value))
	}
	slices.Sort(texts)
	return texts
}

// everyNode gives what a field selects, from within a rule, since a call belongs to one. It tries again where the machine was too busy
// to end the rule in its time.
func everyNode(payload *rules.Payload, field *rules.Field) ([]any, error) {
	var report rules.Report
	for range 20 {
		selected := []any{}
		module := rules.Module{Name: "visit", Compile: func(*rules.Params) (rules.Checker, error) {
			return &rules.EachValue{Field: field, Test: func(_ *rules.Call, n rules.Node) error {
				selected = append(selected, n.Value)
				return nil
			}}, nil
		}}
		compiler := rules.NewCompiler([]rules.Module{module}, nil, nil, nil)
		set := compiler.Compile("", []v1alpha1.Rule{{Name: "r", Module: &v1alpha1.ModuleRule{Name: module.Name}}})
		report = set.Rules[0].Evaluate(rules.NewCall(context.Background(), payload, time.Now()))
		if report.Problem == "" {
			return selected, nil
		}
		if !report.TimedOut {
			break
		}
	}
	return nil, errors.New(report.Problem)
}
