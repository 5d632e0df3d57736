package observe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/checky-dev/checky/apiserver/problem"
)

// request is what Middleware keeps of one request, in one piece, because each piece is an allocation. It is the request's
// context, which knows itself.
type request struct {
	context.Context //nolint:containedctx // it is the context of the request itself, and ends with it
	note            Note
	answer          response
	aborted         bool // its handler gave up
}

type requestKey struct{}

// Value knows the request, and leaves all else to the context around it.
func (q *request) Value(key any) any {
	if key == (requestKey{}) {
		return q
	}
	return q.Context.Value(key)
}

// Middleware sees each request to next.
//
// The route comes from the ServeMux's pattern. A mux writes it into the very request that it is given: where a handler in
// between hands on a copy (WithContext), the route sets Note.Route itself.
func (o *Observer) Middleware(next http.Handler) http.Handler {
	inner := o.recovered(next)
	if o.traces != nil {
		inner = o.traces.middleware(inner)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := o.clock.Now()
		q := &request{Context: r.Context(), answer: response{inner: w}}
		q.note.RequestID = requestID(r.Header["X-Request-Id"])
		q.note.TraceParent = traceParent(r.Header["Traceparent"])
		w.Header()["X-Request-Id"] = []string{q.note.RequestID}
		o.metrics.inFlight.Inc()
		defer o.finish(q, r, began)
		inner.ServeHTTP(&q.answer, r.WithContext(q))
	})
}

// recovered answers a panic of next. An answer that has begun cannot be taken back: its connection is cut instead, so that
// nobody takes the part for the whole.
func (o *Observer) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, _ := r.Context().Value(requestKey{}).(*request) // Middleware alone calls it
		defer func() {
			if q.note.Route == "" {
				q.note.Route = template(r.Pattern)
			}
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				q.aborted = true
				panic(http.ErrAbortHandler) // net/http's own way to give up an answer; nothing is wrong
			}
			o.panicked(q, cause)
			if q.answer.status != 0 {
				panic(http.ErrAbortHandler)
			}
			answerPanic(w, q.note.RequestID)
		}()
		next.ServeHTTP(w, r)
	})
}

// panicked tells of a panic, from the deferred call that recovered it: the stack below is that of the panic.
func (o *Observer) panicked(q *request, cause any) {
	o.metrics.panics.Inc()
	o.log.LogAttrs(q, slog.LevelError, "A request's handler panicked",
		slog.String("panic", scrub(fmt.Sprint(cause))), slog.String("type", fmt.Sprintf("%T", cause)),
		slog.String("route", q.note.Route), slog.String("request_id", q.note.RequestID), slog.String("stack", string(debug.Stack())))
	o.reports.sendPanic(&q.note, cause)
}

// answerPanic says that something is wrong here, and under which id it is in the log. What the handler has set for its own
// answer goes; what middlewares have set for every answer stays.
func answerPanic(w http.ResponseWriter, id string) {
	header := w.Header()
	for _, name := range []string{"Age", "Content-Encoding", "Content-Length", "Etag", "Last-Modified", "Location", "Retry-After", "Trailer"} {
		header.Del(name)
	}
	header.Set("Cache-Control", "no-store")
	problem.Write(w, problem.New(http.StatusInternalServerError, "Something went wrong here. The log has it under request id %s.", id))
}

// finish counts a request, and writes its line.
func (o *Observer) finish(q *request, r *http.Request, began time.Time) {
	took := o.clock.Since(began)
	status := q.answer.status
	if status == 0 {
		status = http.StatusOK // net/http sends it for a handler that sent nothing
		if q.aborted || q.Err() != nil {
			status = statusAborted
		}
	}
	route, method := q.note.Route, methodLabel(r.Method)
	if route == "" {
		route = unmatched
	}
	o.metrics.inFlight.Dec()
	o.metrics.done(route, method, status, took)
	if probe(route) || !o.log.Enabled(q, slog.LevelInfo) {
		return
	}
	// The order is that of the documentation; what is empty is left out.
	attributes := [...]slog.Attr{
		slog.String("method", method),
		slog.String("route", route),
		slog.Int("status", status),
		slog.Float64("duration", took.Seconds()),
		slog.Int64("bytes", q.answer.bytes),
		slog.String("request_id", q.note.RequestID),
		{}, {}, {}, {},
	}
	line := attributes[:6]
	if q.note.TokenID != "" {
		line = append(line, slog.String("token_id", q.note.TokenID))
	}
	if o.remote != nil {
		line = append(line, slog.String("remote", o.remote(r)))
	}
	if q.note.TraceParent != "" {
		line = append(line, slog.String("trace_id", traceID(q.note.TraceParent)))
	}
	if q.note.Cause != nil {
		line = append(line, slog.String("error", scrub(q.note.Cause.Error())))
	}
	o.log.LogAttrs(q, slog.LevelInfo, "request", line...)
}

// probe says whether a route is asked all the time by the cluster and by load balancers: counted, but not logged.
func probe(route string) bool {
	switch route {
	case "/livez", "/readyz", "/health":
		return true
	}
	return false
}
