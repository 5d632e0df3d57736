package route

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/apiserver/observe"
	"github.com/checky-dev/checky/apiserver/problem"
	"github.com/checky-dev/checky/apiserver/serve"
)

// checkBody is the body of POST /v1/check.
type checkBody struct {
	Input span `json:"input"`
	choices
}

// choices are what a check and a batch may say besides what is checked.
type choices struct {
	RuleSets   []ruleSetName     `json:"rule_sets"`
	Rules      []v1alpha1.Rule   `json:"rules"`
	FailOn     v1alpha1.Severity `json:"fail_on"`
	TTLSeconds *int32            `json:"ttl_seconds"`
}

func (c *choices) request() check.Request {
	sets := make([]v1alpha1.RuleSetReference, len(c.RuleSets))
	for i, name := range c.RuleSets {
		sets[i] = v1alpha1.RuleSetReference(name)
	}
	return check.Request{RuleSets: sets, Rules: c.Rules, FailOn: c.FailOn, TTLSeconds: c.TTLSeconds}
}

// checkParams are what POST /v1/check and POST /v1/checks:batch take besides their bodies.
type checkParams struct {
	DryRun         bool   `query:"dry_run" doc:"Evaluate at once and record nothing: the answer has no id, and no Check is made."`
	Prefer         string `header:"Prefer" maxLength:"256" doc:"wait=N (RFC 7240): how many seconds to wait for the verdict, 0 to 60. Otherwise 1." example:"wait=5"`
	IdempotencyKey string `header:"Idempotency-Key" minLength:"1" maxLength:"255" pattern:"^[!-~]+$" doc:"A key of the caller's choice, 1 to 255 visible ASCII characters. The same key with the same body is one check, however often it is sent." example:"order-4711-first-try"`
}

// Resolve refuses what would pass for not given, since a check is then recorded that should not be, or twice.
func (p *checkParams) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	p.Prefer = strings.Join(r.Header.Values("Prefer"), ", ")
	var problems []error
	if keys := r.Header.Values("Idempotency-Key"); len(keys) > 1 || len(keys) == 1 && keys[0] == "" {
		problems = append(problems, &huma.ErrorDetail{Location: "header.Idempotency-Key", Message: "expected one key of 1 to 255 visible ASCII characters"})
	}
	said := 0
	for parameter := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, value, has := strings.Cut(parameter, "=")
		if name != "dry_run" {
			continue
		}
		if said++; said > 1 || has && value == "" {
			problems = append(problems, &huma.ErrorDetail{Location: "query.dry_run", Message: "expected true or false, once"})
			break
		}
	}
	return problems
}

// checkOutput is the result of a check that was asked for, with what its headers say.
type checkOutput struct {
	Status            int
	Location          string `header:"Location" doc:"Where the check can be read."`
	RetryAfter        string `header:"Retry-After" doc:"In how many seconds to look again."`
	ETag              string `header:"ETag" doc:"The version of the check."`
	PreferenceApplied string `header:"Preference-Applied" doc:"What of the Prefer header was applied (RFC 7240)."`
	Body              *CheckResult
}

// statusOutput is a check result as it is read.
type statusOutput struct {
	Status       int
	ETag         string `header:"ETag" doc:"The version of the check."`
	Age          string `header:"Age" doc:"How old the answer may be, in seconds, while the Kubernetes API cannot be reached (RFC 9111)."`
	CacheControl string `header:"Cache-Control"`
	Body         *CheckResult
}

// postCheck makes a check, or evaluates without making one.
func (a *api) postCheck(ctx context.Context, in *checkParams) (*checkOutput, error) {
	body := raw(ctx)
	var b checkBody
	if p := decode(body, &b); p != nil {
		return nil, p
	}
	if b.Input.absent() {
		return nil, problem.New(http.StatusUnprocessableEntity, "There is nothing to check: give the payload as input.").At("body.input", "expected any JSON value")
	}
	request := b.request()
	request.Input = b.Input.of(body)
	return a.carryOut(ctx, in, request)
}

// carryOut makes the check that was asked for, or evaluates without making one.
func (a *api) carryOut(ctx context.Context, in *checkParams, request check.Request) (*checkOutput, error) {
	if in.DryRun {
		return a.dryRun(ctx, request)
	}
	wait, applied, p := waitOf(in.Prefer, a.limits)
	if p != nil {
		return nil, p
	}
	request.TraceParent = observe.NoteFrom(ctx).TraceParent
	made, err := a.submit(ctx, request, in.IdempotencyKey, wait)
	if err != nil {
		return nil, err
	}
	result := resultOf(made)
	out := &checkOutput{Status: http.StatusOK, Location: "/v1/status/" + made.Name, ETag: etag(made), PreferenceApplied: applied, Body: &result}
	if result.Status == StatusPending {
		out.Status, out.RetryAfter = http.StatusAccepted, "1"
	}
	return out, nil
}

// submit stores a check and waits for its verdict. Storing and waiting have gates of their own, so that those who wait do not keep
// others from storing; where too many wait already, the answer is that the check is pending.
func (a *api) submit(ctx context.Context, request check.Request, key string, wait time.Duration) (*v1alpha1.Check, error) {
	leave, err := a.gates.Checks.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { leave() }()
	owner := authn.From(ctx).Owner
	return a.checks.Submit(ctx, owner, request, key, check.Patience{
		For: wait, Enough: serve.Closing(ctx),
		Begin: func() bool {
			leave()
			leave = func() {}
			if !a.waits.take(owner, 1) {
				return false
			}
			waited, err := a.gates.Waits.Enter(ctx)
			if err != nil {
				a.waits.give(owner, 1)
				return false
			}
			leave = func() {
				waited()
				a.waits.give(owner, 1)
			}
			return true
		},
	})
}

// dryRun evaluates in this process.
func (a *api) dryRun(ctx context.Context, request check.Request) (*checkOutput, error) {
	if request.Inputs != nil {
		leave, err := a.enterBatches(ctx)
		if err != nil {
			return nil, err
		}
		defer leave()
	}
	leave, err := a.gates.DryRuns.Enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	outcome, err := a.checks.DryRun(ctx, request)
	if err != nil {
		return nil, err
	}
	result := resultOfOutcome(&request, &outcome, a.now().UTC())
	return &checkOutput{Status: http.StatusOK, Body: &result}, nil
}

// checkID names one check.
type checkID struct {
	ID string `path:"id" maxLength:"63" doc:"The check's id." example:"01jd3v9w5k8f6m2n4p7q9r1s3t"`
}

type statusParams struct {
	ID          string `path:"id" maxLength:"63" doc:"The check's id." example:"01jd3v9w5k8f6m2n4p7q9r1s3t"`
	IfNoneMatch string `header:"If-None-Match" maxLength:"1024" doc:"Versions that the caller has (RFC 9110): 304 if it is one of them."`
}

// getStatus tells of one check.
func (a *api) getStatus(ctx context.Context, in *statusParams) (*statusOutput, error) {
	found, err := a.checks.Get(ctx, authn.From(ctx).Owner, in.ID)
	if err != nil {
		return nil, err
	}
	out := &statusOutput{Status: http.StatusOK, ETag: etag(found), Age: a.age(), CacheControl: "private, no-cache"}
	if matches(in.IfNoneMatch, out.ETag) {
		out.Status = http.StatusNotModified
		return out, nil
	}
	result := resultOf(found)
	out.Body = &result
	return out, nil
}

// etag is the version of a check, as headers have it.
func etag(c *v1alpha1.Check) string { return `"` + version(c) + `"` }

// version names a version of a check, in a restored cluster too, and says nothing else. A resource version counts all writes in the
// cluster: by two of their own a caller would see whether a reset that they asked for in between was written down, and so whether the
// address has an account. The UID, which nobody is told, keeps them from finding out what the hash is of.
func version(c *v1alpha1.Check) string {
	sum := sha256.Sum256([]byte(string(c.UID) + "." + c.ResourceVersion))
	return hex.EncodeToString(sum[:16])
}

// matches is If-None-Match's weak comparison (RFC 9110, section 13.1.2).
func matches(header, etag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == etag {
			return true
		}
	}
	return false
}

// age is how old an answer from the cache may be: empty while the API server can be reached.
func (a *api) age() string {
	age, away := a.away()
	if !away {
		return ""
	}
	return strconv.FormatInt(int64(age.Seconds()), 10)
}

type listParams struct {
	Status Status `query:"status" enum:"pending,success,failure" doc:"Only checks of this status."`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"How many at most."`
	Cursor string `query:"cursor" maxLength:"256" doc:"Where the page before ended: its next_cursor."`
}

// CheckList is a page of checks, the newest first.
type CheckList struct {
	Checks     []CheckSummary `json:"checks" doc:"The checks, the newest first."`
	NextCursor string         `json:"next_cursor,omitempty" doc:"What to give as cursor for the next page. Absent: this is the last one."`
}

type listOutput struct {
	Age  string `header:"Age" doc:"How old the answer may be, in seconds, while the Kubernetes API cannot be reached."`
	Link string `header:"Link" doc:"The next page, as rel=next (RFC 8288)."`
	Body CheckList
}

// listChecks pages through the caller's checks.
func (a *api) listChecks(ctx context.Context, in *listParams) (*listOutput, error) {
	page, err := a.checks.List(ctx, authn.From(ctx).Owner, check.Query{Phases: phasesOf(in.Status), Limit: in.Limit, Cursor: in.Cursor})
	if err != nil {
		return nil, err
	}
	out := &listOutput{Age: a.age(), Body: CheckList{Checks: make([]CheckSummary, len(page.Checks)), NextCursor: page.Next}}
	for i, c := range page.Checks {
		out.Body.Checks[i] = summaryOf(c)
	}
	if page.Next != "" {
		next := "/v1/checks?limit=" + strconv.Itoa(in.Limit) + "&cursor=" + page.Next
		if in.Status != "" {
			next += "&status=" + string(in.Status)
		}
		out.Link = "<" + next + `>; rel="next"`
	}
	return out, nil
}

// deleteCheck cancels or removes one check.
func (a *api) deleteCheck(ctx context.Context, in *checkID) (*struct{}, error) {
	return nil, a.checks.Delete(ctx, authn.From(ctx).Owner, in.ID)
}

// addChecks adds the routes of checks.
func (a *api) addChecks() {
	add(a, route{
		Operation: huma.Operation{
			OperationID: "check", Method: http.MethodPost, Path: "/v1/check", Tags: []string{"Checks"},
			Summary: "Check a payload",
			Description: "Makes one Check of the payload and waits a moment for its verdict. 200: the verdict is in. 202: it was recorded and is still to come; look at Location, or follow its events. " +
				"With dry_run=true the payload is evaluated at once and nothing is recorded.\n\nWithout rule_sets and rules, the default rule sets apply. What was recorded has a success or failure to read until its time to live ends.",
			RequestBody: a.requestBody(checkRequest, checkSchema(), checkExamples()),
			Responses:   responses(a, "202", "The check was recorded; its verdict is still to come.", CheckResult{}),
			Errors:      []int{400, 409, 413, 415, 422},
		},
		verb: "create", limit: MaxCheckBody,
	}, a.postCheck)
	a.addBatch()
	add(a, route{
		Operation: huma.Operation{
			OperationID: "get-status", Method: http.MethodGet, Path: "/v1/status/{id}", Tags: []string{"Checks"},
			Summary:     "Read a check",
			Description: "The check and what became of it. A check that is not there and one that is another caller's are the same 404.",
			Responses:   notModified(),
			Errors:      []int{404},
		},
		verb: "get",
	}, a.getStatus)
	a.addEvents()
	add(a, route{
		Operation: huma.Operation{
			OperationID: "list-checks", Method: http.MethodGet, Path: "/v1/checks", Tags: []string{"Checks"},
			Summary:     "List checks",
			Description: "The caller's own checks, the newest first, in pages.",
			Errors:      []int{400, 422},
		},
		verb: "list",
	}, a.listChecks)
	add(a, route{
		Operation: huma.Operation{
			OperationID: "delete-check", Method: http.MethodDelete, Path: "/v1/checks/{id}", Tags: []string{"Checks"},
			Summary:     "Cancel or remove a check",
			Description: "Deletes the Check, whether or not it has its verdict. What it came to cannot be read any more.",
			Errors:      []int{404},
		},
		verb: "delete",
	}, a.deleteCheck)
}
