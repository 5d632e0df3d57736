package observe

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
)

// Service is the name under which Sentry and OpenTelemetry know the facade.
const Service = "checky-apiserver"

// Options of an Observer. The zero value logs nothing, keeps its metrics to itself and sends nothing anywhere.
type Options struct {
	// Log takes the access log (level info, message "request") and what went wrong.
	Log logr.Logger
	// Registerer takes the metrics; nil: they are kept, and shown to nobody.
	Registerer prometheus.Registerer
	// Remote says what the access log calls a request's client, such as its address behind trusted proxies. nil: nothing.
	Remote func(*http.Request) string
	// SentryDSN is where panics and unexpected errors go (SENTRY_DSN). Empty: nowhere.
	SentryDSN string
	// SentryEnvironment names the installation there (--sentry-environment).
	SentryEnvironment string
	// OTLPEndpoint is the URL that takes traces by OTLP over HTTP (--otlp-endpoint), such as http://collector:4318; /v1/traces
	// is added where it has no path. Empty: that of OTEL_EXPORTER_OTLP_TRACES_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT, and
	// without these nothing is traced. The other OTEL_EXPORTER_OTLP_ variables (headers, certificates) hold too.
	OTLPEndpoint string
	// TraceRatio is the share of requests to trace, 0 to 1, among those whose caller does not say whether to (--trace-ratio).
	TraceRatio float64
	// Version is the version of Checky.
	Version string

	clock clock.PassiveClock
}

// Validate says which option is wrong, by its flag.
func (o *Options) Validate() error {
	if o.TraceRatio < 0 || o.TraceRatio > 1 {
		return errors.New("--trace-ratio: must be between 0 and 1")
	}
	if _, err := o.otlpOptions(); err != nil {
		return err
	}
	return validateDSN(o.SentryDSN)
}

// Observer sees requests. It is safe for use by many goroutines.
type Observer struct {
	log     *slog.Logger
	remote  func(*http.Request) string
	clock   clock.PassiveClock
	metrics *metrics
	reports *reporter // nil: no Sentry
	traces  *tracing  // nil: no traces
}

// New makes an Observer. Where it sends things elsewhere, it starts to by itself; Shutdown ends that.
func New(o Options) (*Observer, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	observer := &Observer{
		// With a logr.Logger made from a slog.Handler this is that very handler: the hot path pays for one layer alone.
		log:    slog.New(logr.ToSlogHandler(o.Log)),
		remote: o.Remote,
		clock:  o.clock,
	}
	if observer.clock == nil {
		observer.clock = clock.RealClock{}
	}
	var err error
	if observer.metrics, err = newMetrics(o.Registerer); err != nil {
		return nil, err
	}
	if observer.reports, err = newReporter(&o); err != nil {
		return nil, err
	}
	if observer.traces, err = newTracing(&o, observer.log); err != nil {
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		return nil, errors.Join(err, observer.reports.shutdown(ended))
	}
	return observer, nil
}

// Shutdown sends what is still to be sent, for as long as ctx allows and at most flushTimeout, and ends the senders.
// Requests should have ended before.
func (o *Observer) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	var reports error
	var sending sync.WaitGroup
	sending.Go(func() { reports = o.reports.shutdown(ctx) })
	traces := o.traces.shutdown(ctx)
	sending.Wait()
	return errors.Join(traces, reports)
}

// flushTimeout bounds how long Shutdown takes.
const flushTimeout = 5 * time.Second

// Report writes an unexpected error of a request to the log, and sends it to Sentry: one that is answered 5xx and is nobody's
// limit. What looks like a token or an address is taken out of its text. An error that came of the request's own end
// (its client left) is none.
func (o *Observer) Report(ctx context.Context, err error) {
	if err == nil || (ctx.Err() != nil && errors.Is(err, context.Canceled)) {
		return
	}
	note := NoteFrom(ctx)
	o.log.LogAttrs(ctx, slog.LevelError, "A request failed unexpectedly",
		slog.String("error", scrub(err.Error())), slog.String("type", fmt.Sprintf("%T", err)),
		slog.String("route", note.Route), slog.String("request_id", note.RequestID))
	o.reports.sendError(note, err)
}
