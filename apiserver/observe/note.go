package observe

import "context"

// Note is what is known of a request beside the request itself. Middleware makes it, and routes fill in what they learn,
// from the goroutine that serves the request and before it returns.
type Note struct {
	// RequestID is the X-Request-Id of the answer: 1 to 64 characters of [A-Za-z0-9._-]. Set by Middleware.
	RequestID string
	// TraceParent is the W3C traceparent to hand on, in its canonical form of 55 characters; empty where the caller sent none
	// that is valid and nothing is traced here. Set by Middleware.
	TraceParent string
	// TokenID is the id of the caller's token, never the token. Set by the route, once it knows.
	TokenID string
	// Route is the template of the route's path, such as /v1/status/{id}. It is taken from the ServeMux's pattern; a route that
	// is reached by other ways sets it itself. It becomes a metric's label: one of a fixed few.
	Route string
	// Cause is why the request was answered 503, where that is not the caller's doing; the access log has it, scrubbed. Set by the
	// route.
	Cause error
}

// NoteFrom is the note of the request that a context belongs to; outside of any, one that nobody reads. Never nil.
func NoteFrom(ctx context.Context) *Note {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return &q.note
	}
	return &Note{}
}
