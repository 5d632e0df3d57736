package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AcknowledgedByAnnotation on a Check says who has taken its failure on. While it is there, the failure is not announced
// again; a changed verdict is.
const AcknowledgedByAnnotation = "checky.dev/acknowledged-by"

// ToneLabel marks, with the value "true", the ConfigMaps of Checky's own namespace that hold sounds. The alert
// daemon reads no others.
const ToneLabel = "checky.dev/tone"

// AlertPolicySpec says which failures sound, where, when and how. A failure is a Check in phase Failure or Error; its
// severity is that of its alert, the highest among the rules that failed or could not be evaluated.
//
// +kubebuilder:validation:XValidation:rule="!has(self.groupWait) || !has(self.groupInterval) || duration(self.groupWait) <= duration(self.groupInterval)",message="groupInterval must be at least groupWait"
// +kubebuilder:validation:XValidation:rule="!has(self.repeatInterval) || !has(self.groupInterval) || duration(self.repeatInterval) == duration('0s') || duration(self.repeatInterval) >= duration(self.groupInterval)",message="repeatInterval must be 0s, for once, or at least groupInterval"
type AlertPolicySpec struct {
	// Priority decides where several policies select the same failure on the same
	// node: the highest one applies, and of equal ones the first by name. Only
	// one policy announces a failure on a node.
	//
	// +optional
	// +kubebuilder:default=0
	Priority int32 `json:"priority,omitempty"`

	// Selector selects Checks by their labels. Unset or empty: all.
	//
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`

	// NamespaceSelector selects Checks by the labels of their namespaces. Unset
	// or empty: all.
	//
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`

	// NodeSelector selects the nodes that sound, by their labels. Unset or
	// empty: every node with an alert daemon.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=20
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// MinSeverity is the lowest severity that sounds.
	//
	// +optional
	// +kubebuilder:default=error
	MinSeverity Severity `json:"minSeverity,omitempty"`

	// Tones are what is heard for each severity. Where one is unset, info and
	// warning have the pattern low, error has medium and critical has high.
	//
	// +optional
	Tones SeverityTones `json:"tones,omitzero"`

	// RecoveryTone is heard when a Check that was announced passes again. Unset:
	// nothing is.
	//
	// +optional
	RecoveryTone *Tone `json:"recoveryTone,omitempty"`

	// Volume in percent of full scale.
	//
	// +optional
	// +kubebuilder:default=80
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	Volume int32 `json:"volume,omitempty"`

	// GroupWait is how long a first failure waits for others, to be announced
	// together by one tone. A Check that passes again meanwhile is not
	// announced. From 0s to 5m.
	//
	// +optional
	// +kubebuilder:default="1s"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('5m')",message="must be from 0s to 5m"
	GroupWait *metav1.Duration `json:"groupWait,omitempty"`

	// GroupInterval is how long after an announcement new failures of the same
	// policy wait. A worse one than what was announced does not. From 1s to 1h.
	//
	// +optional
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="must be from 1s to 1h"
	GroupInterval *metav1.Duration `json:"groupInterval,omitempty"`

	// RepeatInterval is how long after its announcement a failure that lasts is
	// announced again. 0s: it is announced once. At most 168h.
	//
	// +optional
	// +kubebuilder:default="5m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('0s') && duration(self) <= duration('168h')",message="must be from 0s to 168h"
	RepeatInterval *metav1.Duration `json:"repeatInterval,omitempty"`

	// QuietHours hold announcements back. What still fails at their end is
	// announced then.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	QuietHours []QuietHours `json:"quietHours,omitempty"`
}

// SeverityTones are tones by severity.
type SeverityTones struct {
	// Info is heard for failures of severity info.
	//
	// +optional
	Info *Tone `json:"info,omitempty"`

	// Warning is heard for failures of severity warning.
	//
	// +optional
	Warning *Tone `json:"warning,omitempty"`

	// Error is heard for failures of severity error.
	//
	// +optional
	Error *Tone `json:"error,omitempty"`

	// Critical is heard for failures of severity critical.
	//
	// +optional
	Critical *Tone `json:"critical,omitempty"`
}

// TonePattern names a pattern that ships with Checky.
//
// +kubebuilder:validation:Enum=low;medium;high;recovery
type TonePattern string

// The patterns. `checky-alertd render` writes what each sounds like.
const (
	TonePatternLow      TonePattern = "low"
	TonePatternMedium   TonePattern = "medium"
	TonePatternHigh     TonePattern = "high"
	TonePatternRecovery TonePattern = "recovery"
)

// Tone is what is heard. Exactly one field is set.
//
// +kubebuilder:validation:XValidation:rule="[has(self.pattern), has(self.configMapKeyRef), has(self.file)].filter(x, x).size() == 1",message="set exactly one of pattern, configMapKeyRef and file"
type Tone struct {
	// Pattern is one that ships with Checky.
	//
	// +optional
	Pattern TonePattern `json:"pattern,omitempty"`

	// ConfigMapKeyRef takes a WAV or Ogg Vorbis file from a key of binaryData of
	// a ConfigMap in Checky's own namespace, which is labelled
	// checky.dev/tone: "true".
	//
	// +optional
	ConfigMapKeyRef *KeyReference `json:"configMapKeyRef,omitempty"`

	// File is the name of a WAV or Ogg Vorbis file in the folder of sounds that
	// is mounted into the alert daemon (--tones-dir).
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_][A-Za-z0-9._-]*$`
	File string `json:"file,omitempty"`
}

// DayOfWeek is a day by its English name.
//
// +kubebuilder:validation:Enum=Monday;Tuesday;Wednesday;Thursday;Friday;Saturday;Sunday
type DayOfWeek string

// QuietHours are a span of the clock, on some days, in a time zone. A span
// begins at the first instant of its day at which the clock shows start
// or later, and ends at the first instant thereafter, of that day or the
// next, at which it shows end or later: so it is an hour longer or
// shorter where daylight saving time changes within it.
//
// +kubebuilder:validation:XValidation:rule="self.start != self.end",message="start and end must differ; a whole day is 00:00 to 24:00"
type QuietHours struct {
	// Start is when they begin, as HH:MM from 00:00 to 23:59.
	//
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	Start string `json:"start"`

	// End is when they end, as HH:MM from 00:00 to 24:00. One that is not after
	// start is of the next day.
	//
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`
	End string `json:"end"`

	// Days on which they begin. Unset: every day.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=7
	Days []DayOfWeek `json:"days,omitempty"`

	// TimeZone by its IANA name, for instance Europe/Berlin.
	//
	// +optional
	// +kubebuilder:default=UTC
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	TimeZone string `json:"timeZone,omitempty"`

	// Severities that sound nevertheless.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=4
	Severities []Severity `json:"severities,omitempty"`
}

// AlertPolicyStatus tells whether the policy is in effect.
type AlertPolicyStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks
	// of.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// MatchingChecks is how many Checks fail now that selector,
	// namespaceSelector and minSeverity select. It is counted anew within ten
	// seconds of a change.
	//
	// +optional
	MatchingChecks int32 `json:"matchingChecks"`

	// Conditions hold Ready.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// AlertPolicy says which failures the alert daemons on nodes announce by a
// tone, and when. Where there is none that can be used, failures of
// severity error and critical sound once, on every node with a daemon.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=apol,categories=checky
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Min-Severity",type=string,JSONPath=`.spec.minSeverity`
// +kubebuilder:printcolumn:name="Priority",type=integer,JSONPath=`.spec.priority`
// +kubebuilder:printcolumn:name="Matching",type=integer,JSONPath=`.status.matchingChecks`
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type AlertPolicy struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec says which failures sound, where, when and how.
	//
	// +optional
	Spec AlertPolicySpec `json:"spec,omitzero"`

	// Status tells whether the policy is in effect.
	//
	// +optional
	Status AlertPolicyStatus `json:"status,omitempty"`
}

// AlertPolicyList is a list of AlertPolicies.
//
// +kubebuilder:object:root=true
type AlertPolicyList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []AlertPolicy `json:"items"`
}
