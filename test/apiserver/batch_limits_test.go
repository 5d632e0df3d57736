package apiserver_test

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/apiserver"
	"github.com/checky-dev/checky/rules"
)

// TestRefusedBatches sends what POST /v1/checks:batch does not take: each is refused with the status that says why, names the field and
// the payload, and leaves nothing behind.
func TestRefusedBatches(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	many := func(n int) string { return batchBody("orders", slices.Repeat([]string{"1"}, n)...) }
	large := func(sizes ...int) string {
		var payloads []string
		for _, n := range sizes {
			payloads = append(payloads, `"`+strings.Repeat("x", n-2)+`"`)
		}
		return batchBody("orders", payloads...)
	}
	const third = rules.MaxBatchBytes / 3
	ok := batchBody("orders", goodOrder, goodOrder)
	for name, tc := range map[string]struct {
		reason, body, query string
		status              int
		field               string
	}{
		"fine":           {"what the others are compared with", ok, "?dry_run=true", 200, ""},
		"1000":           {"as many as may be", many(1000), "?dry_run=true", 200, ""},
		"1001":           {"one too many", many(1001), "", 422, "body.inputs"},
		"none":           {"nothing to check", `{"inputs": []}`, "", 422, "body.inputs"},
		"null":           {"nothing to check", `{"inputs": null}`, "", 422, "body.inputs"},
		"absent":         {"nothing to check", `{"rule_sets": ["orders"]}`, "", 422, "body.inputs"},
		"no list":        {"one payload is no batch", `{"inputs": {"input": 1}}`, "", 422, "body.inputs"},
		"no objects":     {"payloads stand in objects", `{"inputs": [1]}`, "", 422, "body.inputs[0]"},
		"no input":       {"nothing to check", `{"inputs": [{"input": 1}, {"name": "x"}]}`, "", 422, "body.inputs[1].input"},
		"single":         {"that is the other route", byOrders(goodOrder), "", 422, "body.input"},
		"member twice":   {"which one counts?", `{"inputs": [{"input": 1}, {"input": 1, "input": 2}]}`, "", 422, "body.inputs[1].input"},
		"twice in input": {"rules and readers would see different payloads", `{"inputs": [{"input": {"a": 1, "a": 2}}]}`, "", 422, "body.inputs[0].input.a"},
		"list twice":     {"which one counts?", `{"inputs": [{"input": 1}], "inputs": [{"input": 2}]}`, "", 422, "body.inputs"},
		"long name":      {"254 characters", `{"inputs": [{"input": 1, "name": "` + strings.Repeat("n", 254) + `"}]}`, "", 422, "body.inputs[0].name"},
		"depth 64":       {"the deepest payload", batchBody("orders", "1", nested(64)), "?dry_run=true", 200, ""},
		"depth 65":       {"one level too deep", batchBody("orders", "1", nested(65)), "", 422, "body.inputs[1].input"},
		"depth 100,000":  {"no stack is that deep", `{"inputs": [{"input": ` + strings.Repeat("[", 100_000), "", 422, "body.inputs[0].input"},
		"768 KiB":        {"as large as may be", large(third, third, third), "?dry_run=true", 200, ""},
		"768 KiB + 1":    {"a byte too many", large(third, third, third-2, 3), "", 422, "body.inputs"},
		"one too large":  {"a byte more than a payload may have", large(2, rules.MaxPayloadBytes+1), "", 422, "body.inputs[1].input"},
		"1.5 MiB":        {"as long as a body may be", strings.Repeat(" ", 2*rules.MaxBatchBytes-len(ok)) + ok, "?dry_run=true", 200, ""},
		"1.5 MiB + 1":    {"more than any body", strings.Repeat(" ", 2*rules.MaxBatchBytes+1-len(ok)) + ok, "", 413, "body"},
		"cut off":        {"no JSON", `{"inputs": [{"input": 1}, {"input": `, "", 400, "body.inputs[1].input"},
		"not UTF-8":      {"JSON is UTF-8", "{\"inputs\": [{\"input\": \"\xff\"}]}", "", 400, "body.inputs[0].input"},
		"unknown field":  {"a typing error must not pass for consent", strings.Replace(ok, "rule_sets", "ruleSets", 1), "", 422, "body.ruleSets"},
		"bad rule":       {"a rule that does not compile", `{"inputs": [{"input": 1}], "rules": [{"name": "a", "cel": {"expression": "input +"}}]}`, "", 422, "body.rules[0]"},
		"unknown set":    {"a dry run has nothing to wait in", strings.Replace(ok, `"orders"`, `"others"`, 1), "?dry_run=true", 422, "body.rule_sets[0].name"},
	} {
		t.Run(name, func(t *testing.T) {
			var status int
			var body string
			eventually(t, "the facade knows the rule set", func() bool {
				answer, text := f.do(http.MethodPost, "/v1/checks:batch"+tc.query, u.token, tc.body)
				status, body = answer.StatusCode, text
				return tc.status != http.StatusOK || status == http.StatusOK || !strings.Contains(text, "no such rule set")
			})
			if status != tc.status {
				t.Fatalf("%s: got %d %.500s, want %d", tc.reason, status, body, tc.status)
			}
			if tc.status < 400 {
				return
			}
			if _, fields := problemOf(t, body); !cmp.Equal(fields, []string{tc.field}) {
				t.Errorf("%s: got fields %q, want %q: %s", tc.reason, fields, tc.field, body)
			}
		})
	}
	if n := c.count(); n != 0 {
		t.Errorf("%d Checks were made", n)
	}
}

// TestLargestBatches records batches that are as large as they may be, of payloads that all fail: the API server takes both them and their
// verdicts, with as many findings as there may be.
func TestLargestBatches(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	c.apply(`
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: numbers}
spec:
  rules:
  - {name: all, module: {name: type, params: {field: "$.list[*]", type: number}}}
`)
	f := c.start()
	u := f.newUser()
	const each = rules.MaxBatchBytes / rules.MaxBatchItems
	for name, tc := range map[string]struct{ reason, set, payload string }{
		"texts":     {"as many bytes as there may be", "orders", strings.Replace(badOrder, `"Ada"`, `"`+strings.Repeat("a", each-len(badOrder)+3)+`"`, 1)},
		"quotation": {"with as many quotation marks as there may be, which are stored as two bytes each", "numbers", `{"list":[` + strings.Repeat(`"x",`, 189) + `"x"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			_, text := f.postBatch(u, batchBody(tc.set, slices.Repeat([]string{tc.payload}, rules.MaxBatchItems)...))
			got := batchIn(t, text)
			b := got.Batch
			if b == nil || b.Failed != rules.MaxBatchItems || b.FailedIndexes != "0-999" {
				t.Fatalf("%s: got %s %s: %+v", tc.reason, got.Status, got.Explanation, b)
			}
			if len(b.Items) < rules.MaxBatchResults/2 || len(b.Items)+b.Truncated != rules.MaxBatchItems {
				t.Errorf("%s: %d payloads are told, and %d left out: %s", tc.reason, len(b.Items), b.Truncated, got.Explanation)
			}
		})
	}
}

// TestBatchesLeaveRoom has one user send batches as fast as it goes: another's single dry runs are all answered, and so are the batches but
// for those of one who has too many under way.
func TestBatchesLeaveRoom(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start(func(o *apiserver.Options) { o.MaxDryRuns = 16 })
	greedy, other := f.newUser(), f.newUser()
	eventually(t, "the facade knows the rule set", func() bool {
		answer, _ := f.do(http.MethodPost, "/v1/check?dry_run=true", other.token, byOrders(goodOrder))
		return answer.StatusCode == http.StatusOK
	})
	batch := batchBody("orders", slices.Repeat([]string{goodOrder}, rules.MaxBatchItems)...)
	stop := make(chan struct{})
	answered := map[int]int{}
	var mu sync.Mutex
	var clients sync.WaitGroup
	for range 16 {
		client := newClient(t, 1)
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				a, err := send(t.Context(), client, http.MethodPost, f.url+"/v1/checks:batch?dry_run=true", greedy.token, batch)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				answered[a.status]++
				mu.Unlock()
			}
		})
	}
	underWay := func() bool {
		mu.Lock()
		defer mu.Unlock()
		return answered[http.StatusOK] > 0
	}
	eventually(t, "batches are evaluated", underWay)
	for range 200 {
		if answer, text := f.do(http.MethodPost, "/v1/check?dry_run=true", other.token, byOrders(goodOrder)); answer.StatusCode != http.StatusOK {
			t.Errorf("another's dry run: %s %s", answer.Status, text)
		}
	}
	close(stop)
	clients.Wait()
	for status := range answered {
		if status != http.StatusOK && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
			t.Errorf("batches are answered %v", answered)
		}
	}
	if answered[http.StatusTooManyRequests] == 0 {
		t.Errorf("one user has 16 batches under way: %v", answered)
	}
}
