package apiserver_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/check"
)

// never is a request that waits for a rule set which nobody makes.
const never = `{"input": {"amount": 1}, "rule_sets": ["nobody-makes-it"]}`

// result is a check result as it came, with the bytes of its payload.
type result struct {
	ID           string          `json:"id"`
	Status       string          `json:"status"`
	Reason       string          `json:"reason"`
	Input        json.RawMessage `json:"input"`
	Explanation  string          `json:"explanation"`
	RulesApplied []string        `json:"rules_applied"`
	Results      json.RawMessage `json:"results"`
	Passages     json.RawMessage `json:"passages"`
	Summary      json.RawMessage `json:"summary"`
}

func resultIn(t testing.TB, body string) (r result) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("no check result: %v: %.300s", err, body)
	}
	return r
}

// recorded is the Check of an id.
func (c *cluster) recorded(id string) *v1alpha1.Check {
	c.t.Helper()
	found := &v1alpha1.Check{}
	if err := c.Get(c.t.Context(), client.ObjectKey{Namespace: c.namespace, Name: id}, found); err != nil {
		c.t.Fatal(err)
	}
	return found
}

// count is how many Checks there are.
func (c *cluster) count() int {
	c.t.Helper()
	var list v1alpha1.CheckList
	if err := c.List(c.t.Context(), &list, client.InNamespace(c.namespace)); err != nil {
		c.t.Fatal(err)
	}
	return len(list.Items)
}

// TestPrefer asks for waits of all kinds, of a check that gets its verdict and of one that never does.
func TestPrefer(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	for name, tc := range map[string]struct {
		body, prefer string
		status       int
		applied      string
	}{
		"verdict":            {byOrders(goodOrder), "wait=60", 200, "wait=60"},
		"quoted":             {byOrders(goodOrder), `wait="60"`, 200, "wait=60"},
		"among others":       {byOrders(goodOrder), "handling=lenient, wait=60;x=y", 200, "wait=60"},
		"longer than served": {byOrders(goodOrder), "wait=86400", 200, "wait=60"},
		"not at all":         {never, "wait=0", 202, "wait=0"},
		"a moment":           {never, "wait=1", 202, "wait=1"},
		"asynchronous":       {never, "respond-async", 202, "respond-async"},
		"unsaid":             {never, "", 202, ""},
		"others":             {never, "return=minimal", 202, ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := f.do(http.MethodPost, "/v1/check", u.token, tc.body, "Prefer", tc.prefer)
			if answer.StatusCode != tc.status {
				t.Fatalf("got %s %s", answer.Status, body)
			}
			r := resultIn(t, body)
			if got := answer.Header.Get("Preference-Applied"); got != tc.applied {
				t.Errorf("Preference-Applied is %q, want %q", got, tc.applied)
			}
			if got := answer.Header.Get("Location"); got != "/v1/status/"+r.ID {
				t.Errorf("Location is %q for %s", got, r.ID)
			}
			if pending := tc.status == http.StatusAccepted; pending != (r.Status == "pending") || pending != (answer.Header.Get("Retry-After") != "") {
				t.Errorf("%d is %s, Retry-After %q", tc.status, r.Status, answer.Header.Get("Retry-After"))
			}
			c.recorded(r.ID)
			if answer, body := f.do(http.MethodGet, answer.Header.Get("Location"), u.token, ""); answer.StatusCode != http.StatusOK {
				t.Errorf("Location: %s %s", answer.Status, body)
			}
		})
	}
}

// TestIdempotencyKey repeats requests: the same one is the same check, another one is refused, and another user's key is another.
func TestIdempotencyKey(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	ada, bob := f.newUser(), f.newUser()
	post := func(u *user, body, key string) (int, string) {
		answer, text := f.do(http.MethodPost, "/v1/check", u.token, body, "Idempotency-Key", key, "Prefer", "wait=60")
		if answer.StatusCode == http.StatusOK {
			return answer.StatusCode, resultIn(t, text).ID
		}
		p, _ := problemOf(t, text)
		return answer.StatusCode, *p.Type
	}
	const key = "order-4711-first-try"
	_, first := post(ada, byOrders(goodOrder), key)
	for name, body := range map[string]string{
		"the same":              byOrders(goodOrder),
		"with other spaces":     strings.ReplaceAll(byOrders(goodOrder), ",", " ,\n"),
		"with a default spoken": strings.Replace(byOrders(goodOrder), "{", `{"fail_on": "error", `, 1),
	} {
		if status, id := post(ada, body, key); status != http.StatusOK || id != first {
			t.Errorf("%s: %d %s, want %s", name, status, id, first)
		}
	}
	for name, body := range map[string]string{
		"another payload": byOrders(badOrder),
		"another ttl":     strings.Replace(byOrders(goodOrder), "{", `{"ttl_seconds": 60, `, 1),
		"other severity":  strings.Replace(byOrders(goodOrder), "{", `{"fail_on": "info", `, 1),
		"a number longer": strings.Replace(byOrders(goodOrder), "74.89", "74.890000000000000000001", 1),
	} {
		if status, kind := post(ada, body, key); status != http.StatusUnprocessableEntity || kind != "urn:checky:problem:idempotency-key-reused" {
			t.Errorf("%s: %d %s", name, status, kind)
		}
	}
	if status, id := post(bob, byOrders(badOrder), key); status != http.StatusOK || id == first {
		t.Errorf("another user's: %d %s", status, id)
	}
	if status, id := post(ada, byOrders(badOrder), "another"); status != http.StatusOK || id == first {
		t.Errorf("another key: %d %s", status, id)
	}
	if n := c.count(); n != 3 {
		t.Errorf("there are %d Checks, want 3", n)
	}
}

// TestDryRun evaluates without a record what is then recorded: the results are the same.
func TestDryRun(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	c.apply(`
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: house, annotations: {checky.dev/default: "true"}}
spec:
  rules:
  - {name: whole, severity: warning, cel: {expression: "type(input) != string"}}
`)
	f := c.start()
	u := f.newUser()
	for name, body := range map[string]string{
		"good":          byOrders(goodOrder),
		"bad":           byOrders(badOrder),
		"bad, critical": strings.Replace(byOrders(badOrder), "{", `{"fail_on": "critical", `, 1),
		"by default":    `{"input": "text"}`,
		"null":          `{"input": null}`,
		"own rules":     `{"input": {"a": 1}, "rules": [{"name": "b", "module": {"name": "required", "params": {"field": "$.b"}}}]}`,
		"cannot be":     `{"input": {"a": 1}, "rules": [{"name": "c", "cel": {"expression": "input.b > 1"}}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			before := c.count()
			var dry result
			eventually(t, "the facade knows the rule sets", func() bool {
				answer, text := f.do(http.MethodPost, "/v1/check?dry_run=true", u.token, body, "Idempotency-Key", "never-used")
				if answer.StatusCode != http.StatusOK || answer.Header.Get("Location") != "" {
					t.Fatalf("got %s, Location %q: %s", answer.Status, answer.Header.Get("Location"), text)
				}
				dry = resultIn(t, text)
				return len(dry.RulesApplied) > 0
			})
			if dry.ID != "" || c.count() != before {
				t.Errorf("a dry run recorded %s", dry.ID)
			}
			answer, text := f.do(http.MethodPost, "/v1/check", u.token, body, "Prefer", "wait=60")
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("got %s %s", answer.Status, text)
			}
			recorded := resultIn(t, text)
			recorded.ID = ""
			if diff := cmp.Diff(recorded, dry); diff != "" {
				t.Errorf("-recorded +dry run:\n%s", diff)
			}
		})
	}
}

// TestDigits posts numbers that no machine has a type for: each digit is there in the answer, in the Check and in the list of
// verdicts.
func TestDigits(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u := f.newUser()
	for _, number := range []string{
		"12345678901234567890", "-98765432109876543210", "1e400", "-1E+400", "0.1000", "1.0", "-0", "0.1e-400", "1" + strings.Repeat("0", 60),
		"3.14159265358979323846264338327950288419716939937510",
	} {
		payload := fmt.Sprintf(`{"n": %s, "deep": [{"n":%s}]}`, number, number)
		body := `{"input": ` + payload + `, "rules": [{"name": "type", "module": {"name": "type", "params": {"field": "$.n", "type": "number"}}}]}`
		for _, query := range []string{"?dry_run=true", ""} {
			answer, text := f.do(http.MethodPost, "/v1/check"+query, u.token, body, "Prefer", "wait=60")
			if answer.StatusCode != http.StatusOK || !strings.Contains(text, `"status":"success"`) {
				t.Errorf("%s: %s %s", number, answer.Status, text)
				continue
			}
			r := resultIn(t, text)
			if got := compact(t, r.Input); got != compact(t, []byte(payload)) {
				t.Errorf("%s became %s", payload, r.Input)
			}
			if query != "" {
				continue
			}
			if got := c.recorded(r.ID).Spec.InputJSON; compact(t, []byte(got)) != compact(t, []byte(payload)) {
				t.Errorf("%s is recorded as %s", payload, got)
			}
			_, text = f.do(http.MethodGet, "/v1/status/"+r.ID, u.token, "")
			if got := compact(t, resultIn(t, text).Input); got != compact(t, []byte(payload)) {
				t.Errorf("%s is read as %s", payload, got)
			}
		}
	}
}

// compact takes the white space out of JSON, and touches nothing else.
func compact(t testing.TB, text []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestTTL gives a check a time to live: the controller deletes it then, and its verdict cannot be read any more.
func TestTTL(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	answer, text := f.do(http.MethodPost, "/v1/check", u.token, strings.Replace(byOrders(goodOrder), "{", `{"ttl_seconds": 1, `, 1), "Prefer", "wait=60")
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("got %s %s", answer.Status, text)
	}
	id := resultIn(t, text).ID
	eventually(t, "its time is up", func() bool {
		answer, _ := f.do(http.MethodGet, "/v1/status/"+id, u.token, "")
		return answer.StatusCode == http.StatusNotFound
	})
	kept := resultIn(t, mustPost(t, f, u, strings.Replace(byOrders(goodOrder), "{", `{"ttl_seconds": 86400, `, 1)))
	if ttl := c.recorded(kept.ID).Spec.TTLSecondsAfterFinished; ttl == nil || *ttl != 86400 {
		t.Errorf("the Check's time to live is %v", ttl)
	}
}

// mustPost posts a check, and gives the body of its verdict.
func mustPost(t testing.TB, f *facade, u *user, body string, headers ...string) string {
	t.Helper()
	answer, text := f.do(http.MethodPost, "/v1/check", u.token, body, append(headers, "Prefer", "wait=60")...)
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("got %s %s", answer.Status, text)
	}
	return text
}

// TestTrace hands a trace on to the Check, and answers with the request's id.
func TestTrace(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for name, tc := range map[string]struct {
		parent, stored, id, answered string
	}{
		"both":       {parent, parent, "order-4711", "order-4711"},
		"no trace":   {"00-00000000000000000000000000000000-00f067aa0ba902b7-01", "", "", ""},
		"no traces":  {"nonsense", "", "with spaces and \"quotes\"", ""},
		"id of many": {parent, parent, strings.Repeat("x", 65), ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer, text := f.do(http.MethodPost, "/v1/check", u.token, byOrders(goodOrder), "Prefer", "wait=60", "Traceparent", tc.parent, "X-Request-Id", tc.id)
			if answer.StatusCode != http.StatusOK {
				t.Fatalf("got %s %s", answer.Status, text)
			}
			if got := c.recorded(resultIn(t, text).ID).Annotations[check.TraceParentAnnotation]; got != tc.stored {
				t.Errorf("the Check's traceparent is %q, want %q", got, tc.stored)
			}
			id := answer.Header.Get("X-Request-Id")
			if tc.answered != "" && id != tc.answered || tc.answered == "" && (id == tc.id || id == "") {
				t.Errorf("the request id is %q of %q", id, tc.id)
			}
			if !strings.Contains(f.log.String(), id) {
				t.Errorf("the access log does not have %s", id)
			}
		})
	}
}
