package observe

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/apiserver/problem"
)

// routes answers in every way that a handler may.
func routes(w *watched) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status/{id}", func(rw http.ResponseWriter, r *http.Request) {
		NoteFrom(r.Context()).TokenID = "01token"
		passed(w.clock, 250*time.Millisecond)
		_, _ = io.WriteString(rw, "twelve bytes")
	})
	mux.HandleFunc("POST /v1/check", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusAccepted) })
	mux.HandleFunc("GET /silent", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /livez", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "OK") })
	mux.HandleFunc("GET /hint", func(rw http.ResponseWriter, _ *http.Request) {
		rw.WriteHeader(http.StatusEarlyHints)
		rw.WriteHeader(http.StatusTeapot)
		rw.WriteHeader(http.StatusOK)
	})
	mux.HandleFunc("GET /panic/{how}", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("ETag", `"x"`)
		rw.Header().Set("Content-Length", "99")
		switch r.PathValue("how") {
		case "error":
			panic(errors.New("no such thing as alice@example.org"))
		case "abort":
			panic(http.ErrAbortHandler)
		case "late":
			_, _ = io.WriteString(rw, "half")
			panic("late")
		}
		panic("Authorization: Bearer cky_SECRET_token")
	})
	// A middleware that hands on a copy, whose routes say themselves which they are.
	inner := http.NewServeMux()
	inner.HandleFunc("GET /copied/{id}", func(_ http.ResponseWriter, r *http.Request) { NoteFrom(r.Context()).Route = template(r.Pattern) })
	type key struct{}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/copied/") {
			inner.ServeHTTP(rw, r.WithContext(context.WithValue(r.Context(), key{}, "")))
			return
		}
		mux.ServeHTTP(rw, r)
	})
}

func TestAccessLog(t *testing.T) {
	parent := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, test := range map[string]struct {
		reason         string
		method, target string
		header         http.Header
		remote         bool
		want           map[string]any // nil: no line
		series         string
	}{
		"everything": {
			reason: "a line says all that is known, in words of its own: the template, not the path or the query",
			method: "GET", target: "/v1/status/SECRET-id?token=SECRET-query",
			header: http.Header{"X-Request-Id": {"mine-1"}, "Traceparent": {parent}}, remote: true,
			want: map[string]any{
				"method": "GET", "route": "/v1/status/{id}", "status": 200.0, "duration": 0.25, "bytes": 12.0, "request_id": "mine-1",
				"token_id": "01token", "remote": "192.0.2.7:4711", "trace_id": "0af7651916cd43dd8448eb211c80319c",
			},
			series: `{code="200",method="GET",route="/v1/status/{id}"}`,
		},
		"little": {
			reason: "what is not known is left out",
			method: "POST", target: "/v1/check", header: http.Header{"X-Request-Id": {"mine-1"}},
			want:   map[string]any{"method": "POST", "route": "/v1/check", "status": 202.0, "duration": 0.0, "bytes": 0.0, "request_id": "mine-1"},
			series: `{code="202",method="POST",route="/v1/check"}`,
		},
		"no answer": {
			reason: "net/http answers 200 for a handler that does not",
			method: "GET", target: "/silent", header: http.Header{"X-Request-Id": {"mine-1"}},
			want:   map[string]any{"method": "GET", "route": "/silent", "status": 200.0, "duration": 0.0, "bytes": 0.0, "request_id": "mine-1"},
			series: `{code="200",method="GET",route="/silent"}`,
		},
		"not found": {
			reason: "a path that no route has is the caller's, and neither label nor line",
			method: "GET", target: "/SECRET/path", header: http.Header{"X-Request-Id": {"mine-1"}},
			want:   map[string]any{"method": "GET", "route": "unmatched", "status": 404.0, "duration": 0.0, "bytes": 19.0, "request_id": "mine-1"},
			series: `{code="404",method="GET",route="unmatched"}`,
		},
		"strange method": {
			reason: "callers cannot make series by making up methods",
			method: "SECRET", target: "/v1/check", header: http.Header{"X-Request-Id": {"mine-1"}},
			want:   map[string]any{"method": "other", "route": "unmatched", "status": 405.0, "duration": 0.0, "bytes": 19.0, "request_id": "mine-1"},
			series: `{code="405",method="other",route="unmatched"}`,
		},
		"early hints": {
			reason: "1xx are no answer, and the first final status is the one that was sent",
			method: "GET", target: "/hint", header: http.Header{"X-Request-Id": {"mine-1"}},
			want:   map[string]any{"method": "GET", "route": "/hint", "status": 418.0, "duration": 0.0, "bytes": 0.0, "request_id": "mine-1"},
			series: `{code="418",method="GET",route="/hint"}`,
		},
		"copied": {
			reason: "a route behind a copy of the request names itself",
			method: "GET", target: "/copied/1", header: http.Header{"X-Request-Id": {"mine-1"}},
			want:   map[string]any{"method": "GET", "route": "/copied/{id}", "status": 200.0, "duration": 0.0, "bytes": 0.0, "request_id": "mine-1"},
			series: `{code="200",method="GET",route="/copied/{id}"}`,
		},
		"probe": {
			reason: "probes are counted and not logged",
			method: "GET", target: "/livez", series: `{code="200",method="GET",route="/livez"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(t, func(o *Options) {
				if test.remote {
					o.Remote = func(r *http.Request) string { return r.RemoteAddr }
				}
			})
			r := secretRequest(t, test.method, test.target)
			for key, values := range test.header {
				r.Header[key] = values
			}
			w.Middleware(routes(w)).ServeHTTP(httptest.NewRecorder(), r)
			var want []map[string]any
			if test.want != nil {
				want = append(want, test.want)
			}
			if diff := cmp.Diff(want, w.log.of(t, "request")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			if strings.Contains(w.log.String(), "SECRET") {
				t.Errorf("a line holds what the caller sent: %s", w.log)
			}
			counted := map[string]float64{"checky_apiserver_requests_total" + test.series: 1}
			if diff := cmp.Diff(counted, w.series(t, "checky_apiserver_requests_total")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

func TestPanics(t *testing.T) {
	for name, test := range map[string]struct {
		reason, target string
		status         int // 0: the connection is cut
		logged         string
		line           float64
		counted        float64
	}{
		"string":  {"a panic is answered, and its text is scrubbed", "/panic/string", 500, "Authorization: [hidden] [token]", 500, 1},
		"error":   {"an error that is thrown is told likewise", "/panic/error", 500, "no such thing as [address]", 500, 1},
		"late":    {"an answer that has begun is cut, lest it look whole", "/panic/late", 0, "late", 200, 1},
		"aborted": {"net/http's way to give up is no panic", "/panic/abort", 0, "", 499, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := watch(t, nil)
			server := httptest.NewServer(w.Middleware(routes(w)))
			defer server.Close()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+test.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("X-Request-Id", "mine-1")
			answer, err := server.Client().Do(r)
			if test.status == 0 {
				if err == nil {
					_, err = io.ReadAll(answer.Body)
					_ = answer.Body.Close()
				}
				if err == nil {
					t.Errorf("%s: the answer looks whole", test.reason)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				var p problem.Problem
				if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
					t.Fatal(err)
				}
				_ = answer.Body.Close()
				want := problem.Problem{Title: "Internal Server Error", Status: 500, Detail: "Something went wrong here. The log has it under request id mine-1."}
				if diff := cmp.Diff(want, p); diff != "" {
					t.Errorf("%s (-want +got):\n%s", test.reason, diff)
				}
				if got := answer.Header; got.Get("ETag") != "" || got.Get("Content-Type") != problem.ContentType || got.Get("X-Request-Id") != "mine-1" || got.Get("Cache-Control") != "no-store" {
					t.Errorf("headers: %v", got)
				}
			}
			server.Close() // waits for the handler's end
			told := w.log.of(t, "A request's handler panicked")
			if test.logged == "" {
				if len(told) != 0 {
					t.Errorf("%s: %v", test.reason, told)
				}
			} else if len(told) != 1 || told[0]["panic"] != test.logged || !strings.Contains(told[0]["stack"].(string), "middleware_test.go") || told[0]["request_id"] != "mine-1" {
				t.Errorf("%s: %v", test.reason, told)
			}
			if line := w.log.of(t, "request"); len(line) != 1 || line[0]["status"] != test.line || line[0]["route"] != "/panic/{how}" {
				t.Errorf("access log: %v", line)
			}
			if got := w.series(t, "checky_apiserver_panics_total"); got["checky_apiserver_panics_total{}"] != test.counted {
				t.Errorf("counted %v, want %v", got, test.counted)
			}
			if got := w.series(t, "checky_apiserver_requests_in_flight"); got["checky_apiserver_requests_in_flight{}"] != 0 {
				t.Errorf("requests are still in flight: %v", got)
			}
		})
	}
}

func TestClientLeaves(t *testing.T) {
	w := watch(t, nil)
	ctx, leave := context.WithCancel(t.Context())
	handler := w.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := w.series(t, "checky_apiserver_requests_in_flight"); got["checky_apiserver_requests_in_flight{}"] != 1 {
			t.Errorf("in flight: %v, want 1", got)
		}
		leave()
		<-r.Context().Done()
		w.Report(r.Context(), context.Canceled)
	}))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	if line := w.log.of(t, "request"); len(line) != 1 || line[0]["status"] != 499.0 {
		t.Errorf("access log: %v", line)
	}
	if reported := w.log.of(t, "A request failed unexpectedly"); len(reported) != 0 {
		t.Errorf("a client that leaves is no failure: %v", reported)
	}
}

// TestWholeAnswers drives what streams and slow answers need through a real server: flushing in both of its forms, and
// deadlines.
func TestWholeAnswers(t *testing.T) {
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			w := watch(t, func(o *Options) { o.OTLPEndpoint = receiver(t, nil) })
			proceed := make(chan struct{})
			server := httptest.NewUnstartedServer(w.Middleware(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
				controller := http.NewResponseController(rw)
				if err := errors.Join(controller.SetReadDeadline(time.Time{}), controller.SetWriteDeadline(time.Time{})); err != nil {
					t.Error(err)
				}
				_, _ = io.WriteString(rw, "1")
				rw.(http.Flusher).Flush()
				<-proceed
				_, _ = io.WriteString(rw, "2")
				if err := controller.Flush(); err != nil {
					t.Error(err)
				}
				<-proceed
			})))
			server.EnableHTTP2 = http2
			server.StartTLS()
			defer server.Close()
			answer, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if (answer.ProtoMajor == 2) != http2 {
				t.Fatalf("got %s", answer.Proto)
			}
			for _, want := range []string{"1", "2"} {
				got := make([]byte, 1)
				if _, err := io.ReadFull(answer.Body, got); err != nil || string(got) != want {
					t.Fatalf("read %q, %v, want %q while the answer goes on", got, err, want)
				}
				proceed <- struct{}{}
			}
			if _, err := io.Copy(io.Discard, answer.Body); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFlushUnsupported(t *testing.T) {
	w := &response{inner: struct{ http.ResponseWriter }{httptest.NewRecorder()}}
	w.Flush() // says nothing
	if err := http.NewResponseController(w).Flush(); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("got %v, want %v", err, http.ErrNotSupported)
	}
}

func TestNoteFromNowhere(t *testing.T) {
	NoteFrom(t.Context()).TokenID = "x"
	if got := NoteFrom(t.Context()); *got != (Note{}) {
		t.Errorf("a note outside of a request is kept: %v", got)
	}
}

func TestMetricsTwice(t *testing.T) {
	w := watch(t, nil)
	if _, err := New(Options{Registerer: w.registry}); err == nil {
		t.Error("two observers share one registry's metrics")
	}
}
