package serve

import (
	"net/http"
	"strings"

	"github.com/rs/cors"
)

// The headers that every answer carries unless its route sets another value. Each is a slice of its own that no request
// copies: http.Header's methods replace such a slice, or append to a copy of it.
var (
	hsts         = []string{"max-age=31536000"} // RFC 6797; over TLS only, as it demands
	noSniff      = []string{"nosniff"}
	deny         = []string{"DENY"}
	nothing      = []string{"default-src 'none'; frame-ancestors 'none'"} // an API's answer is no page
	noReferrer   = []string{"no-referrer"}
	noStore      = []string{"no-store"}
	sameOrigin   = []string{"same-origin"}
	exposed      = []string{"ETag", "Location", "Retry-After", "RateLimit", "RateLimit-Policy", "Age", "Link", "Preference-Applied", "WWW-Authenticate", "X-Request-Id"}
	askable      = []string{"Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "Last-Event-ID", "Prefer", "Traceparent", "Tracestate", "X-Request-Id"}
	callable     = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete}
	privatePaths = []string{"/v1/", "/auth/"}
)

// preflightSeconds is how long a browser may remember what CORS allows.
const preflightSeconds = 600

// Secure sets the headers that keep browsers from doing more than was meant with an answer, and answers CORS for the
// origins of the options. A route that sets one of the headers itself wins, and so does a handler in front of it.
func Secure(next http.Handler, o Options) http.Handler {
	if len(o.CORSOrigins) > 0 {
		next = cors.New(cors.Options{
			AllowedOrigins:   o.CORSOrigins,
			AllowedMethods:   callable,
			AllowedHeaders:   askable,
			ExposedHeaders:   exposed,
			AllowCredentials: false,
			MaxAge:           preflightSeconds,
		}).Handler(next)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		if r.TLS != nil {
			preset(header, "Strict-Transport-Security", hsts)
		}
		preset(header, "X-Content-Type-Options", noSniff)
		preset(header, "X-Frame-Options", deny)
		preset(header, "Content-Security-Policy", nothing)
		preset(header, "Referrer-Policy", noReferrer)
		preset(header, "Cross-Origin-Opener-Policy", sameOrigin)
		preset(header, "Cross-Origin-Resource-Policy", sameOrigin)
		if private(r.URL.Path) {
			preset(header, "Cache-Control", noStore)
		}
		next.ServeHTTP(w, r)
	})
}

// preset sets a header, by its canonical name, that nobody has set yet.
func preset(header http.Header, name string, value []string) {
	if _, set := header[name]; !set {
		header[name] = value
	}
}

// private says whether what a path answers belongs to a caller.
func private(path string) bool {
	for _, prefix := range privatePaths {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}
