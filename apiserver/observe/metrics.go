package observe

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// durationBuckets are the classic buckets of checky_apiserver_request_duration_seconds: from a verdict that is recorded
// nowhere (about 1 ms) to the longest wait for a recorded one (60 s).
var durationBuckets = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60}

// Bounds of the native histogram that goes with them.
const (
	nativeBucketFactor  = 1.1
	nativeBuckets       = 100
	nativeResetDuration = time.Hour
)

// Labels for what has no other: they keep the number of series bounded, whatever callers send.
const (
	unmatched   = "unmatched"
	otherMethod = "other"
)

// statusAborted is what is written down of a request whose client left, or whose handler gave up, before any answer. It is
// sent to nobody.
const statusAborted = 499

type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	panics   prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "checky_apiserver_requests_total",
			Help: "Requests answered, by route template, method and status. 499: the client left before an answer.",
		}, []string{"route", "method", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "checky_apiserver_request_duration_seconds",
			Help:                            "Time from a request's header to the end of its answer, waits for a result included.",
			Buckets:                         durationBuckets,
			NativeHistogramBucketFactor:     nativeBucketFactor,
			NativeHistogramMaxBucketNumber:  nativeBuckets,
			NativeHistogramMinResetDuration: nativeResetDuration,
		}, []string{"route", "method"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "checky_apiserver_requests_in_flight",
			Help: "Requests under way, event streams among them.",
		}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "checky_apiserver_panics_total",
			Help: "Requests whose handler panicked.",
		}),
	}
	if registerer == nil {
		return m, nil
	}
	return m, errors.Join(registerer.Register(m.requests), registerer.Register(m.duration),
		registerer.Register(m.inFlight), registerer.Register(m.panics))
}

// done counts a request that has ended.
func (m *metrics) done(route, method string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, method, statusText(status)).Inc()
	m.duration.WithLabelValues(route, method).Observe(took.Seconds())
}

// methodLabel is the method, if HTTP's standards know it (RFC 9110 and 5789).
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodConnect, http.MethodOptions, http.MethodTrace:
		return method
	}
	return otherMethod
}

// statusTexts are the status codes that HTTP has, written out once.
var statusTexts = func() (texts [600]string) {
	for i := range texts {
		texts[i] = strconv.Itoa(i)
	}
	return texts
}()

func statusText(status int) string {
	if status >= 0 && status < len(statusTexts) {
		return statusTexts[status]
	}
	return otherMethod
}
