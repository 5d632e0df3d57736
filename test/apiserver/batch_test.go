package apiserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mixed are rules under which payloads pass, fail, warn and cannot be evaluated.
const mixed = `
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: mixed}
spec:
  rules:
  - {name: amount-range, module: {name: range, params: {field: $.amount, min: 0, max: 10000}}}
  - {name: currency, severity: critical, module: {name: enum, params: {field: $.currency, values: [EUR, GBP, USD]}}}
  - {name: note, severity: warning, module: {name: length, params: {field: $.note, max: 5}}}
  - {name: due, when: has(input.terms), cel: {expression: "input.terms.days <= 30"}}
`

// finding is one of a result.
type finding struct {
	Rule, Outcome, Severity, Message, Path string
}

// batchItem is a payload of a batch as it came.
type batchItem struct {
	Index          int
	Name           string
	Status, Reason string
	Summary        json.RawMessage
	Results        []finding
	Truncated      int
	Message        string
	Input          json.RawMessage
}

// batchResult is the result of a batch as it came.
type batchResult struct {
	result
	Batch *struct {
		Total, Succeeded, Failed, Errored int
		FailedIndexes                     string `json:"failed_indexes"`
		ErroredIndexes                    string `json:"errored_indexes"`
		Items                             []batchItem
		Truncated                         int
	} `json:"batch"`
}

func batchIn(t testing.TB, body string) (r batchResult) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("no check result: %v: %.300s", err, body)
	}
	return r
}

// batchBody is a batch of payloads by one rule set, each named by its place but for the first.
func batchBody(set string, payloads ...string) string {
	var b strings.Builder
	for i, p := range payloads {
		if i > 0 {
			fmt.Fprintf(&b, `,{"name":"order-%d","input":%s}`, i, p)
			continue
		}
		b.WriteString(`{"input":` + p + `}`)
	}
	return `{"inputs":[` + b.String() + `],"rule_sets":["` + set + `"]}`
}

func nameOf(index int) string {
	if index == 0 {
		return ""
	}
	return fmt.Sprint("order-", index)
}

// postBatch posts a batch that gets its verdict.
func (f *facade) postBatch(u *user, body string, headers ...string) (*http.Response, string) {
	f.c.t.Helper()
	answer, text := f.do(http.MethodPost, "/v1/checks:batch", u.token, body, append(headers, "Prefer", "wait=60")...)
	if answer.StatusCode != http.StatusOK {
		f.c.t.Fatalf("got %s %.500s", answer.Status, text)
	}
	return answer, text
}

// TestBatchByEach posts a batch and each of its payloads alone: what became of it in the batch is what became of it alone. The batch
// then reads the same everywhere, and is one Check.
func TestBatchByEach(t *testing.T) {
	c := newCluster(t)
	c.apply(mixed)
	f := c.start()
	u := f.newUser()
	var payloads []string
	for i := range 40 {
		payload := fmt.Sprintf(`{"n": %d, "amount": %d, "currency": "EUR"}`, i, 100*i)
		switch i % 8 {
		case 2:
			payload = fmt.Sprintf(`{"n": %d, "amount": 99999, "currency": "eur"}`, i)
		case 3:
			payload = fmt.Sprintf(`{"n": %d, "amount": 99999, "currency": "EUR"}`, i)
		case 5:
			payload = fmt.Sprintf(`{"n": %d, "note": "longer than that"}`, i)
		case 6:
			payload = fmt.Sprintf(`{"n": %d, "terms": {}}`, i)
		}
		payloads = append(payloads, payload)
	}
	answer, text := f.postBatch(u, batchBody("mixed", payloads...))
	got := batchIn(t, text)
	if c.count() != 1 || string(got.Input) != "null" || got.Status != "failure" || got.Reason != "RulesFailed" || got.Batch == nil {
		t.Fatalf("%d Checks, input %s, %s %s: %.300s", c.count(), got.Input, got.Status, got.Reason, text)
	}
	told := map[int]batchItem{}
	for _, item := range got.Batch.Items {
		told[item.Index] = item
	}
	want := map[string][]string{}
	for i, payload := range payloads {
		alone := resultIn(t, mustPost(t, f, u, `{"input":`+payload+`,"rule_sets":["mixed"]}`))
		var findings []finding
		if err := json.Unmarshal(alone.Results, &findings); err != nil {
			t.Fatal(err)
		}
		findings = slices.DeleteFunc(findings, func(f finding) bool { return f.Outcome == "pass" || f.Outcome == "skip" })
		kind := alone.Status
		if alone.Reason == "EvaluationError" {
			kind = "error"
		}
		want[kind] = append(want[kind], fmt.Sprint(i))
		item, bad := told[i]
		if bad != (len(findings) > 0) {
			t.Errorf("payload %d: told %t, and has %d findings alone", i, bad, len(findings))
		}
		if !bad {
			continue
		}
		expected := batchItem{
			Index: i, Name: nameOf(i), Status: alone.Status, Reason: alone.Reason, Summary: alone.Summary, Results: findings,
			Input: json.RawMessage(compact(t, []byte(payload))),
		}
		if diff := cmp.Diff(expected, item); diff != "" {
			t.Errorf("payload %d (-alone +in the batch):\n%s", i, diff)
		}
	}
	b := got.Batch
	if b.Total != len(payloads) || b.Succeeded != len(want["success"]) || b.Failed != len(want["failure"]) || b.Errored != len(want["error"]) || b.Truncated != 0 {
		t.Errorf("counts are %d: %d, %d, %d, want %v", b.Total, b.Succeeded, b.Failed, b.Errored, want)
	}
	if b.FailedIndexes != "2,3,10,11,18,19,26,27,34,35" || b.ErroredIndexes != "6,14,22,30,38" {
		t.Errorf("failures are %q, errors %q", b.FailedIndexes, b.ErroredIndexes)
	}
	order := slices.IsSortedFunc(b.Items, func(x, y batchItem) int { return rank(x) - rank(y) })
	if !order {
		t.Error("the worst do not come first")
	}
	f.readsTheSame(u, answer, text, got)
}

// rank is 0 for the worst payloads of a batch.
func rank(i batchItem) int {
	return slices.Index([]string{"RulesFailed", "EvaluationError", "RulesPassed"}, i.Reason)
}

// readsTheSame reads a batch by each route that tells of checks, and deletes it.
func (f *facade) readsTheSame(u *user, posted *http.Response, text string, got batchResult) {
	t := f.c.t
	t.Helper()
	path := "/v1/status/" + got.ID
	if posted.Header.Get("Location") != path {
		t.Errorf("Location is %s of %s", posted.Header.Get("Location"), got.ID)
	}
	read, again := f.do(http.MethodGet, path, u.token, "")
	if again != text || read.Header.Get("ETag") != posted.Header.Get("ETag") {
		t.Errorf("it reads differently:\n%s", cmp.Diff(text, again))
	}
	if answer, _ := f.do(http.MethodGet, path, u.token, "", "If-None-Match", read.Header.Get("ETag")); answer.StatusCode != http.StatusNotModified {
		t.Errorf("unchanged: %s", answer.Status)
	}
	if last := lastOf(f.events(t.Context(), path+"/events", u.token)); last.name != "result" || last.data+"\n" != text {
		t.Errorf("the event is %.500s", last.data)
	}
	var list struct {
		Checks []struct {
			ID    string          `json:"id"`
			Batch json.RawMessage `json:"batch"`
		} `json:"checks"`
	}
	_, page := f.do(http.MethodGet, "/v1/checks?limit=100&status=failure", u.token, "")
	if err := json.Unmarshal([]byte(page), &list); err != nil {
		t.Fatal(err)
	}
	counts := fmt.Sprintf(`{"total":%d,"succeeded":%d,"failed":%d,"errored":%d}`, got.Batch.Total, got.Batch.Succeeded, got.Batch.Failed, got.Batch.Errored)
	batches := 0
	for _, c := range list.Checks {
		if len(c.Batch) > 0 {
			batches++
			if c.ID != got.ID || compact(t, c.Batch) != counts {
				t.Errorf("in the list %s has %s, want %s", c.ID, c.Batch, counts)
			}
		}
	}
	if batches != 1 {
		t.Errorf("the list has %d batches", batches)
	}
	if answer, _ := f.do(http.MethodDelete, "/v1/checks/"+got.ID, u.token, ""); answer.StatusCode != http.StatusNoContent {
		t.Errorf("delete: %s", answer.Status)
	}
	if answer, _ := f.do(http.MethodGet, path, u.token, ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("deleted: %s", answer.Status)
	}
}

// TestBatchDryRun evaluates without a record what is then recorded: the results are the same.
func TestBatchDryRun(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	for name, body := range map[string]string{
		"good":      batchBody("orders", goodOrder, goodOrder),
		"bad":       batchBody("orders", goodOrder, badOrder, goodOrder, badOrder),
		"cannot be": `{"inputs": [{"input": {"a": 1}}, {"input": {"b": 1}}], "rules": [{"name": "c", "cel": {"expression": "input.b > 0"}}]}`,
		"no rules":  `{"inputs": [{"input": 1}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			before := c.count()
			var dry batchResult
			eventually(t, "the facade knows the rule set", func() bool {
				answer, text := f.do(http.MethodPost, "/v1/checks:batch?dry_run=true", u.token, body, "Idempotency-Key", "never-used")
				if answer.StatusCode == http.StatusUnprocessableEntity {
					return false
				}
				if answer.StatusCode != http.StatusOK || answer.Header.Get("Location") != "" {
					t.Fatalf("got %s, Location %q: %s", answer.Status, answer.Header.Get("Location"), text)
				}
				dry = batchIn(t, text)
				return true
			})
			if dry.ID != "" || c.count() != before {
				t.Errorf("a dry run recorded %s", dry.ID)
			}
			_, text := f.postBatch(u, body)
			recorded := batchIn(t, text)
			recorded.ID = ""
			if diff := cmp.Diff(recorded, dry, cmp.AllowUnexported(batchResult{})); diff != "" {
				t.Errorf("-recorded +dry run:\n%s", diff)
			}
		})
	}
}

// TestBatchIdempotencyKey repeats batches: the same one is the same check, another one is refused, and so is the key of a single check.
func TestBatchIdempotencyKey(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	body := batchBody("orders", goodOrder, badOrder)
	const key = "nightly-4711"
	_, first := f.postBatch(u, body, "Idempotency-Key", key)
	for name, same := range map[string]string{
		"the same":         body,
		"other spaces":     strings.ReplaceAll(body, ",", " ,\n"),
		"default spoken":   strings.Replace(body, "{", `{"fail_on": "error", `, 1),
		"number otherwise": strings.Replace(body, "74.89", "74.890", 1),
	} {
		if _, again := f.postBatch(u, same, "Idempotency-Key", key); batchIn(t, again).ID != batchIn(t, first).ID {
			t.Errorf("%s made another check", name)
		}
	}
	single := "/v1/check"
	for name, tc := range map[string]struct{ path, body string }{
		"other order":    {"/v1/checks:batch", batchBody("orders", badOrder, goodOrder)},
		"other name":     {"/v1/checks:batch", strings.Replace(body, "order-1", "order-2", 1)},
		"other severity": {"/v1/checks:batch", strings.Replace(body, "{", `{"fail_on": "info", `, 1)},
		"fewer":          {"/v1/checks:batch", batchBody("orders", goodOrder)},
		"single":         {single, byOrders(goodOrder)},
		"single list":    {single, byOrders("[" + goodOrder + "," + badOrder + "]")},
	} {
		answer, text := f.do(http.MethodPost, tc.path, u.token, tc.body, "Idempotency-Key", key)
		if answer.StatusCode != http.StatusUnprocessableEntity || typeOf(t, text) != "urn:checky:problem:idempotency-key-reused" {
			t.Errorf("%s: %s %s", name, answer.Status, text)
		}
	}
	mustPost(t, f, u, byOrders(goodOrder), "Idempotency-Key", "single")
	answer, text := f.do(http.MethodPost, "/v1/checks:batch", u.token, batchBody("orders", goodOrder), "Idempotency-Key", "single")
	if answer.StatusCode != http.StatusUnprocessableEntity || typeOf(t, text) != "urn:checky:problem:idempotency-key-reused" {
		t.Errorf("the key of a single check: %s %s", answer.Status, text)
	}
	if n := c.count(); n != 2 {
		t.Errorf("there are %d Checks, want 2", n)
	}
}

// typeOf is the type of a problem; empty: its status says it all.
func typeOf(t testing.TB, body string) string {
	t.Helper()
	p, _ := problemOf(t, body)
	if p.Type == nil {
		return ""
	}
	return *p.Type
}

// TestBatchPending waits for what is still to come: a batch without a verdict has no batch yet, and is followed like any check.
func TestBatchPending(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u, eve := f.newUser(), f.newUser()
	answer, text := f.do(http.MethodPost, "/v1/checks:batch", u.token, batchBody("orders", badOrder, goodOrder), "Prefer", "respond-async")
	pending := batchIn(t, text)
	if answer.StatusCode != http.StatusAccepted || answer.Header.Get("Location") != "/v1/status/"+pending.ID || answer.Header.Get("Retry-After") == "" ||
		answer.Header.Get("Preference-Applied") != "respond-async" || pending.Status != "pending" || pending.Batch != nil || string(pending.Input) != "null" {
		t.Fatalf("got %s %v %s", answer.Status, answer.Header, text)
	}
	for _, route := range []string{"GET /v1/status/ID", "GET /v1/status/ID/events", "DELETE /v1/checks/ID"} {
		method, path, _ := strings.Cut(route, " ")
		if answer, _ := f.do(method, strings.ReplaceAll(path, "ID", pending.ID), eve.token, ""); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s of another user: %s", route, answer.Status)
		}
	}
	stream := f.events(t.Context(), "/v1/status/"+pending.ID+"/events", u.token)
	<-stream
	c.apply(orders)
	if last := batchIn(t, lastOf(stream).data); last.Status != "failure" || last.Batch == nil || last.Batch.FailedIndexes != "0" {
		t.Errorf("the last event is %+v", last)
	}
}

// TestBatchDigits posts numbers that no machine has a type for: each digit is there in the Check and in the answer.
func TestBatchDigits(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u := f.newUser()
	numbers := []string{"1e400", "0.10", "12345678901234567890", "-0", "-1E+400", "1" + strings.Repeat("0", 60), "3.14159265358979323846264338327950288419716939937510"}
	var inputs []string
	for _, n := range numbers {
		inputs = append(inputs, `{"input": {"n": `+n+`, "deep": [{"n":`+n+`}]}}`)
	}
	body := `{"inputs": [` + strings.Join(inputs, ", ") + `], "rules": [{"name": "text", "module": {"name": "type", "params": {"field": "$.n", "type": "string"}}}]}`
	for _, query := range []string{"?dry_run=true", ""} {
		answer, text := f.do(http.MethodPost, "/v1/checks:batch"+query, u.token, body, "Prefer", "wait=60")
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("got %s %s", answer.Status, text)
		}
		got := batchIn(t, text)
		if len(got.Batch.Items) != len(numbers) {
			t.Fatalf("%d of %d payloads failed: %s", len(got.Batch.Items), len(numbers), text)
		}
		for _, item := range got.Batch.Items {
			n := numbers[item.Index]
			if want := `{"n":` + n + `,"deep":[{"n":` + n + `}]}`; string(item.Input) != want {
				t.Errorf("%s became %s", want, item.Input)
			}
			if query != "" {
				continue
			}
			if stored := c.recorded(got.ID).Spec.Inputs[item.Index].InputJSON; stored != `{"n": `+n+`, "deep": [{"n":`+n+`}]}` {
				t.Errorf("%s is recorded as %s", n, stored)
			}
		}
	}
}
