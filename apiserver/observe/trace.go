package observe

import (
	"context"
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

// tracing makes a span of each request.
type tracing struct {
	provider *sdktrace.TracerProvider
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
	return &tracing{provider: sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter, sdktrace.WithMaxQueueSize(maxQueuedSpans), sdktrace.WithMaxExportBatchSize(maxBatchSpans)),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.TraceRatio))),
		sdktrace.WithResource(resource.NewSchemaless(
			attribute.String("service.name", Service), attribute.String("service.version", o.Version))),
	)}, nil
}

// middleware makes a span around next. What is handed on as traceparent is then the span's own.
func (t *tracing) middleware(next http.Handler) http.Handler {
	inner := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if parent := canonical(trace.SpanContextFromContext(r.Context())); parent != "" {
			NoteFrom(r.Context()).TraceParent = parent
		}
		next.ServeHTTP(w, r)
	})
	return otelhttp.NewHandler(inner, Service,
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithMeterProvider(noop.NewMeterProvider()), // Prometheus has the metrics
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithFilter(func(r *http.Request) bool { return !probe(r.URL.Path) }),
	)
}

// shutdown sends what waits, for as long as ctx allows.
func (t *tracing) shutdown(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("not all traces could be sent: %w", err)
	}
	return nil
}
