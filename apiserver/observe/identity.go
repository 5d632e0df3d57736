package observe

import (
	"context"
	"crypto/rand"
	"strings"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// maxRequestID bounds a request id that a caller chose, in characters.
const maxRequestID = 64

// requestID takes the caller's id where there is exactly one and it can do no harm in a header, a log or a shell; else it
// makes one of 26 characters.
func requestID(values []string) string {
	if len(values) == 1 && saneID(values[0]) {
		return values[0]
	}
	return rand.Text()
}

func saneID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for i := range len(id) {
		c := id[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// traceParent is a caller's traceparent in canonical form, read by the rules of W3C Trace Context; empty where there is not
// exactly one, or it is none.
func traceParent(values []string) string {
	if len(values) != 1 {
		return ""
	}
	ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": values[0]})
	return canonical(trace.SpanContextFromContext(ctx))
}

// canonical writes a span's context as traceparent, version 00; empty where it is not valid.
func canonical(span trace.SpanContext) string {
	if !span.IsValid() {
		return ""
	}
	return "00-" + span.TraceID().String() + "-" + span.SpanID().String() + "-" + span.TraceFlags().String()
}

// traceID is the trace of a canonical traceparent.
func traceID(parent string) string {
	_, rest, _ := strings.Cut(parent, "-")
	id, _, _ := strings.Cut(rest, "-")
	return id
}

// template is the path of a ServeMux's pattern ("[METHOD ][HOST]/[PATH]").
func template(pattern string) string {
	if i := strings.IndexByte(pattern, '/'); i >= 0 {
		return pattern[i:]
	}
	return ""
}
