package observe

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// receiver takes OTLP over HTTP as a collector does, and says what came.
func receiver(t *testing.T, take func(*collector.ExportTraceServiceRequest)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		request := &collector.ExportTraceServiceRequest{}
		if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, request) != nil {
			t.Errorf("not OTLP: %s, %v", r.URL.Path, err)
		}
		if take != nil {
			take(request)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func attributes(span *tracepb.Span) map[string]string {
	all := map[string]string{}
	for _, attribute := range span.GetAttributes() {
		all[attribute.GetKey()] = attribute.GetValue().String()
	}
	return all
}

func TestTraces(t *testing.T) {
	var spans []*tracepb.Span
	var service string
	endpoint := receiver(t, func(request *collector.ExportTraceServiceRequest) {
		for _, resource := range request.GetResourceSpans() {
			service = resource.GetResource().String()
			for _, scope := range resource.GetScopeSpans() {
				spans = append(spans, scope.GetSpans()...)
			}
		}
	})
	for name, configure := range map[string]func(*Options){
		"option":      func(o *Options) { o.OTLPEndpoint = endpoint },
		"environment": func(*Options) { t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint) },
	} {
		t.Run(name, func(t *testing.T) {
			spans = nil
			w := watch(t, func(o *Options) {
				configure(o)
				o.TraceRatio = 0 // only who asks is traced
			})
			handler := w.Middleware(routes(w))
			for target, flag := range map[string]string{"/v1/status/SECRET?q=SECRET": "01", "/panic/string": "01", "/silent": "00", "/livez": "01"} {
				r := secretRequest(t, http.MethodGet, target)
				r.Header.Set("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-"+flag)
				r.Header.Set("X-Forwarded-For", "SECRET-address")
				r.Header.Set("User-Agent", strings.Repeat("a", 10_000))
				handler.ServeHTTP(httptest.NewRecorder(), r)
			}
			handler.ServeHTTP(httptest.NewRecorder(), secretRequest(t, http.MethodGet, "/silent")) // nobody asks
			if err := w.Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, span := range spans {
				all := attributes(span)
				got[span.GetName()] = all["http.response.status_code"] + " " + all["url.path"]
				if strings.Contains(span.String(), "SECRET") || strings.Contains(span.String(), "192.0.2.7") {
					t.Errorf("a span holds what the caller sent: %s", span)
				}
				if len(all["user_agent.original"]) > maxAttribute+len(`string_value:""`) {
					t.Errorf("an attribute is not bounded: %d bytes", len(all["user_agent.original"]))
				}
			}
			want := map[string]string{
				"GET /v1/status/{id}": `int_value:200 string_value:"/v1/status/{id}"`,
				"GET /panic/{how}":    `int_value:500 string_value:"/panic/{how}"`,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("spans (-want +got):\n%s", diff)
			}
			if !strings.Contains(service, Service) || !strings.Contains(service, "1.2.3") {
				t.Errorf("resource: %s", service)
			}
		})
	}
}

// TestTraceParentOfSpan checks that the span of the request, not its caller's, is the parent of what comes after.
func TestTraceParentOfSpan(t *testing.T) {
	w := watch(t, func(o *Options) {
		o.OTLPEndpoint = receiver(t, nil)
		o.TraceRatio = 1
	})
	var parent string
	handler := w.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { parent = NoteFrom(r.Context()).TraceParent }))
	for reason, sent := range map[string]string{
		"of the caller's trace": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"of a trace of its own": "",
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if sent != "" {
			r.Header.Set("Traceparent", sent)
		}
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if !parentForm.MatchString(parent) || parent == sent || (sent != "" && traceID(parent) != traceID(sent)) {
			t.Errorf("%s: sent %q, got %q", reason, sent, parent)
		}
	}
}

// TestCollectorAway checks that a collector that is gone, or does not answer, costs neither a request nor the end of the
// process.
func TestCollectorAway(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	release := make(chan struct{})
	mute := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer mute.Close()
	defer close(release)
	for name, endpoint := range map[string]string{"gone": gone.URL, "mute": mute.URL} {
		t.Run(name, func(t *testing.T) {
			w := watch(t, func(o *Options) {
				o.OTLPEndpoint = endpoint
				o.TraceRatio = 1
			})
			handler := w.Middleware(routes(w))
			for range 2 * maxQueuedSpans { // more than the queue holds
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, secretRequest(t, http.MethodGet, "/v1/status/1"))
				if answer.Code != http.StatusOK {
					t.Fatalf("status %d", answer.Code)
				}
			}
			if err := w.Shutdown(ended(t)); err == nil {
				t.Error("nothing is said of traces that were lost")
			}
		})
	}
}

func TestOptions(t *testing.T) {
	for name, test := range map[string]struct {
		reason  string
		options Options
		flag    string
	}{
		"nothing":         {"nothing has to be set", Options{}, ""},
		"all":             {"this is how they look", Options{OTLPEndpoint: "http://collector:4318", TraceRatio: 0.5, SentryDSN: "https://key@sentry.example/1"}, ""},
		"ratio":           {"a share is at most all", Options{TraceRatio: 1.5}, "--trace-ratio"},
		"no scheme":       {"host:port would be read as a scheme", Options{OTLPEndpoint: "collector:4318"}, "--otlp-endpoint"},
		"password in URL": {"a URL is logged", Options{OTLPEndpoint: "http://u:SECRET@collector"}, "--otlp-endpoint"},
		"no DSN":          {"a DSN is never repeated: it holds a key", Options{SentryDSN: "SECRET"}, "SENTRY_DSN"},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.options.Validate()
			if (err == nil) != (test.flag == "") || (err != nil && (!strings.Contains(err.Error(), test.flag) || strings.Contains(err.Error(), "SECRET"))) {
				t.Errorf("%s: %v", test.reason, err)
			}
		})
	}
}
