package observe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	clocktesting "k8s.io/utils/clock/testing"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

// lines collects log lines.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(line)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

// of are the lines of one message, without time and level.
func (l *lines) of(t *testing.T, message string) []map[string]any {
	t.Helper()
	var found []map[string]any
	decoder := json.NewDecoder(bytes.NewBufferString(l.String()))
	for decoder.More() {
		line := map[string]any{}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if line["msg"] == message {
			delete(line, "time")
			delete(line, "level")
			delete(line, "msg")
			found = append(found, line)
		}
	}
	return found
}

// watched is an Observer whose log and metrics can be looked at.
type watched struct {
	*Observer
	log      *lines
	registry *prometheus.Registry
	clock    *clocktesting.FakePassiveClock
}

func watch(t *testing.T, change func(*Options)) *watched {
	t.Helper()
	w := &watched{log: &lines{}, registry: prometheus.NewPedanticRegistry(), clock: clocktesting.NewFakePassiveClock(time.Unix(1_700_000_000, 0))}
	o := Options{
		Log:        logr.FromSlogHandler(slog.NewJSONHandler(w.log, nil)),
		Registerer: w.registry,
		Version:    "1.2.3",
		clock:      w.clock,
	}
	if change != nil {
		change(&o)
	}
	observer, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = observer.Shutdown(t.Context()) }) // what waits is of no interest any more; that the senders end is
	w.Observer = observer
	return w
}

// series are a metric's values by their labels; of a histogram, how many were observed.
func (w *watched) series(t *testing.T, name string) map[string]float64 {
	t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			all[name+"{"+strings.Join(labels, ",")+"}"] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// passed moves a clock on within a request.
func passed(clock *clocktesting.FakePassiveClock, d time.Duration) {
	clock.SetTime(clock.Now().Add(d))
}

// secretRequest holds something that must not be written down in each of its parts.
func secretRequest(t *testing.T, method, target string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, bytes.NewBufferString(`{"password": "SECRET-body"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = "192.0.2.7:4711"
	r.Header.Set("Authorization", "Bearer cky_SECRET_token")
	r.Header.Set("Cookie", "session=SECRET-cookie")
	r.Header.Set("User-Agent", "SECRET-agent")
	return r
}
