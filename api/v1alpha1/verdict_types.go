package v1alpha1

import "slices"

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
