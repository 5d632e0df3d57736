package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/getsentry/sentry-go"
)

// reporter sends panics and unexpected errors to Sentry. A nil one sends nothing.
//
// Nobody waits for it: sentry-go keeps the last 100 events that it has not looked at, and 1,000 that wait for the network;
// what is more is dropped.
type reporter struct {
	client *sentry.Client
	wire   *wire
}

// validateDSN does not repeat the DSN: it holds a key.
func validateDSN(dsn string) error {
	if dsn == "" {
		return nil
	}
	if _, err := sentry.NewDsn(dsn); err != nil {
		return errors.New("SENTRY_DSN: expected https://KEY@HOST/PROJECT")
	}
	return nil
}

func newReporter(o *Options) (*reporter, error) {
	if o.SentryDSN == "" {
		return nil, nil //nolint:nilnil // a nil reporter is one that sends nothing
	}
	wire := newWire()
	client, err := sentry.NewClient(sentry.ClientOptions{
		Dsn:         o.SentryDSN,
		Environment: o.SentryEnvironment,
		Release:     "checky@" + o.Version,
		// A proxy of the environment is used, as net/http does.
		HTTPTransport: wire,
		BeforeSend:    func(event *sentry.Event, _ *sentry.EventHint) *sentry.Event { return scrubEvent(event) },
		// Its integrations add source lines, modules and the environment: more than a report needs.
		Integrations: func([]sentry.Integration) []sentry.Integration { return nil },
	})
	if err != nil {
		return nil, errors.New("SENTRY_DSN: no client can be made of it")
	}
	return &reporter{client: client, wire: wire}, nil
}

func (p *reporter) sendError(note *Note, err error) {
	if p != nil {
		p.send(note, p.client.EventFromException(err, sentry.LevelError))
	}
}

// sendPanic is called while the panic's stack is there to be looked at.
func (p *reporter) sendPanic(note *Note, cause any) {
	if p == nil {
		return
	}
	err, ok := cause.(error)
	if !ok {
		err = fmt.Errorf("%v", cause)
	}
	p.send(note, p.client.EventFromException(err, sentry.LevelFatal))
}

func (p *reporter) send(note *Note, event *sentry.Event) {
	event.Tags = map[string]string{"request_id": note.RequestID, "route": note.Route}
	p.client.CaptureEvent(event, nil, nil)
}

// shutdown sends what waits, for as long as ctx allows.
func (p *reporter) shutdown(ctx context.Context) error {
	if p == nil {
		return nil
	}
	sent := p.client.FlushWithContext(ctx)
	p.wire.cut() // its sender would hold on to a server that does not answer
	p.client.Close()
	if !sent {
		return errors.New("not all reports could be sent to Sentry")
	}
	return nil
}

// sendTimeout bounds one report on the wire.
const sendTimeout = 10 * time.Second

// wire is a transport whose requests can be ended all at once.
type wire struct {
	transport *http.Transport
	ended     context.Context //nolint:containedctx // it is the life of the transport, not of a request
	end       context.CancelFunc
}

func newWire() *wire {
	ctx, cancel := context.WithCancel(context.Background())
	return &wire{
		transport: &http.Transport{Proxy: http.ProxyFromEnvironment, MaxConnsPerHost: 2, ResponseHeaderTimeout: sendTimeout, ForceAttemptHTTP2: true},
		ended:     ctx, end: cancel,
	}
}

// RoundTrip is http.RoundTripper's.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), sendTimeout)
	stop := context.AfterFunc(w.ended, cancel)
	answer, err := w.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		stop()
		cancel()
		return nil, err
	}
	answer.Body = &endingBody{ReadCloser: answer.Body, end: func() { stop(); cancel() }}
	return answer, nil
}

// cut ends what is under way, and what comes after it.
func (w *wire) cut() {
	w.end()
	w.transport.CloseIdleConnections()
}

// endingBody is a body whose request's context is over when it is closed.
type endingBody struct {
	io.ReadCloser
	end func()
}

func (b *endingBody) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
