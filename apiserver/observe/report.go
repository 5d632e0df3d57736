package observe

import (
	"errors"
	"fmt"
	"time"

	"github.com/getsentry/sentry-go"
)

// reporter sends panics and unexpected errors to Sentry. A nil one sends nothing.
type reporter struct {
	client *sentry.Client
}

// validateDSN does not repeat the DSN: it holds a key.
func validateDSN(dsn string) error {
	if dsn == "" {
		return nil
	}
	if _, err := sentry.NewDsn(dsn); err != nil {
		return errors.New("--sentry-dsn: expected https://KEY@HOST/PROJECT")
	}
	return nil
}

func newReporter(o *Options) (*reporter, error) {
	if o.SentryDSN == "" {
		return nil, nil //nolint:nilnil // a nil reporter is one that sends nothing
	}
	client, err := sentry.NewClient(sentry.ClientOptions{
		Dsn:         o.SentryDSN,
		Environment: o.SentryEnvironment,
		Release:     "checky@" + o.Version,
		BeforeSend:  func(event *sentry.Event, _ *sentry.EventHint) *sentry.Event { return scrubEvent(event) },
		// Its integrations add source lines, modules and the environment: more than a report needs.
		Integrations: func([]sentry.Integration) []sentry.Integration { return nil },
	})
	if err != nil {
		return nil, errors.New("--sentry-dsn: no client can be made of it")
	}
	return &reporter{client: client}, nil
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
	event := p.client.EventFromException(err, sentry.LevelFatal)
	p.send(note, event)
}

func (p *reporter) send(note *Note, event *sentry.Event) {
	event.Tags = map[string]string{"request_id": note.RequestID, "route": note.Route}
	p.client.CaptureEvent(event, nil, nil)
}

// close sends what waits, for at most the time given, and says whether all of it was.
func (p *reporter) close(timeout time.Duration) bool {
	if p == nil {
		return true
	}
	flushed := p.client.Flush(timeout)
	p.client.Close()
	return flushed
}
