package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// OwnerLabel on a Check names whose it is, where several callers share a
// namespace through the REST facade: an account's ID, or a digest of a
// ServiceAccount's name.
const OwnerLabel = "checky.dev/owner"

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
