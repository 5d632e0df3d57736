package apiserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/checky-dev/checky/apiserver"
)

// pending makes a check that has no verdict: of a rule set that nobody makes.
func (u *user) pending(t *testing.T, f *facade) (id string) {
	t.Helper()
	answer, body := f.do(http.MethodPost, "/v1/check", u.token, `{"input":1,"rule_sets":["never"]}`, "Prefer", "wait=0")
	if answer.StatusCode != http.StatusAccepted {
		t.Fatalf("post a check: %s %s", answer.Status, body)
	}
	var made struct{ ID string }
	if err := json.Unmarshal([]byte(body), &made); err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// The memory of bodies is for all: one account that sends large ones slowly must not keep others from sending theirs, nor from
// logging in.
func TestSlowBodiesOfOneLeaveRoom(t *testing.T) {
	c := newCluster(t)
	f := c.start()
	slow, other := f.newUser(), f.newUser()
	refused := make(chan string, 1)
	for range 150 { // The memory holds 128 of the largest.
		var dialer net.Dialer
		conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(f.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		fmt.Fprintf(conn, "POST /v1/check HTTP/1.1\r\nHost: checky\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n{", slow.token, 512<<10)
		go func() {
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				return
			}
			_ = answer.Body.Close()
			select {
			case refused <- answer.Status:
			default:
			}
		}()
	}
	if status := <-refused; !strings.HasPrefix(status, "429") {
		t.Errorf("one who holds too much is told %s", status)
	}
	if answer, body := f.do(http.MethodPost, "/v1/check?dry_run=true", other.token,
		`{"input":"`+strings.Repeat("x", 200<<10)+`","rules":[{"name":"a","module":{"name":"type","params":{"field":"$","type":"string"}}}]}`); answer.StatusCode != http.StatusOK {
		t.Errorf("another's large check: %s %s", answer.Status, body)
	}
	f.newUser()
}

// The streams of events are for all.
func TestStreamsOfOneLeaveRoom(t *testing.T) {
	f := newCluster(t).start(func(o *apiserver.Options) { o.MaxStreams = 40 })
	greedy, other := f.newUser(), f.newUser()
	open := func(u *user, id string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+"/v1/status/"+id+"/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+u.token)
		answer, err := http.DefaultClient.Do(r) // The other client reads answers to their end.
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer.StatusCode
	}
	id, opened := greedy.pending(t, f), 0
	for open(greedy, id) == http.StatusOK {
		if opened++; opened > 40 {
			t.Fatal("there is no bound")
		}
	}
	if opened != 4 {
		t.Errorf("one account opened %d streams of 40", opened)
	}
	if status := open(other, other.pending(t, f)); status != http.StatusOK {
		t.Errorf("another's stream: %d", status)
	}
}

// So are the places where verdicts are waited for: who has no more of them is told at once that the check is pending.
func TestWaitsOfOneLeaveRoom(t *testing.T) {
	c := newCluster(t)
	c.apply(orders)
	f := c.start(func(o *apiserver.Options) { o.MaxWaits = 16 })
	greedy, other := f.newUser(), f.newUser()
	waiting, stop := context.WithCancel(t.Context())
	defer stop()
	answered := make(chan int, 100)
	for range 20 {
		go func() {
			r, err := http.NewRequestWithContext(waiting, http.MethodPost, f.url+"/v1/check", strings.NewReader(`{"input":1,"rule_sets":["never"]}`))
			if err != nil {
				return
			}
			r.Header.Set("Authorization", "Bearer "+greedy.token)
			r.Header.Set("Prefer", "wait=60")
			if answer, err := http.DefaultClient.Do(r); err == nil {
				_ = answer.Body.Close()
				answered <- answer.StatusCode
			}
		}()
	}
	for range 18 { // All but the two that wait.
		if status := <-answered; status != http.StatusAccepted {
			t.Errorf("one who waits too often: %d", status)
		}
	}
	if result := other.check(t, goodOrder); result.Status != "success" {
		t.Errorf("another's check: %+v", result)
	}
}

// Tokens cost nothing, and each has a limit of its own: with new ones all the time there would be no limit.
func TestAccountsAreLimitedOverTheirTokens(t *testing.T) {
	f := newCluster(t).start(func(o *apiserver.Options) { o.PerMinute = 10 })
	u := f.newUser()
	ask := func(token string) int {
		answer, _ := f.do(http.MethodGet, "/v1/checks", token, "")
		return answer.StatusCode
	}
	asked := 0
	for {
		_, body := f.do(http.MethodPost, "/auth/login", "", fmt.Sprintf(`{"email":%q,"password":%q}`, u.email, password))
		_, session := issued(t, body)
		if ask(session) == http.StatusTooManyRequests {
			break // a fresh token's first request
		}
		for asked++; ask(session) == http.StatusOK; asked++ {
			if asked > 200 {
				t.Fatal("one account goes on with new sessions for ever")
			}
		}
	}
	if asked < 100 {
		t.Errorf("an account made %d requests, want 10 times a token's", asked)
	}
	if status := ask(f.newUser().token); status != http.StatusOK {
		t.Errorf("another account: %d", status)
	}
}

// Each token that looks like Kubernetes' costs a call to its API: an address that has sent too many bad ones causes no more, while what
// needs no call goes on to work from there.
func TestBadTokensCauseNoMoreCalls(t *testing.T) {
	f := newCluster(t).start(func(o *apiserver.Options) { o.AddressPerMinute = 5 })
	u := f.newUser()
	seen := map[int]int{}
	for i := range 20 {
		answer, _ := f.do(http.MethodGet, "/v1/checks", fmt.Sprintf("made.up.%d", i), "")
		seen[answer.StatusCode]++
	}
	if seen[http.StatusUnauthorized] < 5 || seen[http.StatusTooManyRequests] < 5 || len(seen) != 2 {
		t.Errorf("20 bad tokens are answered %v, want 5 or some more 401, then 429", seen)
	}
	if answer, body := f.do(http.MethodGet, "/v1/checks", u.token, ""); answer.StatusCode != http.StatusOK {
		t.Errorf("a good token from the same address: %s %s", answer.Status, body)
	}
}

// Accounts have a number, and mails go to strangers: one address uses neither up as fast as it may do other things.
func TestSignUpsAndResetsAreRare(t *testing.T) {
	f := newCluster(t).start(believing, func(o *apiserver.Options) { o.AddressPerMinute = 10 })
	ask := func(path, body, from string) int {
		answer, _ := f.do(http.MethodPost, path, "", body, "X-Forwarded-For", from)
		return answer.StatusCode
	}
	for path, body := range map[string]func() string{
		"/auth/signup":         func() string { return credentials(someEmail(), password) },
		"/auth/password-reset": func() string { return fmt.Sprintf(`{"email": %q}`, someEmail()) },
	} {
		from := fmt.Sprintf("192.0.2.%d", len(path))
		for i, want := range []int{202, 202, 429} {
			if got := ask(path, body(), from); got != want {
				t.Errorf("%s, request %d: %d, want %d", path, i, got, want)
			}
		}
		if got := ask(path, body(), "198.51.100.1"); got != 202 {
			t.Errorf("%s from elsewhere: %d", path, got)
		}
		if got := ask("/auth/login", credentials(someEmail(), password), from); got != 401 {
			t.Errorf("log in after that: %d", got)
		}
	}
}

// Passwords take long to hash, a few at a time: many at once from one address must not keep others from logging in.
func TestManyPasswordsOfOneAddressLeaveRoom(t *testing.T) {
	f := newCluster(t).start(believing)
	u := f.newUser()
	const many = 100 // Two are hashed, and 64 may wait.
	answers := make(chan int, many)
	for range many {
		go func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+"/auth/login", strings.NewReader(credentials(someEmail(), password)))
			if err != nil {
				return
			}
			r.Header.Set("X-Forwarded-For", "192.0.2.1")
			if answer, err := http.DefaultClient.Do(r); err == nil {
				_ = answer.Body.Close()
				answers <- answer.StatusCode
			}
		}()
	}
	if status := <-answers; status != http.StatusTooManyRequests {
		t.Errorf("the first answer to one who sends too many: %d", status)
	}
	if answer, body := f.do(http.MethodPost, "/auth/login", "", credentials(u.email, password), "X-Forwarded-For", "198.51.100.1"); answer.StatusCode != http.StatusOK {
		t.Errorf("log in from elsewhere: %s %s", answer.Status, body)
	}
	for range many - 1 {
		if status := <-answers; status != http.StatusTooManyRequests && status != http.StatusUnauthorized {
			t.Errorf("one of many: %d", status)
		}
	}
}
