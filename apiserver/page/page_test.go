package page_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/apiserver/page"
	"github.com/checky-dev/checky/apiserver/problem"
	"github.com/checky-dev/checky/test/browser"
)

// document is a small OpenAPI 3.1 document with what the real one has: Markdown, a body with an example, a bearer token.
const document = `{
  "openapi": "3.1.0",
  "info": {"title": "Example", "version": "1.2.3", "description": "Checks **data**. See [the rules](#tag/Checks).\n\n` + "```json\\n{\\\"a\\\": 1}\\n```" + `\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"},
  "servers": [{"url": "/"}],
  "security": [{"token": []}],
  "tags": [{"name": "Checks", "description": "What is checked."}],
  "paths": {
    "/v1/echo": {
      "post": {
        "operationId": "echo", "tags": ["Checks"], "summary": "Gives the payload back",
        "parameters": [{"name": "limit", "in": "query", "description": "How many.", "schema": {"type": "integer", "minimum": 1, "default": 10}}],
        "requestBody": {"required": true, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Payload"}, "example": {"amount": 12}}}},
        "responses": {
          "200": {"description": "The payload.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Payload"}}}},
          "422": {"description": "It is wrong.", "content": {"application/problem+json": {"schema": {"type": "object", "properties": {"detail": {"type": "string"}}}}}}
        }
      }
    }
  },
  "components": {
    "schemas": {"Payload": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number", "description": "An amount.", "examples": [12]}}}},
    "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}
  }
}`

// site is the pages with a document, an operation and a route that resets passwords.
type site struct {
	*http.ServeMux
	answers []*problem.Problem // of the reset route, in turn; nil is success

	mu     sync.Mutex
	resets []map[string]string
	echoes []string
}

func newSite(answers ...*problem.Problem) *site {
	s := &site{ServeMux: http.NewServeMux(), answers: answers}
	page.Register(s.ServeMux, page.Options{Title: "Checky"})
	s.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/openapi+json")
		_, _ = io.WriteString(w, document)
	})
	s.HandleFunc("POST /v1/echo", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		s.echoes = append(s.echoes, r.Header.Get("Authorization")+" "+strings.Join(strings.Fields(string(body)), ""))
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"amount": 12, "said": "the-server-answered"}`)
	})
	s.HandleFunc("POST /auth/password-reset/confirm", func(w http.ResponseWriter, r *http.Request) {
		var body map[string]string
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			problem.Write(w, problem.New(http.StatusBadRequest, "The body is not JSON."))
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.resets = append(s.resets, body)
		if n := len(s.resets); n <= len(s.answers) && s.answers[n-1] != nil {
			problem.Write(w, s.answers[n-1])
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return s
}

func TestDocs(t *testing.T) {
	chromium := browser.Start(t)
	for name, secure := range map[string]bool{"http": false, "https": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite()
			base := serve(t, s.ServeMux, secure)
			b := browser.Open(chromium, t, base)
			b.Run(chromedp.Navigate(base + "/"))
			b.WaitFor("Gives the payload back")
			if got := b.Evaluate("location.pathname"); got != "/docs" {
				t.Errorf("/ leads to %s", got)
			}
			b.Screenshot("docs-" + name)

			// Somebody enters a token and tries the operation.
			b.Run(
				chromedp.Click(chromedp.CSS(".btn.authorize")),
				chromedp.SendKeys(chromedp.CSS(".auth-container input"), "a-token"),
				chromedp.Click(chromedp.CSS(".auth-btn-wrapper .authorize")),
				chromedp.Click(chromedp.CSS(".auth-btn-wrapper .btn-done")),
				chromedp.WaitNotPresent(chromedp.CSS(".modal-ux")),
				chromedp.Click(chromedp.CSS(".opblock-summary-control")),
				chromedp.WaitVisible(chromedp.CSS(".btn.execute")),
			)
			// The example arrives in the field a little later; until then the body counts as missing.
			b.Holds("document.querySelector('.body-param__text')?.value.includes('12')")
			// The page moves while the operation unfolds, and a click by coordinates may miss.
			b.Evaluate("document.querySelector('.btn.execute').click(), ''")
			b.WaitFor("the-server-answered")
			b.Screenshot("docs-tried-" + name)
			if diff := cmp.Diff([]string{`Bearer a-token {"amount":12}`}, s.echoes); diff != "" {
				t.Errorf("what reached the server (-want +got):\n%s", diff)
			}
			if got := b.Evaluate("JSON.stringify([localStorage.length, sessionStorage.length, document.cookie])"); got != `[0,0,""]` {
				t.Errorf("the page kept something: %s", got)
			}
			b.Clean()
		})
	}
}

func TestRedoc(t *testing.T) {
	chromium := browser.Start(t)
	base := serve(t, newSite().ServeMux, false)
	b := browser.Open(chromium, t, base)
	b.Run(chromedp.Navigate(base + "/redoc"))
	b.WaitFor("Gives the payload back")
	b.WaitFor("An amount.")
	if got := b.Evaluate("getComputedStyle(document.querySelector('.menu-content')).position"); got != "sticky" {
		t.Errorf("the menu is %s: the styles did not arrive", got)
	}
	// The search runs in a worker.
	b.Run(chromedp.SendKeys(chromedp.CSS("input[role=search], .search-input"), "payload"),
		chromedp.WaitVisible(chromedp.CSS("[data-role='search:results'] li")))
	b.Screenshot("redoc")
	b.Clean()
}

func TestPasswordReset(t *testing.T) {
	const password = "correct horse battery"
	chromium := browser.Start(t)
	fill := func(first, again string) chromedp.Action[chromedp.Void] {
		return chromedp.Steps(
			chromedp.SetValue(chromedp.ID("password"), first), chromedp.SetValue(chromedp.ID("again"), again),
			chromedp.Click(chromedp.ID("submit")),
		)
	}

	t.Run("success", func(t *testing.T) {
		s := newSite()
		base := serve(t, s.ServeMux, false)
		b := browser.Open(chromium, t, base)
		b.Run(chromedp.Navigate(base+"/password-reset#token=the%2Dtoken_1"), chromedp.WaitEnabled(chromedp.ID("submit")))
		if got := b.Evaluate("location.href"); got != base+"/password-reset" {
			t.Errorf("the token stays in the address: %s", got)
		}
		b.Screenshot("password-reset-light")
		b.Run(browser.Dark())
		b.Screenshot("password-reset-dark")
		b.Run(fill(password, password), chromedp.WaitVisible(chromedp.ID("done")))
		b.Screenshot("password-reset-done")
		if diff := cmp.Diff([]map[string]string{{"token": "the-token_1", "password": password}}, s.resets); diff != "" {
			t.Errorf("what reached the server (-want +got):\n%s", diff)
		}
		if got := b.Evaluate("document.activeElement.id"); got != "done-title" {
			t.Errorf("the focus is at %q: a screen reader would not tell", got)
		}
		b.Clean()
	})

	t.Run("what is wrong is said before anything is sent", func(t *testing.T) {
		s := newSite()
		base := serve(t, s.ServeMux, false)
		b := browser.Open(chromium, t, base)
		b.Run(chromedp.Navigate(base+"/password-reset#bare-token"), chromedp.WaitEnabled(chromedp.ID("submit")), fill("short", "shorter"))
		b.WaitFor("Expected at least 15 characters.")
		b.WaitFor("This is not the same.")
		if got := b.Evaluate("document.activeElement.id + ' ' + document.activeElement.ariaInvalid"); got != "password true" {
			t.Errorf("the focus is at %q", got)
		}
		b.Screenshot("password-reset-wrong")
		if len(s.resets) != 0 {
			t.Errorf("%d requests were sent", len(s.resets))
		}
		b.Run(fill(password, password), chromedp.WaitVisible(chromedp.ID("done")))
		if diff := cmp.Diff([]map[string]string{{"token": "bare-token", "password": password}}, s.resets); diff != "" {
			t.Errorf("what reached the server (-want +got):\n%s", diff)
		}
		b.Clean()
	})

	t.Run("problems of the server", func(t *testing.T) {
		s := newSite(
			problem.New(http.StatusUnprocessableEntity, "The password is not acceptable.").At("body.password", "expected one that is not among the most common ones"),
			problem.New(http.StatusBadRequest, "The link is not valid any more: ask for a new one <b>now</b>."),
			problem.New(http.StatusServiceUnavailable, "There is too much to do.").After(90_000_000_000),
		)
		base := serve(t, s.ServeMux, false)
		b := browser.Open(chromium, t, base)
		b.Run(chromedp.Navigate(base+"/password-reset#token=t"), chromedp.WaitEnabled(chromedp.ID("submit")), fill(password, password))
		b.WaitFor("Expected one that is not among the most common ones.")
		b.Run(chromedp.WaitEnabled(chromedp.ID("submit")), chromedp.Click(chromedp.ID("submit")))
		b.WaitFor("The link is not valid any more: ask for a new one <b>now</b>.")
		if got := b.Evaluate("document.activeElement.id"); got != "problem" {
			t.Errorf("the focus is at %q", got)
		}
		b.Run(browser.Dark())
		b.Screenshot("password-reset-problem-dark")
		b.Run(chromedp.WaitEnabled(chromedp.ID("submit")), chromedp.Click(chromedp.ID("submit")))
		b.WaitFor("There is too much to do. Try again in 90 s.")
		b.Run(chromedp.WaitEnabled(chromedp.ID("submit")), chromedp.Click(chromedp.ID("submit")), chromedp.WaitVisible(chromedp.ID("done")))
		// The browser itself logs each answer of 400 and above.
		b.Clean("the server responded with a status of")
	})

	t.Run("no token", func(t *testing.T) {
		base := serve(t, newSite().ServeMux, false)
		b := browser.Open(chromium, t, base)
		b.Run(chromedp.Navigate(base+"/password-reset"), chromedp.WaitVisible(chromedp.ID("incomplete")))
		b.Screenshot("password-reset-incomplete")
		b.Clean()
	})
}

// serve serves a mux over HTTP or HTTPS on loopback.
func serve(t *testing.T, mux *http.ServeMux, secure bool) string {
	t.Helper()
	start := httptest.NewServer
	if secure {
		start = httptest.NewTLSServer
	}
	server := start(mux)
	t.Cleanup(server.Close)
	return server.URL
}
