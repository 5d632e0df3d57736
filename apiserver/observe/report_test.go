package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/getsentry/sentry-go"
	"pgregory.net/rapid"
)

// ended is a context that has ended.
func ended(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// inbox takes what Sentry would.
type inbox struct {
	mu        sync.Mutex
	envelopes []string
}

func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.envelopes = append(i.envelopes, string(body))
	_, _ = io.WriteString(w, `{}`)
}

// dsn is the address of a server as Sentry's.
func dsn(server *httptest.Server) string {
	return strings.Replace(server.URL, "://", "://key@", 1) + "/1"
}

func TestSentry(t *testing.T) {
	box := &inbox{}
	server := httptest.NewServer(box)
	defer server.Close()
	w := watch(t, func(o *Options) {
		o.SentryDSN = dsn(server)
		o.SentryEnvironment = "test"
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /reported/{id}", func(_ http.ResponseWriter, r *http.Request) {
		NoteFrom(r.Context()).Route = "/reported/{id}"
		cause := errors.New("get http://user:SECRET-pass@host/x?token=SECRET-query: password=SECRET-password; cky_SECRET_0; mail to SECRET@example.org")
		w.Report(r.Context(), fmt.Errorf("storing: %w", cause))
		w.Report(r.Context(), nil)
	})
	mux.HandleFunc("GET /thrown", func(http.ResponseWriter, *http.Request) { panic("Bearer SECRET-bearer") })
	handler := w.Middleware(mux)
	for _, target := range []string{"/reported/SECRET-id?q=SECRET", "/thrown?q=SECRET", "/unmatched/SECRET"} {
		r := secretRequest(t, http.MethodGet, target)
		r.Header.Set("X-Request-Id", "mine-1")
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	if err := w.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Close()
	all := strings.Join(box.envelopes, "\n")
	if len(box.envelopes) != 2 {
		t.Errorf("%d reports, want 2: a panic and an error", len(box.envelopes))
	}
	for _, want := range []string{"storing: get http://[credentials]@host/x?[query]", "Bearer [token]", `"request_id":"mine-1"`, `"route":"/reported/{id}"`, `"environment":"test"`, "checky@1.2.3", "report_test.go"} {
		if !strings.Contains(all, want) {
			t.Errorf("no report has %s:\n%s", want, all)
		}
	}
	if all += w.log.String(); strings.Contains(all, "SECRET") {
		t.Errorf("a secret left the house:\n%s", all)
	}
	if told := w.log.of(t, "A request failed unexpectedly"); len(told) != 1 || told[0]["type"] != "*fmt.wrapError" || told[0]["request_id"] != "mine-1" {
		t.Errorf("log: %v", told)
	}
}

// TestSentryAway checks that a Sentry that takes requests and does not answer holds up neither requests nor the end.
func TestSentryAway(t *testing.T) {
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case arrived <- struct{}{}:
		default:
		}
		<-release
	}))
	defer server.Close()
	defer close(release)
	w := watch(t, func(o *Options) { o.SentryDSN = dsn(server) })
	w.Report(t.Context(), errors.New("first"))
	<-arrived
	for range 3000 { // more than the queues hold
		w.Report(t.Context(), errors.New("more"))
	}
	// It returns while the server still holds the first: a Shutdown that waits for it would never end.
	if err := w.Shutdown(ended(t)); err == nil {
		t.Error("nothing is said of reports that were lost")
	}
}

func TestScrubEvent(t *testing.T) {
	event := scrubEvent(&sentry.Event{
		Message:     "mail to SECRET@example.org",
		Transaction: "GET /x?q=SECRET",
		User:        sentry.User{Email: "SECRET@example.org", IPAddress: "192.0.2.7"},
		Request: &sentry.Request{
			URL: "http://x/?q=SECRET", Data: "SECRET", QueryString: "q=SECRET", Cookies: "c=SECRET",
			Headers: map[string]string{"Authorization": "Bearer SECRET"}, Env: map[string]string{"A": "SECRET"},
		},
		Breadcrumbs: []*sentry.Breadcrumb{{Message: "SECRET"}},
		Contexts:    map[string]sentry.Context{"x": {"y": "SECRET"}},
		Modules:     map[string]string{"m": "SECRET"},
		Attachments: []*sentry.Attachment{{Payload: []byte("SECRET")}},
		Tags:        map[string]string{"route": "/x", "note": "Bearer SECRET"},
		Exception:   []sentry.Exception{{Type: "error", Value: "token cky_SECRET_1"}},
	})
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "SECRET") || event.Attachments != nil {
		t.Errorf("left: %s", text)
	}
}

func TestScrub(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"plain":          {"etcdserver: request timed out", "etcdserver: request timed out"},
		"token":          {"bad token cky_01J9_abcDEF123 given", "bad token [token] given"},
		"reset token":    {"ckr_abc", "[token]"},
		"bearer":         {`header "Authorization: Bearer abc.def-_~+/=="`, `header "Authorization: [hidden] [token]"`},
		"lower case":     {"authorization: bearer abc", "authorization: [hidden] [token]"},
		"JWT":            {"eyJhbGciOi.eyJzdWIi.c2ln rejected", "[token] rejected"},
		"address":        {"cannot mail to Alice.O-Neil+x@sub.example.org: refused", "cannot mail to [address]: refused"},
		"address in <>":  {"RCPT TO:<alice@example.org>", "RCPT TO:<[address]>"},
		"IDN address":    {"an пётр@пример.рф", "an [address]"},
		"query":          {`Get "https://h/p?token=x&y=z": EOF`, `Get "https://h/p?[query]": EOF`},
		"credentials":    {"dial redis://user:pw@host:6379", "dial redis://[credentials]@host:6379"},
		"password":       {`{"password": "hunter2", "a": 1}`, `{"password": [hidden], "a": 1}`},
		"password pair":  {"password=hunter2 rest", "password=[hidden] rest"},
		"hash":           {"row $argon2id$v=19$m=19456$abc$def end", "row [hash] end"},
		"not UTF-8":      {"a\xffb", "ab"},
		"long":           {strings.Repeat("ab ", 1000), strings.Repeat("ab ", 341) + "a ..."},
		"token at a cut": {strings.Repeat("a", maxLooked-9) + " eyJhbGciOi.eyJ.x", strings.Repeat("a", maxText) + " ..."},
		"one long word":  {strings.Repeat("a", 2*maxLooked), " ..."},
	} {
		t.Run(name, func(t *testing.T) {
			if got := scrub(test.text); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// TestScrubProperties holds for any text around a token: none of the token is left, and what is left is bounded text.
func TestScrubProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		token := rapid.SampledFrom([]string{"cky_", "ckr_", "Bearer "}).Draw(t, "kind") + "Zq9" + rapid.StringMatching(`[A-Za-z0-9]{1,60}`).Draw(t, "token")
		text := rapid.String().Draw(t, "before") + " " + token + " " + rapid.String().Draw(t, "after")
		got := scrub(text)
		if strings.Contains(got, strings.TrimPrefix(token, "Bearer ")) || len(got) > maxText+len(" ...") || !utf8.ValidString(got) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

func FuzzScrub(f *testing.F) {
	f.Add("Get \"https://u:p@h/p?token=x\": password=1 a@b.c cky_1_2")
	f.Add("\xff@\x00?")
	f.Fuzz(func(t *testing.T, text string) {
		if got := scrub(text); len(got) > maxText+len(" ...") || !utf8.ValidString(got) || strings.Contains(got, "cky_0") {
			t.Errorf("%q became %q", text, got)
		}
	})
}
