package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DefaultRuleSetAnnotation set to "true" on a RuleSet makes it apply to
// every Check of its namespace that names no rules of its own.
const DefaultRuleSetAnnotation = "checky.dev/default"

// Severity says how much a failed rule matters. A Check fails when a rule
// at or above its spec.failOn fails; below it, the rule's outcome is a
// warning.
//
// +kubebuilder:validation:Enum=info;warning;error;critical
type Severity string

// The severities, lowest first.
const (
	SeverityInfo     Severity = "info"
	SeverityWarning  Severity = "warning"
	SeverityError    Severity = "error"
	SeverityCritical Severity = "critical"
)

// Rule is one statement about a payload. Exactly one of module, cel and
// jsonSchema says how it is decided.
//
// +kubebuilder:validation:XValidation:rule="[has(self.module), has(self.cel), has(self.jsonSchema)].filter(x, x).size() == 1",message="set exactly one of module, cel and jsonSchema"
type Rule struct {
	// Name identifies the rule; it is unique in its set. Results show it as
	// SET/NAME.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`

	// Severity says how much a failure of this rule matters.
	//
	// +optional
	// +kubebuilder:default=error
	Severity Severity `json:"severity,omitempty"`

	// When is a CEL expression that guards the rule. It sees input (the
	// payload) and now (the time of the evaluation). If it is false, the
	// rule's outcome is skip. If it cannot be evaluated, for instance because
	// it reads a field that the payload does not have, the outcome is error;
	// guard with has().
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	When string `json:"when,omitempty"`

	// Module runs one of Checky's built-in modules, such as range, pattern or
	// format.
	//
	// +optional
	Module *ModuleRule `json:"module,omitempty"`

	// CEL decides the rule by a Common Expression Language expression.
	//
	// +optional
	CEL *CELRule `json:"cel,omitempty"`

	// JSONSchema validates the whole payload against a JSON Schema: draft
	// 2020-12 unless $schema names draft-04, draft-06, draft-07 or 2019-09. A
	// $ref must stay within the schema.
	//
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	JSONSchema JSON `json:"jsonSchema,omitzero"`

	// Message replaces the message that the rule's own kind would give on
	// failure. It is shown as it is; what was found is added to the result
	// beside it.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// Explain steers the search of the knowledge file for this rule's
	// failures.
	//
	// +optional
	Explain *Explain `json:"explain,omitempty"`
}

// ModuleRule names a built-in module and its parameters. `checky rules`
// lists them all.
type ModuleRule struct {
	// Name of the module, for instance range.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`

	// Params are the module's parameters. Every module takes field, an RFC
	// 9535 JSONPath such as $.items[*].price, and applies to each value that
	// it selects. An unknown parameter is an error.
	//
	// +optional
	// +kubebuilder:validation:Type=object
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Params JSON `json:"params,omitzero"`
}

// CELRule decides a rule by an expression.
type CELRule struct {
	// Expression is a CEL expression that gives a bool: true passes. It sees
	// input (the payload) and now (the time of the evaluation).
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	Expression string `json:"expression"`

	// MessageExpression is a CEL expression that gives the failure's message
	// as a string. It is not used where the payload comes from a Secret, since
	// it could quote a secret value.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=4096
	MessageExpression string `json:"messageExpression,omitempty"`
}

// Explain steers retrieval for a rule.
type Explain struct {
	// Query is searched for in the knowledge file when the rule fails, in
	// place of words taken from the rule and its message.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	Query string `json:"query"`
}

// RuleSetSpec is a list of rules that are used together.
type RuleSetSpec struct {
	// Rules are evaluated independently of each other. Their order has no
	// meaning: results are ordered by what became of a rule, its severity and
	// its name.
	//
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	Rules []Rule `json:"rules"`
}

// RuleSetStatus says whether the rules compile.
type RuleSetStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks
	// of.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// RuleCount is how many rules the set has, including those that do not
	// compile.
	//
	// +optional
	RuleCount int32 `json:"ruleCount"`

	// Errors lists the rules that do not compile, and why.
	//
	// +optional
	// +listType=map
	// +listMapKey=rule
	Errors []RuleError `json:"errors,omitempty"`

	// Conditions hold Ready.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// RuleError is a rule that does not compile.
type RuleError struct {
	// Rule is the rule's name.
	Rule string `json:"rule"`

	// Message says what is wrong, where, and what to write instead.
	Message string `json:"message"`
}

// RuleSet holds rules for the Checks of its namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=rset,categories=checky
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Rules",type=integer,JSONPath=`.status.ruleCount`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type RuleSet struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec holds the rules.
	Spec RuleSetSpec `json:"spec"`

	// Status says whether they compile.
	//
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status RuleSetStatus `json:"status,omitempty"`
}

// RuleSetList is a list of RuleSets.
//
// +kubebuilder:object:root=true
type RuleSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []RuleSet `json:"items"`
}

// ClusterRuleSet holds rules for the Checks of every namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=crset,categories=checky
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Rules",type=integer,JSONPath=`.status.ruleCount`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ClusterRuleSet struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec holds the rules.
	Spec RuleSetSpec `json:"spec"`

	// Status says whether they compile.
	//
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status RuleSetStatus `json:"status,omitempty"`
}

// ClusterRuleSetList is a list of ClusterRuleSets.
//
// +kubebuilder:object:root=true
type ClusterRuleSetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []ClusterRuleSet `json:"items"`
}

// RuleSetKind is the kind of a RuleSet reference.
//
// +kubebuilder:validation:Enum=RuleSet;ClusterRuleSet
type RuleSetKind string

// The kinds a reference can name.
const (
	KindRuleSet        RuleSetKind = "RuleSet"
	KindClusterRuleSet RuleSetKind = "ClusterRuleSet"
)
