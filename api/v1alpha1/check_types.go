package v1alpha1

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OwnerLabel on a Check names whose it is, where several callers share a
// namespace through the REST facade: an account's ID, or a digest of a
// ServiceAccount's name.
const OwnerLabel = "checky.dev/owner"

// Phase is the verdict in one word.
//
// +kubebuilder:validation:Enum=Pending;Success;Failure;Error
type Phase string

// The phases. Error means that the Check could not be evaluated in full;
// it is never a pass.
const (
	PhasePending Phase = "Pending"
	PhaseSuccess Phase = "Success"
	PhaseFailure Phase = "Failure"
	PhaseError   Phase = "Error"
)

// Finished says whether the phase is a verdict, as opposed to work still
// to be done.
func (p Phase) Finished() bool {
	return p == PhaseSuccess || p == PhaseFailure || p == PhaseError
}

// Outcome is what became of one rule.
//
// +kubebuilder:validation:Enum=pass;fail;warn;skip;error
type Outcome string

// The outcomes, in the words of the policy reports' API. A rule that fails
// below the Check's failOn warns; one whose when guard is false is
// skipped; one that could not be evaluated is an error.
const (
	OutcomePass  Outcome = "pass"
	OutcomeFail  Outcome = "fail"
	OutcomeWarn  Outcome = "warn"
	OutcomeSkip  Outcome = "skip"
	OutcomeError Outcome = "error"
)

// CheckSpec says what to check and by which rules.
//
// +kubebuilder:validation:XValidation:rule="[has(self.inputFrom), has(self.inputJSON), has(self.inputs)].filter(x, x).size() <= 1",message="set exactly one of input, inputs, inputFrom and inputJSON"
// +kubebuilder:validation:XValidation:rule="!has(self.ruleSets) || self.ruleSets.all(a, self.ruleSets.exists_one(b, a.name == b.name))",message="ruleSets must not name a RuleSet and a ClusterRuleSet of the same name"
type CheckSpec struct {
	// Input is the payload: any JSON value, up to 256 KiB and 64 levels deep.
	// The Kubernetes API server keeps integers of up to 64 bits and other
	// numbers as 64-bit floating point; where more digits matter, give the
	// payload as text in inputJSON or inputFrom. Exactly one of input, inputs,
	// inputFrom and inputJSON is set.
	//
	// +optional
	// +nullable
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:pruning:PreserveUnknownFields
	Input JSON `json:"input,omitzero"`

	// InputJSON is the payload as JSON text, every digit kept. Exactly one of
	// input, inputs, inputFrom and inputJSON is set.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=262144
	InputJSON string `json:"inputJSON,omitempty"`

	// InputFrom takes the payload from an object of the same namespace. The
	// Check is evaluated again when that object changes. Exactly one of input,
	// inputs, inputFrom and inputJSON is set.
	//
	// +optional
	InputFrom *InputSource `json:"inputFrom,omitempty"`

	// Inputs are several payloads, which the same rules are run over: a batch. Each
	// has a verdict of its own in status.batch. Together their texts have at most
	// 768 KiB. Exactly one of input, inputs, inputFrom and inputJSON is set.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=1000
	Inputs []BatchInput `json:"inputs,omitempty"`

	// RuleSets are the sets whose rules apply, each a RuleSet of the same
	// namespace or a ClusterRuleSet. With neither ruleSets nor rules, the
	// namespace's RuleSets annotated checky.dev/default: "true" apply; it is
	// an error if there are none.
	//
	// +optional
	// +listType=map
	// +listMapKey=kind
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=20
	RuleSets []RuleSetReference `json:"ruleSets,omitempty"`

	// Rules are rules of this Check's own, besides those of its rule sets.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=100
	Rules []Rule `json:"rules,omitempty"`

	// FailOn is the lowest severity that fails the Check. A rule of a lower
	// severity that fails is a warning.
	//
	// +optional
	// +kubebuilder:default=error
	FailOn Severity `json:"failOn,omitempty"`

	// TTLSecondsAfterFinished is how many seconds the Check is kept after it
	// got its verdict; it is then deleted. Unset: the controller's default. 0:
	// deleted at once.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	TTLSecondsAfterFinished *int32 `json:"ttlSecondsAfterFinished,omitempty"`

	// Suspend holds the evaluation back while it is true. A verdict that is
	// already there stays.
	//
	// +optional
	Suspend bool `json:"suspend,omitempty"`
}

// InputsGiven counts which of input, inputs, inputFrom and inputJSON are set.
// One is right.
func (s *CheckSpec) InputsGiven() int {
	given := 0
	for _, set := range []bool{!s.Input.IsZero(), len(s.Inputs) > 0, s.InputJSON != "", s.InputFrom != nil} {
		if set {
			given++
		}
	}
	return given
}

// InputText is the one payload that the spec itself holds; it is empty where
// inputFrom names another place, and where inputs holds several.
func (s *CheckSpec) InputText() []byte {
	if s.InputJSON != "" {
		return []byte(s.InputJSON)
	}
	return s.Input.Raw
}

// InputSource is where a payload comes from. Exactly one field is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.resourceRef)].filter(x, x).size() == 1",message="set exactly one of configMapKeyRef, secretKeyRef and resourceRef"
type InputSource struct {
	// ConfigMapKeyRef takes one key of a ConfigMap, as JSON text.
	//
	// +optional
	ConfigMapKeyRef *KeyReference `json:"configMapKeyRef,omitempty"`

	// SecretKeyRef takes one key of a Secret, as JSON text. Its values never
	// appear in status, events or logs: messages say what was expected, and
	// mask what was found.
	//
	// +optional
	SecretKeyRef *KeyReference `json:"secretKeyRef,omitempty"`

	// ResourceRef takes a whole namespaced object as the payload. The
	// controller must have been allowed to get, list and watch that kind.
	//
	// +optional
	ResourceRef *ResourceReference `json:"resourceRef,omitempty"`
}

// KeyReference names a key of a ConfigMap or Secret in the Check's
// namespace.
type KeyReference struct {
	// Name of the object.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`

	// Key in its data.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Key string `json:"key"`
}

// ResourceReference names an object of any namespaced kind in the Check's
// namespace.
type ResourceReference struct {
	// APIVersion of the object, for instance apps/v1.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=317
	APIVersion string `json:"apiVersion"`

	// Kind of the object, for instance Deployment.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind"`

	// Name of the object.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// RuleSetReference names a RuleSet of the Check's namespace, or a
// ClusterRuleSet.
type RuleSetReference struct {
	// Kind is RuleSet or ClusterRuleSet.
	//
	// +optional
	// +kubebuilder:default=RuleSet
	Kind RuleSetKind `json:"kind,omitempty"`

	// Name of the set.
	//
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// Verdict is the outcome of one evaluation: a function of the payload, the
// rules and the knowledge file alone, so the controller, the facade and
// the command line give the same bytes for the same input.
type Verdict struct {
	// Phase is the verdict in one word: Pending, Success, Failure or Error.
	// Failure: a rule at or above failOn failed. Error: none failed, but at
	// least one could not be evaluated.
	//
	// +optional
	Phase Phase `json:"phase,omitempty"`

	// RulesApplied names the rules that apply, in alphabetical order, as
	// SET/RULE; a rule of the Check's own goes by its name alone.
	//
	// +optional
	// +listType=atomic
	RulesApplied []string `json:"rulesApplied,omitempty"`

	// RuleCount is how many rules apply: the length of rulesApplied.
	//
	// +optional
	RuleCount int32 `json:"ruleCount,omitempty"`

	// Summary counts the rules by outcome. It is exact, also where results is
	// cut.
	//
	// +optional
	Summary *Summary `json:"summary,omitempty"`

	// Results are the findings, the worst first: at most 100, and at most 20
	// of one rule. A rule that passed, was skipped or could not be evaluated
	// has one result; a rule that failed has one for each place in the
	// payload.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=100
	Results []Result `json:"results,omitempty"`

	// Truncated is how many results were left out.
	//
	// +optional
	Truncated int32 `json:"truncated,omitempty"`

	// Passages are the lines of the knowledge file that the explanation cites.
	//
	// +optional
	// +listType=atomic
	Passages []Passage `json:"passages,omitempty"`

	// Explanation tells the verdict to a person: what failed, where, why it
	// matters and what to do.
	//
	// +optional
	Explanation string `json:"explanation,omitempty"`

	// InputDigest is the SHA-256 of the payload in canonical form, as
	// sha256:HEX: the order of members, white space and the spelling of
	// numbers do not change it. It is absent where the payload comes from a
	// Secret, since it would let a guess be confirmed. Of a batch it is the
	// SHA-256 of the payloads' digests, a line for each.
	//
	// +optional
	InputDigest string `json:"inputDigest,omitempty"`

	// RulesDigest is the SHA-256 of the rules that applied and of failOn, as
	// sha256:HEX.
	//
	// +optional
	RulesDigest string `json:"rulesDigest,omitempty"`

	// Alert is what an alert daemon needs to know. It is there unless the
	// verdict is Success or Pending.
	//
	// +optional
	Alert *Alert `json:"alert,omitempty"`

	// Batch is what became of each of several payloads. Where it is there,
	// summary counts rules over all of them, results is empty, and phase is
	// Failure if one payload is, else Error if one is.
	//
	// +optional
	Batch *BatchVerdict `json:"batch,omitempty"`
}

// FailedRules names the rules that failed or could not be evaluated, each
// once, in the order of results; of a batch, in the order of its items.
func (v *Verdict) FailedRules() []string {
	var names []string
	add := func(results []Result) {
		for i := range results {
			r := &results[i]
			if (r.Outcome == OutcomeFail || r.Outcome == OutcomeError) && !slices.Contains(names, r.Rule) {
				names = append(names, r.Rule)
			}
		}
	}
	add(v.Results)
	if v.Batch != nil {
		for i := range v.Batch.Items {
			add(v.Batch.Items[i].Results)
		}
	}
	return names
}

// Summary counts rules by outcome.
type Summary struct {
	// Pass is how many rules passed.
	Pass int32 `json:"pass"`
	// Fail is how many rules failed at or above failOn.
	Fail int32 `json:"fail"`
	// Warn is how many rules failed below failOn.
	Warn int32 `json:"warn"`
	// Skip is how many rules were skipped by their when guard.
	Skip int32 `json:"skip"`
	// Error is how many rules could not be evaluated.
	Error int32 `json:"error"`
}

// Result is one finding.
type Result struct {
	// Rule is the rule's name as SET/RULE.
	Rule string `json:"rule"`

	// Outcome is pass, fail, warn, skip or error.
	Outcome Outcome `json:"outcome"`

	// Severity is the rule's severity.
	Severity Severity `json:"severity"`

	// Message says what was expected and what was found. Long values are cut,
	// secret ones masked.
	//
	// +optional
	Message string `json:"message,omitempty"`

	// Path is where in the payload, as an RFC 6901 JSON Pointer. It is absent
	// where the whole payload is meant.
	//
	// +optional
	Path string `json:"path,omitempty"`

	// Passages are the IDs of the passages that help with this finding.
	//
	// +optional
	// +listType=atomic
	Passages []string `json:"passages,omitempty"`
}

// Passage is a line of the knowledge file.
type Passage struct {
	// ID is the file's name and the line's number, for instance
	// rag-content.txt:42.
	ID string `json:"id"`

	// Title is the heading that the line stands under.
	//
	// +optional
	Title string `json:"title,omitempty"`

	// Text is the line.
	Text string `json:"text"`
}

// Alert identifies a failure. It depends on facts alone, so a changed
// wording never alerts again.
type Alert struct {
	// Key is a SHA-256 over the phase and, for each rule that failed or could
	// not be evaluated, its name, outcome, severity and paths, as sha256:HEX;
	// of a batch, for each such payload, over its place and its own key.
	Key string `json:"key"`

	// Severity is the highest severity among those rules.
	Severity Severity `json:"severity"`
}

// CheckStatus is the verdict and how it came about.
type CheckStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks
	// of.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	Verdict `json:",inline"`

	// StartTime is when the evaluation began.
	//
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// CompletionTime is when the verdict was reached.
	//
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`

	// Conditions hold Complete, Passed and Explained, and Stalled only while
	// it is true.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Check asks for a verdict on a payload.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=chk,categories=checky
// +kubebuilder:selectablefield:JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Phase",type=string,JSONPath=`.status.phase`
// +kubebuilder:printcolumn:name="Rules",type=integer,JSONPath=`.status.ruleCount`
// +kubebuilder:printcolumn:name="Failed",type=integer,JSONPath=`.status.summary.fail`
// +kubebuilder:printcolumn:name="Explanation",type=string,JSONPath=`.status.explanation`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Check struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says what to check and by which rules.
	Spec CheckSpec `json:"spec"`

	// Status is the verdict.
	//
	// +optional
	// +kubebuilder:default={"observedGeneration":-1,"phase":"Pending"}
	Status CheckStatus `json:"status,omitempty"`
}

// CheckList is a list of Checks.
//
// +kubebuilder:object:root=true
type CheckList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Check `json:"items"`
}
