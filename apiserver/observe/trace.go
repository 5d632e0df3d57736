package observe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Bounds of what waits to be sent to the collector. What is more than the queue holds is dropped; no request waits for it.
const (
	maxQueuedSpans = 2048
	maxBatchSpans  = 512
)

// maxAttribute bounds a text in a span, in bytes: callers choose their User-Agent.
const maxAttribute = 256

// tracing makes a span of each request.
type tracing struct {
	provider *sdktrace.TracerProvider
	exporter sdktrace.SpanExporter
	remote   func(*http.Request) string
}

// otlpOptions say where traces go; none where no endpoint is configured.
func (o *Options) otlpOptions() ([]otlptracehttp.Option, error) {
	if o.OTLPEndpoint == "" {
		if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
			return nil, nil
		}
		return []otlptracehttp.Option{}, nil // the exporter reads the environment
	}
	endpoint, err := url.Parse(o.OTLPEndpoint)
	if err != nil || (endpoint.Scheme != "http" && endpoint.Scheme != "https") || endpoint.Host == "" || endpoint.User != nil {
		return nil, fmt.Errorf("--otlp-endpoint: expected a URL such as http://collector:4318; credentials go into OTEL_EXPORTER_OTLP_HEADERS")
	}
	if endpoint.Path == "" || endpoint.Path == "/" {
		endpoint.Path = "/v1/traces"
	}
	return []otlptracehttp.Option{otlptracehttp.WithEndpointURL(endpoint.String())}, nil
}

func newTracing(o *Options, log *slog.Logger) (*tracing, error) {
	options, err := o.otlpOptions()
	if err != nil || options == nil {
		return nil, err
	}
	exporter, err := otlptracehttp.New(context.Background(), options...)
	if err != nil {
		return nil, fmt.Errorf("OTLP exporter: %w", err)
	}
	// The process has one place for OpenTelemetry's own errors; without this they go to standard error as text.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		log.LogAttrs(context.Background(), slog.LevelError, "OpenTelemetry", slog.String("error", scrub(err.Error())))
	}))
	limits := sdktrace.NewSpanLimits()
	limits.AttributeValueLengthLimit = maxAttribute
	return &tracing{remote: o.Remote, exporter: exporter, provider: sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter, sdktrace.WithMaxQueueSize(maxQueuedSpans), sdktrace.WithMaxExportBatchSize(maxBatchSpans)),
		sdktrace.WithRawSpanLimits(limits),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.TraceRatio))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", Service), attribute.String("service.version", o.Version))),
	)}, nil
}

// middleware makes a span around next. What is handed on as traceparent is then the span's own.
func (t *tracing) middleware(next http.Handler) http.Handler {
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		span, note := trace.SpanFromContext(r.Context()), NoteFrom(r.Context())
		if parent := canonical(span.SpanContext()); parent != "" {
			note.TraceParent = parent
		}
		defer func() { span.SetAttributes(t.attributes(r, note)...) }()
		next.ServeHTTP(w, r)
	})
	return otelhttp.NewHandler(inner, Service,
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), // Prometheus has the metrics
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithFilter(func(r *http.Request) bool { return !probe(r.URL.Path) }),
	)
}

// attributes replace what otelhttp has written: the path as its caller wrote it, and who the caller says it is. A span holds
// no more than the access log does.
func (t *tracing) attributes(r *http.Request, note *Note) []attribute.KeyValue {
	route, remote := note.Route, ""
	if route == "" {
		route = unmatched
	}
	if t.remote != nil {
		remote = t.remote(r)
	}
	return []attribute.KeyValue{
		attribute.String("http.route", route),
		attribute.String("url.path", route),
		attribute.String("client.address", remote),
		attribute.String("network.peer.address", ""),
		attribute.String("checky.request_id", note.RequestID),
	}
}

// shutdown sends what waits, for as long as ctx allows.
func (t *tracing) shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	err := t.provider.ForceFlush(ctx)
	if err != nil {
		err = fmt.Errorf("not all traces could be sent: %w", err)
	}
	// An exporter that has been shut down refuses what still comes, so that the provider's end waits for no network.
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_ = t.exporter.Shutdown(ended) // its error is that of the context
	return errors.Join(err, t.provider.Shutdown(context.WithoutCancel(ctx)))
}
