package route

import (
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/engine"
)

// Status is what became of a check, in one word.
type Status string

// The statuses. A check that could not be evaluated is a failure, with the reason EvaluationError: it is never a success.
const (
	StatusPending Status = "pending"
	StatusSuccess Status = "success"
	StatusFailure Status = "failure"
)

// reasonEvaluationError is the reason of a check that could not be evaluated.
const reasonEvaluationError = "EvaluationError"

// written is how answers are written: a payload's numbers and strings as they were sent, white space alone left out. Payloads and texts
// that did not come through this interface (a Check that kubectl made, a knowledge file in Latin-1) cannot break an answer.
var written = json.JoinOptions(jsontext.PreserveRawStrings(true), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// payload is JSON text that is passed on as it is.
type payload []byte

// MarshalJSONTo writes the text; as a string, where it is not JSON.
func (p payload) MarshalJSONTo(out *jsontext.Encoder) error {
	err := out.WriteValue(jsontext.Value(p))
	if syntactic := (*jsontext.SyntacticError)(nil); errors.As(err, &syntactic) {
		return out.WriteToken(jsontext.String(string(p)))
	}
	return err
}

// Schema is that of any value.
func (payload) Schema(huma.Registry) *huma.Schema { return &huma.Schema{} }

// CheckResult is a check and what became of it.
type CheckResult struct {
	ID           string       `json:"id,omitempty" doc:"The check's id, and the name of its Check resource. Absent where nothing was recorded (dry_run)." example:"01jd3v9w5k8f6m2n4p7q9r1s3t" pattern:"^[0-9a-hjkmnp-tv-z]{26}$"`
	Status       Status       `json:"status" enum:"pending,success,failure" doc:"What became of it. A check that could not be evaluated is a failure, with reason EvaluationError."`
	Reason       string       `json:"reason,omitempty" doc:"Why, in one word: RulesPassed, RulesFailed, EvaluationError, or what a pending check waits for." example:"RulesFailed"`
	Input        payload      `json:"input" doc:"The payload as it was sent, every digit kept. Null of a batch, whose items have their own."`
	RulesApplied []string     `json:"rules_applied" doc:"The rules that applied, as SET/RULE, or RULE alone for one of the request's own; sorted." example:"[\"orders/amount-range\"]"`
	Explanation  string       `json:"explanation" doc:"What failed, where, why it matters and what to do, citing the knowledge file; for a pending check, what it waits for." example:"Failure: of 1 rules, 1 failed."`
	Timestamp    time.Time    `json:"timestamp" doc:"When the verdict was reached; while it is pending, when the check was made (RFC 3339)."`
	Results      []RuleResult `json:"results" doc:"The findings, the worst first; at most 100. Those of a batch stand with its items."`
	Passages     []Passage    `json:"passages" doc:"The lines of the knowledge file that the explanation cites."`
	Summary      *Summary     `json:"summary,omitzero" doc:"How many rules came to which outcome; exact, also where results is cut."`
	Truncated    int32        `json:"truncated,omitzero" doc:"How many findings were left out of results."`
	Batch        *BatchResult `json:"batch,omitzero" doc:"What became of each payload of a batch, once its verdict is in. Absent where the batch could not be evaluated at all."`
}

// CheckSummary is a check in a list.
type CheckSummary struct {
	ID           string       `json:"id" doc:"The check's id." example:"01jd3v9w5k8f6m2n4p7q9r1s3t"`
	Status       Status       `json:"status" enum:"pending,success,failure" doc:"What became of it."`
	Reason       string       `json:"reason,omitempty" doc:"Why, in one word." example:"RulesFailed"`
	RulesApplied []string     `json:"rules_applied" doc:"The rules that applied."`
	Explanation  string       `json:"explanation" doc:"The first line of the explanation."`
	Timestamp    time.Time    `json:"timestamp" doc:"When the verdict was reached; while it is pending, when the check was made."`
	Summary      *Summary     `json:"summary,omitzero" doc:"How many rules came to which outcome."`
	Batch        *BatchCounts `json:"batch,omitzero" doc:"How many payloads of a batch came to which verdict."`
}

// RuleResult is one finding.
type RuleResult struct {
	Rule     string            `json:"rule" doc:"The rule, as SET/RULE." example:"orders/amount-range"`
	Outcome  v1alpha1.Outcome  `json:"outcome" enum:"pass,fail,warn,skip,error" doc:"What became of the rule. warn: it failed below fail_on."`
	Severity v1alpha1.Severity `json:"severity" enum:"info,warning,error,critical" doc:"The rule's severity."`
	Message  string            `json:"message,omitempty" doc:"What was expected and what was found." example:"expected a number at most 10000, found 99999"`
	Path     string            `json:"path,omitempty" doc:"Where in the payload, as a JSON Pointer (RFC 6901). Absent: the whole of it." example:"/amount"`
	Passages []string          `json:"passages,omitempty" doc:"The ids of the passages that help with this finding." example:"[\"rag-content.txt:42\"]"`
}

// Passage is a line of the knowledge file.
type Passage struct {
	ID    string `json:"id" doc:"The file's name and the line's number." example:"rag-content.txt:42"`
	Title string `json:"title,omitempty" doc:"The heading that the line stands under."`
	Text  string `json:"text" doc:"The line."`
}

// Summary counts rules by outcome.
type Summary struct {
	Pass  int32 `json:"pass" doc:"How many rules passed."`
	Fail  int32 `json:"fail" doc:"How many rules failed at or above fail_on."`
	Warn  int32 `json:"warn" doc:"How many rules failed below fail_on."`
	Skip  int32 `json:"skip" doc:"How many rules were skipped by their guard."`
	Error int32 `json:"error" doc:"How many rules could not be evaluated."`
}

// resultOf tells of a recorded check.
func resultOf(c *v1alpha1.Check) CheckResult {
	r := resultOfVerdict(&c.Status.Verdict)
	r.ID, r.Status = c.Name, statusOf(c)
	r.Input = c.Spec.InputText()
	r.Timestamp = timestamp(c)
	r.Reason, r.Explanation = reasonOf(c)
	if len(r.Input) == 0 {
		// A batch; or a Check with the owner's label that was not made here, and takes its payload from elsewhere.
		r.Input = payload("null")
	}
	if check.Finished(c) {
		inputs := c.Spec.Inputs
		r.Batch = batchOf(c.Status.Batch, len(inputs), func(i int) []byte { return inputs[i].Text() })
	}
	return r
}

// resultOfOutcome tells of an evaluation that recorded nothing.
func resultOfOutcome(request *check.Request, o *engine.Outcome, now time.Time) CheckResult {
	r := resultOfVerdict(&o.Verdict)
	r.Input = request.Input
	if inputs := request.Inputs; inputs != nil {
		r.Input = payload("null")
		r.Batch = batchOf(o.Verdict.Batch, len(inputs), func(i int) []byte { return inputs[i].Input })
	}
	r.Timestamp = now
	r.Reason = o.Reason
	if o.Verdict.Phase == v1alpha1.PhaseError {
		r.Reason = reasonEvaluationError
	}
	return r
}

func resultOfVerdict(v *v1alpha1.Verdict) CheckResult {
	r := CheckResult{
		Status:       statusOfPhase(v.Phase),
		RulesApplied: v.RulesApplied,
		Explanation:  v.Explanation,
		Results:      ruleResults(v.Results),
		Passages:     make([]Passage, len(v.Passages)),
		Summary:      (*Summary)(v.Summary),
		Truncated:    v.Truncated,
	}
	for i, passage := range v.Passages {
		r.Passages[i] = Passage(passage)
	}
	return r
}

func ruleResults(findings []v1alpha1.Result) []RuleResult {
	results := make([]RuleResult, len(findings))
	for i, finding := range findings {
		results[i] = RuleResult(finding)
	}
	return results
}

// summaryOf tells of a check in a list.
func summaryOf(c *v1alpha1.Check) CheckSummary {
	reason, explanation := reasonOf(c)
	s := CheckSummary{
		ID:           c.Name,
		Status:       statusOf(c),
		Reason:       reason,
		RulesApplied: c.Status.RulesApplied,
		Explanation:  firstLine(explanation),
		Timestamp:    timestamp(c),
		Summary:      (*Summary)(c.Status.Summary),
	}
	if b := c.Status.Batch; b != nil && check.Finished(c) {
		counts := countsOf(b)
		s.Batch = &counts
	}
	return s
}

func firstLine(text string) string {
	for i := range len(text) {
		if text[i] == '\n' {
			return text[:i]
		}
	}
	return text
}

// statusOf is what became of a check. A verdict on a spec that has changed since is none.
func statusOf(c *v1alpha1.Check) Status {
	if !check.Finished(c) {
		return StatusPending
	}
	return statusOfPhase(c.Status.Phase)
}

// statusOfPhase is a phase in this interface's words.
func statusOfPhase(p v1alpha1.Phase) Status {
	switch p {
	case v1alpha1.PhaseSuccess:
		return StatusSuccess
	case v1alpha1.PhaseFailure, v1alpha1.PhaseError:
		return StatusFailure
	default:
		return StatusPending
	}
}

// phasesOf are the phases that a status stands for.
func phasesOf(s Status) []v1alpha1.Phase {
	switch s {
	case StatusSuccess:
		return []v1alpha1.Phase{v1alpha1.PhaseSuccess}
	case StatusFailure:
		return []v1alpha1.Phase{v1alpha1.PhaseFailure, v1alpha1.PhaseError}
	case StatusPending:
		return []v1alpha1.Phase{v1alpha1.PhasePending}
	default:
		return nil
	}
}

// reasonOf says in one word why a check is where it is, and explains it.
func reasonOf(c *v1alpha1.Check) (reason, explanation string) {
	explanation = c.Status.Explanation
	if c.Status.Phase.Finished() && !check.Finished(c) {
		return v1alpha1.ReasonPending, "Pending: the Check has changed since its last verdict."
	}
	switch c.Status.Phase {
	case v1alpha1.PhaseError:
		return reasonEvaluationError, explanation
	case v1alpha1.PhaseSuccess, v1alpha1.PhaseFailure:
		if passed := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionPassed); passed != nil {
			reason = passed.Reason
		}
		return reason, explanation
	default:
		complete := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionComplete)
		if complete == nil {
			return v1alpha1.ReasonPending, "Pending: no controller has looked at it yet."
		}
		return complete.Reason, complete.Message
	}
}

// timestamp is when the verdict was reached, or else when the check was made.
func timestamp(c *v1alpha1.Check) time.Time {
	if c.Status.Phase.Finished() && c.Status.CompletionTime != nil {
		return c.Status.CompletionTime.UTC()
	}
	return c.CreationTimestamp.UTC()
}
