// Package observe is what is seen of a request: its id, its trace, a line in the access log, its metrics, and what
// becomes of it when the code behind it panics.
//
//	observer, err := observe.New(observe.Options{Log: log, Registerer: registry})
//	handler := observer.Middleware(mux)
//	observe.NoteFrom(r.Context()).TokenID = token.ID      in a route: the access log names the token
//
// The layers, outermost first:
//
//	metrics and access log     one line and three metrics a request, at its end, whatever happened
//	request id                 X-Request-Id of the caller, if sane, else a new one; on the answer too
//	trace                      W3C traceparent, read strictly; a span only where an OTLP endpoint is configured
//	recovery                   a panic is answered 500, logged with its stack, counted, and sent to Sentry if configured
//	the handler
//
// What is written down holds no query string, payload, password or token, and a path only as the template of its route.
// Without OTLP endpoint, Sentry DSN and traceparent header, neither OpenTelemetry nor Sentry run for a request.
//
// It does not say who calls: routes write that into the Note.
package observe
