package route

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// RuleSetList are the rule sets that can be asked for.
type RuleSetList struct {
	RuleSets []RuleSet `json:"rule_sets" doc:"The rule sets, by kind and name."`
}

// RuleSet is one of them.
type RuleSet struct {
	Kind    v1alpha1.RuleSetKind `json:"kind" enum:"RuleSet,ClusterRuleSet" doc:"RuleSet, or ClusterRuleSet: one that holds in every namespace."`
	Name    string               `json:"name" doc:"What to give in rule_sets." example:"orders"`
	Default bool                 `json:"default" doc:"It applies to requests that name no rules."`
	Ready   bool                 `json:"ready" doc:"Every rule compiles."`
	Rules   []RuleSetRule        `json:"rules" doc:"Its rules, sorted by name."`
	Errors  []RuleSetError       `json:"errors,omitempty" doc:"The rules that do not compile, and why."`
}

// RuleSetRule is a rule of a set.
type RuleSetRule struct {
	Name     string            `json:"name" doc:"The rule's name in its set." example:"amount-range"`
	Severity v1alpha1.Severity `json:"severity" enum:"info,warning,error,critical" doc:"How much a failure matters."`
	Fields   []string          `json:"fields" doc:"The fields of the payload that it looks at, as JSONPath (RFC 9535); none where that cannot be told, as for a JSON Schema." example:"[\"$.amount\"]"`
}

// RuleSetError is a rule that does not compile.
type RuleSetError struct {
	Rule    string `json:"rule" doc:"The rule."`
	Message string `json:"message" doc:"What is wrong with it."`
}

type ruleSetsOutput struct {
	Age  string `header:"Age" doc:"How old the answer may be, in seconds, while the Kubernetes API cannot be reached."`
	Body RuleSetList
}

// listRuleSets tells what can be asked for.
func (a *api) listRuleSets(ctx context.Context, _ *struct{}) (*ruleSetsOutput, error) {
	sets, err := a.checks.RuleSets(ctx)
	if err != nil {
		return nil, err
	}
	out := &ruleSetsOutput{Age: a.age(), Body: RuleSetList{RuleSets: make([]RuleSet, len(sets))}}
	for i, s := range sets {
		shown := RuleSet{Kind: s.Kind, Name: s.Name, Default: s.Default, Ready: s.Ready, Rules: make([]RuleSetRule, len(s.Rules))}
		for j, r := range s.Rules {
			shown.Rules[j] = RuleSetRule{Name: r.Name, Severity: r.Severity, Fields: r.Fields}
		}
		for _, e := range s.Errors {
			shown.Errors = append(shown.Errors, RuleSetError(e))
		}
		out.Body.RuleSets[i] = shown
	}
	return out, nil
}

func (a *api) addRuleSets() {
	add(a, route{
		Operation: huma.Operation{
			OperationID: "list-rule-sets", Method: http.MethodGet, Path: "/v1/rule-sets", Tags: []string{"Checks"},
			Summary:     "List rule sets",
			Description: "The rule sets that a request can name, with the fields that each rule looks at.",
		},
		verb: "list",
	}, a.listRuleSets)
}
