package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// SilenceSpec says what is silent, and until when.
//
// +kubebuilder:validation:XValidation:rule="!(has(self.checks) && has(self.selector))",message="set at most one of checks and selector"
// +kubebuilder:validation:XValidation:rule="!has(self.startsAt) || self.endsAt > self.startsAt",message="endsAt must be after startsAt"
type SilenceSpec struct {
	// Checks are the names of the Checks that are silent. At most one of checks
	// and selector is set; with neither, all Checks of the namespace are.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=253
	Checks []string `json:"checks,omitempty"`

	// Selector selects the Checks that are silent by their labels.
	//
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`

	// Severities that are silent. Unset: all.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	Severities []Severity `json:"severities,omitempty"`

	// StartsAt is when it begins. Unset: at once.
	//
	// +optional
	StartsAt *metav1.Time `json:"startsAt,omitempty"`

	// EndsAt is when it ends. What still fails then, and was not announced
	// before, is announced.
	EndsAt metav1.Time `json:"endsAt"`

	// CreatedBy is who asked for silence.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=256
	CreatedBy string `json:"createdBy,omitempty"`

	// Comment is why.
	//
	// +optional
	// +kubebuilder:validation:MaxLength=1024
	Comment string `json:"comment,omitempty"`
}

// SilenceState is where a Silence stands in its life.
//
// +kubebuilder:validation:Enum=Pending;Active;Expired
type SilenceState string

// The states, in Alertmanager's words.
const (
	SilencePending SilenceState = "Pending"
	SilenceActive  SilenceState = "Active"
	SilenceExpired SilenceState = "Expired"
)

// SilenceStatus tells where the Silence stands.
type SilenceStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks
	// of.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// State is Pending before startsAt, Active until endsAt, then Expired. An
	// expired Silence is deleted a day after its end.
	//
	// +optional
	State SilenceState `json:"state,omitempty"`

	// Conditions hold Ready.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Silence keeps failing Checks of its namespace from being announced until
// it ends.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:categories=checky
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Ends",type=string,format=date-time,JSONPath=`.spec.endsAt`
// +kubebuilder:printcolumn:name="Created-By",type=string,JSONPath=`.spec.createdBy`
// +kubebuilder:printcolumn:name="Comment",type=string,JSONPath=`.spec.comment`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Silence struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says what is silent, and until when.
	Spec SilenceSpec `json:"spec"`

	// Status tells where the Silence stands.
	//
	// +optional
	Status SilenceStatus `json:"status,omitempty"`
}

// SilenceList is a list of Silences.
//
// +kubebuilder:object:root=true
type SilenceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Silence `json:"items"`
}
