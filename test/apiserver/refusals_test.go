package apiserver_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	restclient "github.com/checky-dev/checky/apiserver/client"
)

// problemOf is what a problem says, with the fields that it names.
func problemOf(t testing.TB, body string) (p restclient.Problem, fields []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatalf("no problem: %v: %.300s", err, body)
	}
	if p.Errors != nil {
		for _, e := range *p.Errors {
			if e.Location != nil {
				fields = append(fields, *e.Location)
			}
		}
	}
	return p, fields
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// TestRefusedBodies sends what POST /v1/check does not take: each is refused with the status that says why, and names the field.
func TestRefusedBodies(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	const ok = `{"input": 1, "rules": [{"name": "any", "cel": {"expression": "true"}}]}`
	large := func(n int) string { return `{"input": "` + strings.Repeat("x", n-2) + `", "rule_sets": ["orders"]}` }
	for name, tc := range map[string]struct {
		reason  string
		body    string
		headers []string
		query   string
		status  int
		field   string
	}{
		"fine":            {"what the others are compared with", ok, nil, "", 200, ""},
		"charset":         {"UTF-8 may be said", ok, []string{"Content-Type", "Application/JSON; charset=UTF-8"}, "", 200, ""},
		"identity":        {"no compression may be said", ok, []string{"Content-Encoding", "identity"}, "", 200, ""},
		"no media type":   {"JSON is all that there is", ok, []string{"Content-Type", ""}, "", 200, ""},
		"form":            {"another media type", ok, []string{"Content-Type", "application/x-www-form-urlencoded"}, "", 415, "header.Content-Type"},
		"text":            {"another media type", ok, []string{"Content-Type", "text/plain"}, "", 415, "header.Content-Type"},
		"bad media type":  {"no media type at all", ok, []string{"Content-Type", "json"}, "", 415, "header.Content-Type"},
		"wrong charset":   {"another charset", ok, []string{"Content-Type", "application/json; charset=latin1"}, "", 415, "header.Content-Type"},
		"compressed":      {"a bomb is never unpacked", "\x1f\x8b\x08\x00", []string{"Content-Encoding", "gzip"}, "", 415, "header.Content-Encoding"},
		"empty":           {"no body", "", []string{"Content-Type", "application/json"}, "", 400, "body"},
		"cut off":         {"no JSON", `{"input": `, nil, "", 400, "body.input"},
		"not UTF-8":       {"JSON is UTF-8", "{\"input\": \"\xff\"}", nil, "", 400, "body.input"},
		"lone surrogate":  {"it stands for no character", `{"input": "\ud800"}`, nil, "", 400, "body.input"},
		"two values":      {"more than one value", ok + ok, nil, "", 400, "body"},
		"array":           {"no object", `[]`, nil, "", 422, "body"},
		"null":            {"no object", `null`, nil, "", 422, "body.input"},
		"no input":        {"nothing to check", `{"rule_sets": ["orders"]}`, nil, "", 422, "body.input"},
		"unknown field":   {"a typing error must not pass for consent", `{"input": 1, "ruleset": "orders"}`, nil, "", 422, "body.ruleset"},
		"wrong case":      {"names are exact", `{"Input": 1}`, nil, "", 422, "body.Input"},
		"field of a rule": {"a typing error in a rule", `{"input": 1, "rules": [{"name": "a", "sevrity": "info"}]}`, nil, "", 422, "body.rules[0].sevrity"},
		"member twice":    {"which one counts?", `{"input": 1, "input": 2}`, nil, "", 422, "body.input"},
		"twice in input":  {"rules and readers would see different payloads", `{"input": {"amount": 1, "amount": 2}}`, nil, "", 422, "body.input.amount"},
		"wrong type":      {"no list", `{"input": 1, "rule_sets": "orders"}`, nil, "", 422, "body.rule_sets"},
		"set of a number": {"no name", `{"input": 1, "rule_sets": [7]}`, nil, "", 422, "body.rule_sets[0]"},
		"set twice":       {"named twice", `{"input": 1, "rule_sets": ["orders", "orders"]}`, nil, "", 422, "body.rule_sets[1].name"},
		"bad set name":    {"no name of an object", `{"input": 1, "rule_sets": ["Orders!"]}`, nil, "", 422, "body.rule_sets[0].name"},
		"bad kind":        {"no kind of rule set", `{"input": 1, "rule_sets": [{"kind": "Secret", "name": "a"}]}`, nil, "", 422, "body.rule_sets[0].kind"},
		"bad severity":    {"no severity", `{"input": 1, "fail_on": "fatal"}`, nil, "", 422, "body.fail_on"},
		"negative ttl":    {"time runs forwards", `{"input": 1, "ttl_seconds": -1}`, nil, "", 422, "body.ttl_seconds"},
		"ttl fraction":    {"whole seconds", `{"input": 1, "ttl_seconds": 1.5}`, nil, "", 422, "body.ttl_seconds"},
		"ttl too long":    {"32 bits", `{"input": 1, "ttl_seconds": 2147483648}`, nil, "", 422, "body.ttl_seconds"},
		"unknown module":  {"a rule that does not compile", `{"input": 1, "rules": [{"name": "a", "module": {"name": "rnage"}}]}`, nil, "", 422, "body.rules[0]"},
		"bad expression":  {"a rule that does not compile", `{"input": 1, "rules": [{"name": "a", "cel": {"expression": "input +"}}]}`, nil, "", 422, "body.rules[0]"},
		"depth 64":        {"the deepest payload", `{"input": ` + nested(64) + `, "rule_sets": ["orders"]}`, nil, "", 200, ""},
		"depth 65":        {"one level too deep", `{"input": ` + nested(65) + `}`, nil, "", 422, "body"},
		"depth 100,000":   {"no stack is that deep", `{"input": ` + strings.Repeat("[", 100_000), nil, "", 422, "body"},
		"256 KiB":         {"the largest payload", large(256 << 10), nil, "?dry_run=true", 200, ""},
		"256 KiB + 1":     {"a byte too many", large(256<<10 + 1), nil, "", 422, "body.input"},
		"512 KiB + 1":     {"more than any body", strings.Repeat(" ", 512<<10+1-len(ok)) + ok, nil, "", 413, "body"},
		"bad preference":  {"no number", ok, []string{"Prefer", "wait=soon"}, "", 400, "header.Prefer"},
		"negative wait":   {"no number of seconds", ok, []string{"Prefer", "wait=-1"}, "", 400, "header.Prefer"},
		"key too long":    {"256 characters", ok, []string{"Idempotency-Key", strings.Repeat("k", 256)}, "", 422, "header.Idempotency-Key"},
		"key with spaces": {"not visible", ok, []string{"Idempotency-Key", "a b"}, "", 422, "header.Idempotency-Key"},
		"bad dry run":     {"neither true nor false", ok, nil, "?dry_run=maybe", 422, "query.dry_run"},
		"unknown query":   {"a typing error must not record", ok, nil, "?dryrun=true", 422, "query.dryrun"},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := f.do(http.MethodPost, "/v1/check"+tc.query, u.token, tc.body, tc.headers...)
			if answer.StatusCode != tc.status {
				t.Fatalf("%s: got %s %.500s, want %d", tc.reason, answer.Status, body, tc.status)
			}
			if tc.status < 400 {
				return
			}
			if _, fields := problemOf(t, body); !cmp.Equal(fields, []string{tc.field}) {
				t.Errorf("%s: got fields %q, want %q: %s", tc.reason, fields, tc.field, body)
			}
		})
	}
}

// TestRefusedParameters sends what the other routes do not take.
func TestRefusedParameters(t *testing.T) {
	f := newCluster(t).start()
	u := f.newUser()
	long := strings.Repeat("a", 64)
	for name, tc := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		field              string
	}{
		"limit 0":             {"GET", "/v1/checks?limit=0", "", nil, 422, "query.limit"},
		"limit 101":           {"GET", "/v1/checks?limit=101", "", nil, 422, "query.limit"},
		"limit of letters":    {"GET", "/v1/checks?limit=ten", "", nil, 422, "query.limit"},
		"status":              {"GET", "/v1/checks?status=done", "", nil, 422, "query.status"},
		"cursor":              {"GET", "/v1/checks?cursor=next", "", nil, 400, ""},
		"cursor too long":     {"GET", "/v1/checks?cursor=" + strings.Repeat("a", 257), "", nil, 422, "query.cursor"},
		"unknown parameter":   {"GET", "/v1/checks?page=2", "", nil, 422, "query.page"},
		"id too long":         {"GET", "/v1/status/" + long, "", nil, 422, "path.id"},
		"versions too long":   {"GET", "/v1/status/" + id26, "", []string{"If-None-Match", strings.Repeat("a", 1025)}, 422, "header.If-None-Match"},
		"events of long id":   {"GET", "/v1/status/" + long + "/events", "", nil, 422, "path.id"},
		"delete of long id":   {"DELETE", "/v1/checks/" + long, "", nil, 422, "path.id"},
		"id that cannot be":   {"GET", "/v1/status/UPPER", "", nil, 404, ""},
		"id with a slash":     {"GET", "/v1/status/a%2Fb", "", nil, 404, ""},
		"token's id too long": {"DELETE", "/auth/tokens/" + long, "", nil, 422, "path.id"},
		"rotate nothing":      {"POST", "/auth/tokens/0123456789abcdef/rotate", "", nil, 404, ""},
		"rotate, bad body":    {"POST", "/auth/tokens/0123456789abcdef/rotate", `{"grace_seconds": -1}`, nil, 422, "body.grace_seconds"},
		"rotate, long grace":  {"POST", "/auth/tokens/0123456789abcdef/rotate", `{"grace_seconds": 604801}`, nil, 422, "body.grace_seconds"},
		"rotate, form":        {"POST", "/auth/tokens/0123456789abcdef/rotate", `grace_seconds=1`, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, "header.Content-Type"},
		"rotate, cut off":     {"POST", "/auth/tokens/0123456789abcdef/rotate", `{"grace_seconds": `, nil, 400, "body.grace_seconds"},
		"rotate, large":       {"POST", "/auth/tokens/0123456789abcdef/rotate", strings.Repeat(" ", 8<<10+1), nil, 413, "body"},
		"reset, large":        {"POST", "/auth/password-reset", strings.Repeat(" ", 8<<10+1), nil, 413, "body"},
		"confirm, large":      {"POST", "/auth/password-reset/confirm", strings.Repeat(" ", 8<<10+1), nil, 413, "body"},
		"password, large":     {"PUT", "/auth/password", strings.Repeat(" ", 8<<10+1), nil, 413, "body"},
		"token, no name":      {"POST", "/auth/tokens", `{}`, nil, 422, "body.name"},
		"token, long name":    {"POST", "/auth/tokens", `{"name": "` + strings.Repeat("n", 65) + `"}`, nil, 422, "body.name"},
		"token, past":         {"POST", "/auth/tokens", `{"name": "n", "expires_at": "2001-01-01T00:00:00Z"}`, nil, 422, "body.expires_at"},
		"token, no time":      {"POST", "/auth/tokens", `{"name": "n", "expires_at": "tomorrow"}`, nil, 422, "body.expires_at"},
		"token, 10 years":     {"POST", "/auth/tokens", `{"name": "n", "expires_at": "2099-01-01T00:00:00Z"}`, nil, 422, "body.expires_at"},
		"token, large":        {"POST", "/auth/tokens", `{"name": "` + strings.Repeat("n", 8<<10) + `"}`, nil, 413, "body"},
		"token, empty":        {"POST", "/auth/tokens", "", nil, 400, "body"},
		"sign up, no mail":    {"POST", "/auth/signup", `{"email": "nobody", "password": "` + password + `"}`, nil, 422, "body.email"},
		"sign up, short":      {"POST", "/auth/signup", `{"email": "x@example.com", "password": "short one here"}`, nil, 422, "body.password"},
		"sign up, common":     {"POST", "/auth/signup", `{"email": "x@example.com", "password": "passwordpassword"}`, nil, 422, "body.password"},
		"sign up, typed":      {"POST", "/auth/signup", `{"email": 7}`, nil, 422, "body.email"},
		"sign up, large":      {"POST", "/auth/signup", strings.Repeat(" ", 8<<10+1), nil, 413, "body"},
		"sign up, text":       {"POST", "/auth/signup", `{}`, []string{"Content-Type", "text/plain"}, 415, "header.Content-Type"},
		"log in, nobody":      {"POST", "/auth/login", `{"email": "nobody@example.com", "password": "` + password + `"}`, nil, 401, ""},
		"log in, unknown":     {"POST", "/auth/login", `{"email": "x@example.com", "pass": "x"}`, nil, 422, "body.pass"},
		"reset, no mail":      {"POST", "/auth/password-reset", `{"email": "nobody"}`, nil, 422, "body.email"},
		"confirm, no token":   {"POST", "/auth/password-reset/confirm", `{"token": "ckr_guess", "password": "` + password + `"}`, nil, 422, ""},
		"password, short":     {"PUT", "/auth/password", `{"current_password": "` + password + `", "new_password": "short one"}`, nil, 422, "body.new_password"},
		"password, wrong":     {"PUT", "/auth/password", `{"current_password": "not the password of it", "new_password": "` + password + `"}`, nil, 401, ""},
		"no route":            {"GET", "/v1/nothing", "", nil, 404, ""},
		"no route at all":     {"GET", "/nothing", "", nil, 404, ""},
		"wrong method":        {"PATCH", "/v1/check", "", nil, 405, ""},
		"trace":               {"TRACE", "/v1/checks", "", nil, 405, ""},
		"options":             {"OPTIONS", "/v1/check", "", nil, 405, ""},
		"get of post":         {"GET", "/v1/check", "", nil, 405, ""},
		"get of batch":        {"GET", "/v1/checks:batch", "", nil, 405, ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := f.do(tc.method, tc.path, u.token, tc.body, tc.headers...)
			if answer.StatusCode != tc.status {
				t.Fatalf("got %s %.500s, want %d", answer.Status, body, tc.status)
			}
			_, fields := problemOf(t, body)
			if tc.field != "" && !cmp.Equal(fields, []string{tc.field}) || tc.field == "" && len(fields) > 0 {
				t.Errorf("got fields %q, want %q: %s", fields, tc.field, body)
			}
		})
	}
	answer, _ := f.do(http.MethodPatch, "/v1/check", u.token, "")
	if allow := answer.Header.Get("Allow"); allow != "POST" {
		t.Errorf("Allow is %q", allow)
	}
}

// id26 has the form of a check's id, and is of none.
const id26 = "01jd3v9w5k8f6m2n4p7q9r1s3t"

// TestUnauthenticated calls each route that needs a token without one, and with some that are none.
func TestUnauthenticated(t *testing.T) {
	f := newCluster(t).start()
	u := f.newUser()
	crc := u.token[:len(u.token)-1] + string('0'+(u.token[len(u.token)-1]-'0'+1)%10)
	for _, route := range []string{
		"POST /v1/check", "POST /v1/checks:batch", "GET /v1/checks", "GET /v1/status/" + id26, "GET /v1/status/" + id26 + "/events", "DELETE /v1/checks/" + id26,
		"GET /v1/rule-sets", "GET /auth/tokens", "POST /auth/tokens", "POST /auth/tokens/0123456789abcdef/rotate",
		"DELETE /auth/tokens/0123456789abcdef", "PUT /auth/password", "DELETE /auth/account",
	} {
		method, path, _ := strings.Cut(route, " ")
		for name, authorization := range map[string]string{
			"none": "", "basic": "Basic YTpi", "empty": "Bearer ", "garbage": "Bearer cky_garbage", "typing error": "Bearer " + crc,
			"JWT": "Bearer eyJhbGciOiJub25lIn0.e30.c2ln", "spaces": "Bearer a b",
		} {
			answer, body := f.do(method, path, "", "", "Authorization", authorization, "Content-Type", "application/json")
			if answer.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), `Bearer realm="checky"`) {
				t.Errorf("%s with %s: %s %s", route, name, answer.Status, body)
			}
		}
	}
	r := f.request(http.MethodGet, "/v1/checks", u.token, nil)
	r.Header.Add("Authorization", "Bearer "+u.token)
	if answer, _ := f.roundTrip(r); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("with two tokens: %s", answer.Status)
	}
}

// request makes a request with a body of a reader's, whose length is not known.
func (f *facade) request(method, path, token string, body io.Reader) *http.Request {
	f.c.t.Helper()
	r, err := http.NewRequestWithContext(f.c.t.Context(), method, f.url+path, body)
	if err != nil {
		f.c.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

// roundTrip sends a request.
func (f *facade) roundTrip(r *http.Request) (*http.Response, string) {
	f.c.t.Helper()
	answer, err := f.http.Do(r)
	if err != nil {
		f.c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		f.c.t.Fatal(err)
	}
	return answer, string(text)
}

// TestChunkedBodies sends bodies whose length is not said: they are taken up to the same bounds.
func TestChunkedBodies(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	for name, tc := range map[string]struct {
		path, body string
		status     int
	}{
		"check":         {"/v1/check?dry_run=true", `{"input": ` + goodOrder + `, "rule_sets": ["orders"]}`, 200},
		"large check":   {"/v1/check", strings.Repeat(" ", 512<<10+1), 413},
		"empty check":   {"/v1/check", "", 400},
		"large sign-up": {"/auth/signup", strings.Repeat(" ", 8<<10+1), 413},
		"empty rotate":  {"/auth/tokens/0123456789abcdef/rotate", "", 404},
		"rotate":        {"/auth/tokens/0123456789abcdef/rotate", `{"grace_seconds": 7}`, 404},
	} {
		// The type hides the length, which makes the request chunked.
		r := f.request(http.MethodPost, tc.path, u.token, struct{ io.Reader }{strings.NewReader(tc.body)})
		if answer, body := f.roundTrip(r); answer.StatusCode != tc.status {
			t.Errorf("%s: got %s %s, want %d", name, answer.Status, body, tc.status)
		}
	}
}

// TestLyingLength sends other lengths than it says, over connections of its own: the request is refused, or ends where it says,
// and what comes after is never taken for another one's.
func TestLyingLength(t *testing.T) {
	f := newCluster(t).start()
	u := f.newUser()
	const body = `{"input": 1, "rules": [{"name": "any", "cel": {"expression": "true"}}]}`
	for name, tc := range map[string]struct {
		headers string
		want    []int
	}{
		"shorter":          {"Content-Length: 5\r\n", []int{400, 400}},
		"negative":         {"Content-Length: -5\r\n", []int{400}},
		"no number":        {"Content-Length: five\r\n", []int{400}},
		"two lengths":      {fmt.Sprintf("Content-Length: %d\r\nContent-Length: 3\r\n", len(body)), []int{400}},
		"longer than any":  {"Content-Length: 600000\r\n", []int{413}},
		"beyond 64 bits":   {"Content-Length: 99999999999999999999\r\n", []int{400}},
		"longer, then end": {fmt.Sprintf("Content-Length: %d\r\n", len(body)+7), []int{400}},
		"unknown coding":   {"Transfer-Encoding: gzip, chunked\r\n", []int{501}},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(f.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST /v1/check?dry_run=true HTTP/1.1\r\nHost: checky\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n%s", u.token, tc.headers, body)
			_ = conn.(*net.TCPConn).CloseWrite() //nolint:forcetypeassert // dialled as one
			everything, err := io.ReadAll(conn)
			if err != nil {
				t.Logf("the connection ended with %v", err)
			}
			in := bufio.NewReader(bytes.NewReader(everything))
			var got []int
			for {
				answer, err := http.ReadResponse(in, nil)
				if err != nil {
					break
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				got = append(got, answer.StatusCode)
			}
			if !cmp.Equal(got, tc.want) {
				t.Errorf("got %v, want %v: %.300s", got, tc.want, everything)
			}
		})
	}
}
