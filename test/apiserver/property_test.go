package apiserver_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/checky-dev/checky/apiserver"
)

// TestAnyRequest sends requests that are made from the document, whole and broken. Whatever it is: the server does not fail, the
// answer is one of the document's, and neither an answer that refuses nor the log repeats a value of the request.
func TestAnyRequest(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	c.apply(houseRules)
	f := c.start(believing, func(o *apiserver.Options) {
		// Nothing here is about waiting: verdicts that never come, and answers that are as slow as all others.
		o.Wait, o.MaxWait, o.Quantum = 0, 0, 0
		o.MaxPendingPerOwner, o.MaxPending = 100_000, 100_000
	})
	u := f.newUser()
	program := f.newToken(u.token, "pipeline")
	tokens := []string{program.Token, program.Token, program.Token, "", "cky_" + marker, c.aliens()}
	ids := []string{program.TokenID + "x", id26}
	for _, body := range []string{byOrders(goodOrder), byOrders(badOrder), never} {
		_, text := f.do(http.MethodPost, "/v1/check", program.Token, body)
		ids = append(ids, resultIn(t, text).ID)
	}
	g := newGenerator(t)
	contract, err := theContract()
	if err != nil {
		t.Fatal(err)
	}
	client := newClient(t, 4)
	answered := map[int]int{}
	rapid.Check(t, func(rt *rapid.T) {
		for range 15 {
			r := g.request(rt, ids)
			token := rapid.SampledFrom(tokens).Draw(rt, "token")
			if rapid.IntRange(0, 3).Draw(rt, "by a session") == 0 && !strings.HasPrefix(r.target, "/auth/account") {
				token = u.token
			}
			answer, body := f.sendGenerated(rt, client, r, token)
			answered[answer.StatusCode]++
			if answer.StatusCode >= http.StatusInternalServerError {
				rt.Fatalf("%s %s: %s %s\n%.2000s", r.method, r.target, answer.Status, body, r.body)
			}
			if broken := contract.violation(answer, body); broken != "" {
				rt.Fatalf("%s %s: %s breaks the document: %s\n%.2000s\n%.2000s", r.method, r.target, answer.Status, broken, body, r.body)
			}
			if answer.StatusCode >= http.StatusBadRequest && said(answer, body, marker) {
				rt.Fatalf("%s %s: %s repeats a value: %s %v\n%.2000s", r.method, r.target, answer.Status, body, answer.Header, r.body)
			}
		}
	})
	t.Logf("answers by status: %v", answered)
	for _, status := range []int{200, 202, 400, 401, 403, 404, 415, 422} {
		if answered[status] == 0 {
			t.Errorf("no request was answered %d: the generator does not reach far", status)
		}
	}
	if log := f.log.String(); strings.Contains(log, marker) {
		at := strings.Index(log, marker)
		t.Errorf("the log repeats a value: %s", log[max(0, at-300):min(len(log), at+300)])
	}
	if !f.works(u.token) {
		t.Error("the facade, or the session, is gone")
	}
}

// aliens is the token of a ServiceAccount for somebody else's audience.
func (c *cluster) aliens() string {
	c.t.Helper()
	c.apply("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: alien}\n")
	return c.serviceToken("alien", "elsewhere")
}

// addresses are those that requests have come from so far.
var addresses atomic.Uint32

// sendGenerated sends a request from an address of its own, and reads the answer; of a stream, only its beginning.
func (f *facade) sendGenerated(t *rapid.T, client *http.Client, g generated, token string) (*http.Response, []byte) {
	ctx, cancel := context.WithTimeout(f.c.t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, g.method, f.url+g.target, strings.NewReader(g.body))
	if err != nil {
		t.Fatalf("the generator makes what cannot be sent: %v", err)
	}
	r.Header = g.headers.Clone()
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	n := addresses.Add(1)
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.%d.%d", n>>8&255, n&255))
	answer, err := client.Do(r)
	if err != nil {
		t.Fatalf("%s %s: %v", g.method, g.target, err)
	}
	defer answer.Body.Close()
	if strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		return answer, nil
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", g.method, g.target, err)
	}
	return answer, body
}
