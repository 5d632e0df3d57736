package v1alpha1

// Conditions of a Check.
const (
	// ConditionComplete is True once there is a verdict for the current spec, whatever it is. False
	// means that it is still to come; the reason says what it waits for. Always present after the first
	// look at the Check. `kubectl wait --for=condition=Complete` waits for it.
	ConditionComplete = "Complete"

	// ConditionPassed is True for Success, False for Failure and Unknown for Error and Pending.
	// Always present.
	ConditionPassed = "Passed"

	// ConditionExplained is True when the explanation was written with the knowledge file at hand,
	// whether or not a passage was found that helps; False when retrieval failed or ran out
	// of time, in which case the verdict stands without passages. Present once there is a verdict.
	ConditionExplained = "Explained"

	// ConditionStalled is True while the Check waits for something that only a person can mend, such
	// as a rule set or an input that is not there. It is removed otherwise (kstatus).
	ConditionStalled = "Stalled"
)

// ConditionReady of a RuleSet or ClusterRuleSet is True when every rule compiles, and False
// otherwise; status.errors then lists which do not. Of an AlertPolicy it is True when the alert daemons can use all of it, and of a
// Silence when its selector can be used; the message says what to mend. Always present after the first look.
const ConditionReady = "Ready"

// Reasons of a Check's conditions.
const (
	// ReasonEvaluated: every rule was evaluated (Complete).
	ReasonEvaluated = "Evaluated"
	// ReasonRulesPassed: no rule at or above failOn failed (Passed).
	ReasonRulesPassed = "RulesPassed"
	// ReasonRulesFailed: a rule at or above failOn failed (Passed).
	ReasonRulesFailed = "RulesFailed"
	// ReasonRulesErrored: none failed, but at least one rule could not be evaluated (Passed).
	ReasonRulesErrored = "RulesErrored"
	// ReasonNoRules: the Check names no rules and its namespace has no default RuleSet (Complete, Passed).
	ReasonNoRules = "NoRules"
	// ReasonTooManyRules: the rule sets together hold more rules than one Check may run.
	ReasonTooManyRules = "TooManyRules"
	// ReasonInvalidInput: the payload is not JSON, or is past a limit.
	ReasonInvalidInput = "InvalidInput"
	// ReasonInvalidSpec: the spec contradicts itself, for instance by two inputs.
	ReasonInvalidSpec = "InvalidSpec"
	// ReasonRuleSetNotFound: waiting for a rule set that is not there.
	ReasonRuleSetNotFound = "RuleSetNotFound"
	// ReasonInputNotFound: waiting for an input object or key that is not there.
	ReasonInputNotFound = "InputNotFound"
	// ReasonInputForbidden: the controller is not allowed to read the input's kind.
	ReasonInputForbidden = "InputForbidden"
	// ReasonSuspended: spec.suspend holds the evaluation back.
	ReasonSuspended = "Suspended"
	// ReasonPending: evaluation has not begun.
	ReasonPending = "Pending"
	// ReasonPassagesCited: the explanation cites the knowledge file (Explained).
	ReasonPassagesCited = "PassagesCited"
	// ReasonNothingRelevant: nothing in the knowledge file helps with what failed (Explained).
	ReasonNothingRelevant = "NothingRelevant"
	// ReasonNothingToExplain: every rule passed (Explained).
	ReasonNothingToExplain = "NothingToExplain"
	// ReasonRetrievalFailed: the knowledge file could not be searched (Explained).
	ReasonRetrievalFailed = "RetrievalFailed"
)

// Reasons of a rule set's Ready condition.
const (
	// ReasonCompiled: every rule compiles.
	ReasonCompiled = "Compiled"
	// ReasonInvalidRules: at least one rule does not compile.
	ReasonInvalidRules = "InvalidRules"
)

// Reasons of the Ready condition of an AlertPolicy or a Silence.
const (
	// ReasonValid: it can be used as it stands.
	ReasonValid = "Valid"
	// ReasonInvalidPolicy: the spec cannot work, for instance for an unknown time zone. The alert daemons leave the policy out.
	ReasonInvalidPolicy = "InvalidPolicy"
	// ReasonToneNotFound: a ConfigMap or key that a tone names is not there, or is not labelled. The pattern of the severity is heard instead.
	ReasonToneNotFound = "ToneNotFound"
	// ReasonInvalidTone: a file that a tone names is no WAV or Ogg Vorbis file that can be played. The pattern of the severity is heard instead.
	ReasonInvalidTone = "InvalidTone"
	// ReasonInvalidSilence: the spec cannot work. Nothing is silent by it.
	ReasonInvalidSilence = "InvalidSilence"
)
