package route

import (
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/engine"
)

// TestPayloadIsPassedOn writes payloads as they were sent, but for white space between their parts; one that is no JSON, which cannot
// have come through this interface, is a string.
func TestPayloadIsPassedOn(t *testing.T) {
	for name, c := range map[string]struct{ reason, payload, want string }{
		"numbers":        {"every digit counts", `[-0,1.0,1e400,1E+2,123456789012345678901234567890.10]`, `[-0,1.0,1e400,1E+2,123456789012345678901234567890.10]`},
		"escapes":        {"two ways to write a character stay two", `"\u0041A\/\u2028\u0000\n"`, `"\u0041A\/\u2028\u0000\n"`},
		"raw separators": {"JSON allows them", "\"\u2028<&>\"", "\"\u2028<&>\""},
		"white space":    {"it says nothing", "{ \"a\" :\n[ 1 ] }", `{"a":[1]}`},
		"member twice":   {"a Check that somebody else made can be read", `{"a":1,"a":2}`, `{"a":1,"a":2}`},
		"lone surrogate": {"so can this one", `"\ud800"`, `"\ud800"`},
		"no JSON":        {"what is no JSON is told as text", `{"a":`, `"{\"a\":"`},
		"two values":     {"two values are no JSON", `1 2`, `"1 2"`},
	} {
		got, err := json.Marshal(struct {
			Input payload `json:"input"`
		}{payload(c.payload)}, written)
		if err != nil || string(got) != `{"input":`+c.want+`}` {
			t.Errorf("%s: %s: got %s, %v, want %s", name, c.reason, got, err, c.want)
		}
	}
}

// TestBatchResult tells of a batch as of a check: a payload that could not be evaluated is a failure, and lists are never null.
func TestBatchResult(t *testing.T) {
	c := &v1alpha1.Check{Spec: v1alpha1.CheckSpec{Inputs: []v1alpha1.BatchInput{
		{InputJSON: "1.0"}, {Name: "b", InputJSON: "1e400"}, {Name: "c", Input: v1alpha1.JSON{Raw: []byte("{}")}},
	}}}
	c.Generation = 2
	c.Status.ObservedGeneration, c.Status.Phase = 2, v1alpha1.PhaseFailure
	c.Status.Batch = &v1alpha1.BatchVerdict{
		Total: 3, Succeeded: 1, Failed: 1, Errored: 1, FailedIndexes: "1", ErroredIndexes: "2",
		Items: []v1alpha1.BatchItem{
			{Index: 1, Name: "b", Phase: v1alpha1.PhaseFailure, Summary: &v1alpha1.Summary{Fail: 1}, Results: []v1alpha1.Result{{Rule: "r", Outcome: "fail", Severity: "error"}}, Truncated: 4},
			{Index: 2, Name: "c", Phase: v1alpha1.PhaseError, Message: "no rule could be run"},
			{Index: 0, Phase: v1alpha1.PhaseSuccess},
			{Index: 3, Phase: v1alpha1.PhaseSuccess},
		},
		Truncated: 5,
	}
	const counts = `"total":3,"succeeded":1,"failed":1,"errored":1`
	const want = `{` + counts + `,"failed_indexes":"1","errored_indexes":"2","items":[` +
		`{"index":1,"name":"b","status":"failure","reason":"RulesFailed","summary":{"pass":0,"fail":1,"warn":0,"skip":0,"error":0},` +
		`"results":[{"rule":"r","outcome":"fail","severity":"error"}],"truncated":4,"input":1e400},` +
		`{"index":2,"name":"c","status":"failure","reason":"EvaluationError","results":[],"message":"no rule could be run","input":{}},` +
		`{"index":0,"status":"success","reason":"RulesPassed","results":[],"input":1.0},` +
		`{"index":3,"status":"success","reason":"RulesPassed","results":[],"input":null}],"truncated":5}`
	got, err := json.Marshal(resultOf(c).Batch, written)
	if err != nil || string(got) != want {
		t.Errorf("got  %s, %v\nwant %s", got, err, want)
	}
	if got, err := json.Marshal(summaryOf(c).Batch, written); err != nil || string(got) != "{"+counts+"}" {
		t.Errorf("in a list: %s, %v", got, err)
	}
	if got, err := json.Marshal(resultOf(c).Input, written); err != nil || string(got) != "null" {
		t.Errorf("input is %s, %v", got, err)
	}
	c.Generation = 3
	if resultOf(c).Batch != nil || summaryOf(c).Batch != nil {
		t.Error("a verdict on other payloads is told")
	}
}

// TestTextsAreMended writes a verdict with a text that is no UTF-8, as a knowledge file can bring it into a dry run.
func TestTextsAreMended(t *testing.T) {
	outcome := &engine.Outcome{Verdict: v1alpha1.Verdict{Phase: v1alpha1.PhaseSuccess, Explanation: "caf\xe9"}}
	got, err := json.Marshal(resultOfOutcome(&check.Request{Input: []byte("1")}, outcome, time.Unix(0, 0)), written)
	if err != nil || !strings.Contains(string(got), "caf\ufffd") {
		t.Errorf("got %s, %v", got, err)
	}
}
