package observe

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
)

// discard is an answer that costs nothing.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}

// nowhere takes lines that are formatted all the same.
type nowhere struct{}

func (nowhere) Write(line []byte) (int, error) { return len(line), nil }

// BenchmarkMiddleware is what a request pays for being seen: with and without its line in the log, and with a caller's
// trace.
func BenchmarkMiddleware(b *testing.B) {
	for name, test := range map[string]struct {
		log    logr.Logger
		header http.Header
	}{
		"logged":          {logr.FromSlogHandler(slog.NewJSONHandler(nowhere{}, nil)), http.Header{}},
		"logged with ids": {logr.FromSlogHandler(slog.NewJSONHandler(nowhere{}, nil)), http.Header{"X-Request-Id": {"mine-1"}, "Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}},
		"not logged":      {logr.Discard(), http.Header{}},
	} {
		b.Run(name, func(b *testing.B) {
			observer, err := New(Options{Log: test.log, Registerer: prometheus.NewRegistry()})
			if err != nil {
				b.Fatal(err)
			}
			body := []byte(`{"status":"success"}`)
			mux := http.NewServeMux()
			mux.HandleFunc("POST /v1/check", func(w http.ResponseWriter, r *http.Request) {
				NoteFrom(r.Context()).TokenID = "01token"
				_, _ = w.Write(body)
			})
			handler := observer.Middleware(mux)
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/check", nil)
				if err != nil {
					b.Error(err)
					return
				}
				r.Header = test.header
				w := &discard{header: http.Header{}}
				for pb.Next() {
					handler.ServeHTTP(w, r)
				}
			})
		})
	}
}
