package serve

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// api are the headers of every answer in clear.
func api() http.Header {
	return http.Header{
		"X-Content-Type-Options": {"nosniff"}, "X-Frame-Options": {"DENY"}, "Referrer-Policy": {"no-referrer"},
		"Content-Security-Policy":    {"default-src 'none'; frame-ancestors 'none'"},
		"Cross-Origin-Opener-Policy": {"same-origin"}, "Cross-Origin-Resource-Policy": {"same-origin"},
	}
}

func with(h http.Header, pairs ...string) http.Header {
	for i := 0; i < len(pairs); i += 2 {
		h[http.CanonicalHeaderKey(pairs[i])] = []string{pairs[i+1]}
	}
	return h
}

func TestSecureHeaders(t *testing.T) {
	page := "default-src 'self'; frame-ancestors 'none'"
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/docs", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Security-Policy", page) })
	mux.HandleFunc("/v1/cached", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", "private, max-age=5") })
	mux.HandleFunc("/append", func(w http.ResponseWriter, _ *http.Request) { w.Header().Add("Referrer-Policy", "same-origin") })
	outer := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/before" {
				w.Header().Set("Content-Security-Policy", page)
			}
			next.ServeHTTP(w, r)
		})
	}
	handler := outer(Secure(mux, Options{}))
	for name, test := range map[string]struct {
		reason, path string
		tls          bool
		want         http.Header
	}{
		"plain":        {"no HSTS in clear (RFC 6797, section 7.2)", "/health", false, api()},
		"TLS":          {"HSTS over TLS", "/health", true, with(api(), "Strict-Transport-Security", "max-age=31536000")},
		"v1":           {"what belongs to a caller is not stored", "/v1/check", false, with(api(), "Cache-Control", "no-store")},
		"auth":         {"what belongs to a caller is not stored", "/auth/login", false, with(api(), "Cache-Control", "no-store")},
		"not auth":     {"a prefix is one of whole steps", "/authors", false, api()},
		"cached":       {"a route that says more wins", "/v1/cached", false, with(api(), "Cache-Control", "private, max-age=5")},
		"page":         {"a page says its own policy", "/docs", false, with(api(), "Content-Security-Policy", page)},
		"page outside": {"and so does who comes first", "/before", false, with(api(), "Content-Security-Policy", page)},
	} {
		t.Run(name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, test.path, nil)
			if test.tls {
				r.TLS = &tls.ConnectionState{}
			}
			r.Header.Set("Origin", "https://other.example")
			handler.ServeHTTP(answer, r)
			if diff := cmp.Diff(test.want, answer.Header()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
	for _, path := range []string{"/append", "/health"} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if got := len(answer.Header()["Referrer-Policy"]); (got == 2) != (path == "/append") {
			t.Errorf("%s: %d values: one answer's header is in another's", path, got)
		}
	}
}

func TestCORS(t *testing.T) {
	const console = "https://console.example"
	exposes := "ETag, Location, Retry-After, RateLimit, RateLimit-Policy, Age, Link, Preference-Applied, WWW-Authenticate, X-Request-Id"
	for name, test := range map[string]struct {
		reason  string
		origins []string
		request http.Header
		method  string
		reached bool
		allowed string // Access-Control-Allow-Origin
		exposed string
		methods string
	}{
		"off":                {"no origin is configured: no header", nil, with(http.Header{}, "Origin", console), http.MethodPost, true, "", "", ""},
		"off, preflight":     {"nor is there a preflight", nil, with(http.Header{}, "Origin", console, "Access-Control-Request-Method", "POST"), http.MethodOptions, true, "", "", ""},
		"ours":               {"a configured origin may read", []string{console}, with(http.Header{}, "Origin", console), http.MethodPost, true, console, exposes, ""},
		"other":              {"another may not", []string{console}, with(http.Header{}, "Origin", "https://evil.example"), http.MethodPost, true, "", "", ""},
		"look-alike":         {"nor one that begins with it", []string{console}, with(http.Header{}, "Origin", console+".evil.example"), http.MethodPost, true, "", "", ""},
		"other scheme":       {"nor the same host in clear", []string{console}, with(http.Header{}, "Origin", "http://console.example"), http.MethodPost, true, "", "", ""},
		"null":               {"nor who hides", []string{console}, with(http.Header{}, "Origin", "null"), http.MethodPost, true, "", "", ""},
		"all":                {"* is all, without credentials", []string{"*"}, with(http.Header{}, "Origin", "https://any.example"), http.MethodPost, true, "*", exposes, ""},
		"preflight":          {"a browser asks first", []string{console}, with(http.Header{}, "Origin", console, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,idempotency-key,prefer"), http.MethodOptions, false, console, "", "POST"},
		"preflight, delete":  {"checks can be removed", []string{console}, with(http.Header{}, "Origin", console, "Access-Control-Request-Method", "DELETE"), http.MethodOptions, false, console, "", "DELETE"},
		"preflight, put":     {"passwords can be changed", []string{console}, with(http.Header{}, "Origin", console, "Access-Control-Request-Method", "PUT"), http.MethodOptions, false, console, "", "PUT"},
		"preflight, patch":   {"no route takes PATCH", []string{console}, with(http.Header{}, "Origin", console, "Access-Control-Request-Method", "PATCH"), http.MethodOptions, false, "", "", ""},
		"preflight, headers": {"other headers are not taken", []string{console}, with(http.Header{}, "Origin", console, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-evil"), http.MethodOptions, false, "", "", ""},
		"preflight, other":   {"and others are not told", []string{console}, with(http.Header{}, "Origin", "https://evil.example", "Access-Control-Request-Method", "POST"), http.MethodOptions, false, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			reached := false
			handler := Secure(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }), Options{CORSOrigins: test.origins})
			answer := httptest.NewRecorder()
			r := httptest.NewRequestWithContext(t.Context(), test.method, "/v1/check", nil)
			r.Header = test.request
			handler.ServeHTTP(answer, r)
			got := answer.Header()
			seen := []any{reached, got.Get("Access-Control-Allow-Origin"), strings.ToLower(got.Get("Access-Control-Expose-Headers")), got.Get("Access-Control-Allow-Methods"), got.Get("Access-Control-Allow-Credentials")}
			if diff := cmp.Diff([]any{test.reached, test.allowed, strings.ToLower(test.exposed), test.methods, ""}, seen); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if got.Get("X-Frame-Options") != "DENY" {
				t.Error("a preflight's answer lacks the other headers")
			}
			if test.origins != nil && test.allowed != "*" && !strings.Contains(got.Get("Vary"), "Origin") {
				t.Errorf("a cache may hand one origin's answer to another: Vary %q", got.Get("Vary"))
			}
		})
	}
}

// TestSecureServed looks at the headers as they arrive, over TLS and HTTP/2.
func TestSecureServed(t *testing.T) {
	m := mounted(t, 1)
	server := run(t, Options{CertFile: m.cert(), KeyFile: m.key()}, Secure(http.NotFoundHandler(), Options{}))
	for _, http2 := range []bool{false, true} {
		got := get(t, client(t, http2), server.URL()+"/v1/check").Header
		got.Del("Date")
		want := with(api(), "Strict-Transport-Security", "max-age=31536000", "Cache-Control", "no-store", "Content-Type", "text/plain; charset=utf-8", "Content-Length", "19")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func BenchmarkSecure(b *testing.B) {
	handler := Secure(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), Options{CORSOrigins: []string{"https://console.example"}})
	r := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/check", nil)
	r.TLS = &tls.ConnectionState{}
	w := httptest.NewRecorder()
	b.ReportAllocs()
	for b.Loop() {
		clear(w.Header())
		handler.ServeHTTP(w, r)
	}
}
