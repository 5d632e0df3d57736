package check

import (
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
)

// Request is one payload to check, or several by the same rules: a batch, which is one Check all the same.
type Request struct {
	// Input is the payload's JSON text: any value, up to rules.MaxPayloadBytes.
	Input []byte
	// Inputs are the payloads of a batch, with or without names: 1 to rules.MaxBatchItems, together up to rules.MaxBatchBytes, and each
	// of them what Input may be. Where it is not nil Input does not count.
	Inputs []engine.Item
	// RuleSets to apply. With neither these nor Rules, the namespace's defaults apply.
	RuleSets []v1alpha1.RuleSetReference
	// Rules of the request's own.
	Rules []v1alpha1.Rule
	// FailOn is the lowest severity that fails the Check. Empty: error.
	FailOn v1alpha1.Severity
	// TTLSeconds is how long the finished Check is kept. Nil: the controller's default.
	TTLSeconds *int32
	// TraceParent is the W3C traceparent to store on the Check; it may be empty.
	TraceParent string
}

// Query says which Checks to list.
type Query struct {
	// Phases to list. Empty: all. A Check whose verdict is on an older spec is pending.
	Phases []v1alpha1.Phase
	// Limit is how many Checks a page has at most: 1 to MaxLimit. 0: DefaultLimit.
	Limit int
	// Cursor is the Next of the page before; empty: begin at the newest.
	Cursor string
}

// The limits of a page.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// Page is a part of an owner's Checks, the newest first.
type Page struct {
	// Checks are shared: nobody may change them.
	Checks []*v1alpha1.Check
	// Next is the cursor of the page that follows; empty: there is none.
	Next string
}

// RuleSet is a rule set that requests can name.
type RuleSet struct {
	// Kind is RuleSet or ClusterRuleSet.
	Kind v1alpha1.RuleSetKind
	// Name of the set.
	Name string
	// Default says that it applies to requests that name no rules.
	Default bool
	// Ready says that every rule compiles.
	Ready bool
	// Rules by name.
	Rules []RuleInfo
	// Errors are the rules that do not compile.
	Errors []v1alpha1.RuleError
}

// RuleInfo is a rule of a set.
type RuleInfo struct {
	// Name of the rule.
	Name string
	// Severity of its failures.
	Severity v1alpha1.Severity
	// Fields are the JSONPaths that it looks at, where its kind can tell.
	Fields []string
}
