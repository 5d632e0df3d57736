package apiserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	restclient "github.com/checky-dev/checky/apiserver/client"
)

// TestConditionalGet reads a check by its version.
func TestConditionalGet(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	posted, text := f.do(http.MethodPost, "/v1/check", u.token, byOrders(goodOrder), "Prefer", "wait=60")
	path := "/v1/status/" + resultIn(t, text).ID
	read, again := f.do(http.MethodGet, path, u.token, "")
	etag := read.Header.Get("ETag")
	if etag == "" || etag != posted.Header.Get("ETag") || again != text {
		t.Errorf("what was posted reads differently: ETag %s and %s\n%s", posted.Header.Get("ETag"), etag, cmp.Diff(text, again))
	}
	if got := read.Header.Get("Cache-Control"); got != "private, no-cache" {
		t.Errorf("Cache-Control is %q", got)
	}
	for have, want := range map[string]int{
		etag: 304, "W/" + etag: 304, `"other", ` + etag: 304, "*": 304, `"other"`: 200, strings.Trim(etag, `"`): 200, "": 200,
	} {
		answer, body := f.do(http.MethodGet, path, u.token, "", "If-None-Match", have)
		if answer.StatusCode != want || want == http.StatusNotModified && (body != "" || answer.Header.Get("ETag") != etag) {
			t.Errorf("If-None-Match %s: %s %q, ETag %s", have, answer.Status, body, answer.Header.Get("ETag"))
		}
	}
	document, _ := f.do(http.MethodGet, "/openapi.json", "", "")
	if again, body := f.do(http.MethodGet, "/openapi.json", "", "", "If-None-Match", document.Header.Get("ETag")); again.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("the document again: %s", again.Status)
	}
}

// TestHead asks each route that can be read for its headers alone: they are those of GET, and no body comes.
func TestHead(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	done := resultIn(t, mustPost(t, f, u, byOrders(goodOrder))).ID
	_, text := f.do(http.MethodPost, "/v1/check", u.token, never, "Prefer", "wait=0")
	pending := resultIn(t, text).ID
	eventually(t, "the controller has said what the check waits for", func() bool {
		_, text := f.do(http.MethodGet, "/v1/status/"+pending, u.token, "")
		return resultIn(t, text).Reason != "Pending"
	})
	for _, path := range []string{
		"/v1/status/" + done, "/v1/status/" + pending, "/v1/checks", "/v1/rule-sets", "/auth/tokens", "/health", "/livez", "/readyz", "/openapi.json",
		"/docs", "/redoc", "/v1/status/" + id26, "/v1/status/" + done + "/events",
	} {
		head, body := f.do(http.MethodHead, path, u.token, "")
		get, _ := f.do(http.MethodGet, path, u.token, "")
		if head.StatusCode != get.StatusCode || body != "" {
			t.Errorf("HEAD %s: %s %q, GET is %s", path, head.Status, body, get.Status)
		}
		for _, name := range []string{"Content-Type", "ETag", "Cache-Control", "X-Frame-Options"} {
			if h, g := head.Header.Get(name), get.Header.Get(name); h != g {
				t.Errorf("HEAD %s: %s is %q, of GET %q", path, name, h, g)
			}
		}
	}
	// A stream of what never ends has headers that end.
	head, _ := f.do(http.MethodHead, "/v1/status/"+pending+"/events", u.token, "")
	if head.StatusCode != http.StatusOK || head.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD of a stream: %s %s", head.Status, head.Header.Get("Content-Type"))
	}
	eventually(t, "HEAD of a stream has been answered in full", func() bool {
		return strings.Count(f.log.String(), `"route"="/v1/status/{id}/events"`) == 3
	})
}

// TestPaging follows cursors and links through a user's checks: each is there once, the newest first, and another user's are not.
func TestPaging(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u, other := f.newUser(), f.newUser()
	want := map[string][]string{}
	for i := range 7 {
		body, status := byOrders(goodOrder), "success"
		switch i % 3 {
		case 1:
			body, status = byOrders(badOrder), "failure"
		case 2:
			body, status = never, "pending"
		}
		var id string
		if status == "pending" {
			_, text := f.do(http.MethodPost, "/v1/check", u.token, body, "Prefer", "wait=0")
			id = resultIn(t, text).ID
		} else {
			id = resultIn(t, mustPost(t, f, u, body)).ID
		}
		want[status] = append(want[status], id)
		want[""] = append(want[""], id)
		other.check(t, goodOrder)
	}
	for status, ids := range want {
		for _, limit := range []int{1, 2, 3, 100} {
			t.Run(fmt.Sprintf("%s by %d", status, limit), func(t *testing.T) {
				query := url.Values{"limit": {fmt.Sprint(limit)}}
				if status != "" {
					query.Set("status", status)
				}
				var got []string
				next := "/v1/checks?" + query.Encode()
				for next != "" {
					answer, body := f.do(http.MethodGet, next, u.token, "")
					var page restclient.CheckList
					if err := json.Unmarshal([]byte(body), &page); err != nil || len(page.Checks) > limit {
						t.Fatalf("%s: %v: %s", next, err, body)
					}
					for _, check := range page.Checks {
						if status != "" && string(check.Status) != status {
							t.Errorf("%s is %s", check.ID, check.Status)
						}
						got = append(got, check.ID)
					}
					next = linked(t, answer, page.NextCursor)
				}
				// Creation times are whole seconds, and ids of one second are in order of the moment.
				wanted := slices.Clone(ids)
				slices.Reverse(wanted)
				if diff := cmp.Diff(wanted, got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// linked is the next page by the Link header, which says the same as the cursor in the body.
func linked(t testing.TB, answer *http.Response, cursor *string) string {
	t.Helper()
	link := answer.Header.Get("Link")
	if (cursor == nil) != (link == "") {
		t.Fatalf("the cursor is %v, Link %q", cursor, link)
	}
	if link == "" {
		return ""
	}
	target, ok := strings.CutSuffix(strings.TrimPrefix(link, "<"), `>; rel="next"`)
	if !ok || !strings.Contains(target, "cursor="+*cursor) {
		t.Fatalf("Link is %q, the cursor %s", link, *cursor)
	}
	return target
}

// TestDelete removes checks with and without a verdict.
func TestDelete(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	u := f.newUser()
	_, text := f.do(http.MethodPost, "/v1/check", u.token, never, "Prefer", "wait=0")
	for _, id := range []string{resultIn(t, text).ID, u.idOf(t, goodOrder)} {
		if answer, body := f.do(http.MethodDelete, "/v1/checks/"+id, u.token, ""); answer.StatusCode != http.StatusNoContent {
			t.Errorf("delete: %s %s", answer.Status, body)
		}
		for _, again := range []string{"DELETE /v1/checks/" + id, "GET /v1/status/" + id, "GET /v1/status/" + id + "/events"} {
			method, path, _ := strings.Cut(again, " ")
			eventually(t, again+" is 404", func() bool {
				answer, _ := f.do(method, path, u.token, "")
				return answer.StatusCode == http.StatusNotFound
			})
		}
	}
	if n := c.count(); n != 0 {
		t.Errorf("%d Checks are left", n)
	}
}

func (u *user) idOf(t testing.TB, payload string) string {
	t.Helper()
	return *u.check(t, payload).ID
}

// TestRuleSets lists what can be asked for.
func TestRuleSets(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	c.apply(`
apiVersion: checky.dev/v1alpha1
kind: RuleSet
metadata: {name: broken, annotations: {checky.dev/default: "true"}}
spec:
  rules:
  - {name: bad, cel: {expression: "input +"}}
  - {name: good, severity: critical, cel: {expression: "input.amount > 0"}}
---
apiVersion: checky.dev/v1alpha1
kind: ClusterRuleSet
metadata: {name: ` + c.namespace + `-everywhere}
spec:
  rules:
  - {name: total, module: {name: sum, params: {field: '$.items[*].price', equals: $.total}}}
`)
	f := c.start()
	u := f.newUser()
	_, text := f.do(http.MethodGet, "/v1/rule-sets", u.token, "")
	var list restclient.RuleSetList
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]restclient.RuleSet{}
	for _, set := range list.RuleSets {
		got[set.Name] = set
	}
	if s := got["orders"]; !s.Ready || s.Default || len(s.Rules) != 5 || s.Kind != "RuleSet" {
		t.Errorf("orders: %+v", s)
	}
	fields := map[string][]string{}
	for _, set := range got {
		for _, rule := range set.Rules {
			slices.Sort(rule.Fields)
			fields[set.Name+"/"+rule.Name] = rule.Fields
		}
	}
	for rule, want := range map[string][]string{
		"orders/amount-range": {"$.amount"}, "orders/sku-form": {"$.items[*].sku"}, "orders/customer-email": {"$.customer.email"},
		c.namespace + "-everywhere/total": {"$.items[*].price", "$.total"},
	} {
		if diff := cmp.Diff(want, fields[rule]); diff != "" {
			t.Errorf("the fields of %s: %s", rule, diff)
		}
	}
	if s := got["broken"]; s.Ready || !s.Default || s.Errors == nil || (*s.Errors)[0].Rule != "bad" {
		t.Errorf("broken: %+v", s)
	}
	if s := got[c.namespace+"-everywhere"]; s.Kind != "ClusterRuleSet" {
		t.Errorf("everywhere: %+v", s)
	}
}

// event is a server-sent event.
type event struct{ name, data string }

// events opens a stream. What it gives ends with the stream.
func (f *facade) events(ctx context.Context, path, token string) <-chan event {
	f.c.t.Helper()
	r := f.request(http.MethodGet, path, token, nil).WithContext(ctx)
	answer, err := f.http.Do(r)
	if err != nil {
		f.c.t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" || answer.Header.Get("Cache-Control") != "no-store" {
		f.c.t.Fatalf("events: %s %v", answer.Status, answer.Header)
	}
	out := make(chan event)
	go func() {
		defer close(out)
		defer answer.Body.Close()
		read(answer.Body, out)
	}()
	return out
}

// read reads events as the HTML Standard says, section 9.2.6, as far as they are used here.
func read(in io.Reader, out chan<- event) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	var e event
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ": ")
		switch field {
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "":
			if e != (event{}) {
				out <- e
			}
			e = event{}
		}
	}
}

// TestEvents follows checks: one that gets its rule set while it is followed, one that is deleted, and one that has its verdict.
func TestEvents(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	u := f.newUser()
	post := func() string {
		_, text := f.do(http.MethodPost, "/v1/check", u.token, byOrders(badOrder), "Prefer", "wait=0")
		return resultIn(t, text).ID
	}
	deleted, followed := post(), post()

	stream := f.events(t.Context(), "/v1/status/"+deleted+"/events", u.token)
	if e := <-stream; e.name != "result" || resultIn(t, e.data).Status != "pending" {
		t.Errorf("first: %+v", e)
	}
	f.do(http.MethodDelete, "/v1/checks/"+deleted, u.token, "")
	if last := lastOf(stream); last != (event{"deleted", "{}"}) {
		t.Errorf("last: %+v", last)
	}

	stream = f.events(t.Context(), "/v1/status/"+followed+"/events", u.token)
	<-stream
	c.apply(orders)
	last := lastOf(stream)
	if last.name != "result" || resultIn(t, last.data).Status != "failure" {
		t.Errorf("last: %+v", last)
	}
	_, text := f.do(http.MethodGet, "/v1/status/"+followed, u.token, "")
	if diff := cmp.Diff(text, last.data+"\n"); diff != "" {
		t.Errorf("the last event is not the result: %s", diff)
	}
	if finished := lastOf(f.events(t.Context(), "/v1/status/"+followed+"/events", u.token)); finished != last {
		t.Errorf("a finished one: %+v", finished)
	}
}

// lastOf reads a stream to its end.
func lastOf(stream <-chan event) (last event) {
	for e := range stream {
		last = e
	}
	return last
}

// TestStrangers asks for another user's check: the answer is that of an id which nobody has.
func TestStrangers(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start()
	ada, eve := f.newUser(), f.newUser()
	_, text := f.do(http.MethodPost, "/v1/check", ada.token, never, "Prefer", "wait=0")
	for name, id := range map[string]string{"finished": ada.idOf(t, goodOrder), "pending": resultIn(t, text).ID} {
		for _, route := range []string{"GET /v1/status/ID", "GET /v1/status/ID/events", "DELETE /v1/checks/ID"} {
			method, path, _ := strings.Cut(route, " ")
			theirs, theirBody := f.do(method, strings.ReplaceAll(path, "ID", id), eve.token, "")
			nobodys, nobodysBody := f.do(method, strings.ReplaceAll(path, "ID", id26), eve.token, "")
			if theirs.StatusCode != http.StatusNotFound || theirBody != nobodysBody {
				t.Errorf("%s, %s: %s %s, of nobody: %s", route, name, theirs.Status, theirBody, nobodysBody)
			}
			if diff := cmp.Diff(steady(nobodys.Header), steady(theirs.Header)); diff != "" {
				t.Errorf("%s, %s: headers differ:\n%s", route, name, diff)
			}
		}
		if answer, _ := f.do(http.MethodGet, "/v1/status/"+id, ada.token, ""); answer.StatusCode != http.StatusOK {
			t.Errorf("it is gone: %s", answer.Status)
		}
	}
	if _, body := f.do(http.MethodGet, "/v1/checks", eve.token, ""); compact(t, []byte(body)) != `{"checks":[]}` {
		t.Errorf("they see %s", body)
	}
}

// steady is a header without what differs from answer to answer.
func steady(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Date", "X-Request-Id", "Ratelimit"} {
		h.Del(name)
	}
	return h
}
