package route

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/apiserver/serve"
)

const (
	// heartbeat is how often a stream without news says so, that nothing between here and the reader thinks it dead.
	heartbeat = 15 * time.Second
	// MaxStream bounds how long one stream of events may last. A reader who still waits connects again.
	MaxStream = 15 * time.Minute
	// eventWrite bounds how long one event may take to be taken.
	eventWrite = 10 * time.Second
	// readVerb is what a ServiceAccount must be allowed to do to follow a check, from the first event to the last.
	readVerb = "get"
)

// eventParams name a check, and what of its events has arrived.
type eventParams struct {
	ID          string `path:"id" maxLength:"63" doc:"The check's id." example:"01jd3v9w5k8f6m2n4p7q9r1s3t"`
	LastEventID string `header:"Last-Event-ID" maxLength:"64" doc:"The id of the last event that arrived (HTML Standard, section 9.2): 204 if it was the verdict, as none follows it."`
}

// getEvents streams what becomes of a check, as server-sent events, until its verdict.
func (a *api) getEvents(ctx context.Context, in *eventParams) (*huma.StreamResponse, error) {
	owner := authn.From(ctx).Owner
	// Who may not see it, or asks for what is not there, gets an answer as from any route.
	found, err := a.checks.Get(ctx, owner, in.ID)
	if err != nil {
		return nil, err
	}
	if check.Finished(found) && version(found) == in.LastEventID {
		// A browser connects again after each end, but for this one.
		return &huma.StreamResponse{Body: func(hctx huma.Context) { hctx.SetStatus(http.StatusNoContent) }}, nil
	}
	if !a.streams.take(owner, 1) {
		return nil, errShare()
	}
	left, err := a.gates.Streams.Enter(ctx)
	if err != nil {
		a.streams.give(owner, 1)
		return nil, err
	}
	leave := func() {
		left()
		a.streams.give(owner, 1)
	}
	return &huma.StreamResponse{Body: func(hctx huma.Context) {
		defer leave()
		r, w := humago.Unwrap(hctx)
		beginStream(w)
		if r.Method == http.MethodHead {
			return // There is nothing to wait for.
		}
		ctx, cancel := context.WithTimeout(r.Context(), MaxStream)
		defer cancel()
		if err := serve.LiftDeadlines(w); err != nil {
			a.report(ctx, err)
			return
		}
		a.stream(ctx, w, a.checks.Watch(ctx, owner, in.ID), func() bool { return a.mayRead(ctx, r) })
	}}, nil
}

// mayRead says whether who sent a request may still read checks. What cannot be found out now was true at the start, and the stream's
// length is bounded.
func (a *api) mayRead(ctx context.Context, r *http.Request) bool {
	caller, err := a.authn.Authenticate(ctx, r.Header.Values("Authorization")...)
	if err == nil && caller.Account == "" {
		err = a.kubernetes.Authorize(ctx, caller, readVerb)
	}
	return !errors.Is(err, authn.ErrUnauthenticated) && !errors.Is(err, authn.ErrForbidden)
}

// beginStream sets the header of a stream.
func beginStream(w http.ResponseWriter) {
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no")
}

// stream writes states as they come, and heartbeats between them, for as long as the caller may read: a token that is revoked,
// and a ServiceAccount's right that is withdrawn, end their streams.
func (a *api) stream(ctx context.Context, w http.ResponseWriter, states iter.Seq2[*v1alpha1.Check, error], mayRead func() bool) {
	w.WriteHeader(http.StatusOK)
	out := &eventWriter{w: w, control: http.NewResponseController(w)}

	type state struct {
		check *v1alpha1.Check
		err   error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	news := make(chan state)
	go func() {
		defer close(news)
		for c, err := range states {
			select {
			case news <- state{c, err}:
			case <-ctx.Done():
				return
			}
		}
	}()
	ticker := time.NewTicker(heartbeat)
	defer ticker.Stop()
	for {
		var err error
		select {
		case s, open := <-news:
			switch {
			case !open:
				return
			case errors.Is(s.err, check.ErrNotFound):
				_ = out.event("deleted", "", nil) // The stream ends either way.
				return
			case s.err != nil:
				return
			}
			if !mayRead() {
				return
			}
			err = out.event("result", version(s.check), resultOf(s.check))
		case <-ticker.C:
			if !mayRead() {
				return
			}
			err = out.comment()
		case <-serve.Closing(ctx):
			return
		case <-ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// eventWriter writes server-sent events (HTML Standard, section 9.2).
type eventWriter struct {
	w       io.Writer
	control *http.ResponseController
}

// event writes one event. JSON has no line breaks, so its data is one line.
func (e *eventWriter) event(name, id string, data any) error {
	text := []byte("{}")
	if data != nil {
		var err error
		if text, err = json.Marshal(data, written); err != nil {
			return err
		}
	}
	message := "event: " + name + "\n"
	if id != "" {
		message += "id: " + id + "\n"
	}
	return e.write(message + "data: " + string(text) + "\n\n")
}

func (e *eventWriter) comment() error { return e.write(": still pending\n\n") }

func (e *eventWriter) write(text string) error {
	// A writer without deadlines is a test's.
	_ = e.control.SetWriteDeadline(time.Now().Add(eventWrite))
	if _, err := io.WriteString(e.w, text); err != nil {
		return err
	}
	return e.control.Flush()
}

func (a *api) addEvents() {
	add(a, route{
		Operation: huma.Operation{
			OperationID: "watch-status", Method: http.MethodGet, Path: "/v1/status/{id}/events", Tags: []string{"Checks"},
			Summary: "Follow a check",
			Description: "Server-sent events: `result` with the check as it is now and each time it changes, the last one with its verdict; `deleted` when it is deleted. " +
				"The stream ends after either, and after 15 minutes at the latest.",
			Responses: map[string]*huma.Response{
				"200": {
					Description: "The events. The data of a result event is a CheckResult.",
					Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
				},
				"204": {Description: "The last event that arrived was the verdict."},
			},
			Errors: []int{404},
		},
		verb: readVerb,
	}, a.getEvents)
}
