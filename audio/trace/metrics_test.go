package trace

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

func newMetrics(t *testing.T) (*Metrics, *prometheus.Registry) {
	t.Helper()
	registry := prometheus.NewRegistry()
	m, err := New(registry, func() int { return 7 })
	if err != nil {
		t.Fatal(err)
	}
	return m, registry
}

// gather is the value of each series, by its name and the values of its labels in the order of their names; of a histogram, the sum.
func gather(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, family := range families {
		for _, series := range family.GetMetric() {
			name := family.GetName()
			for _, label := range series.GetLabel() {
				name += " " + label.GetValue()
			}
			values[name] = series.GetCounter().GetValue() + series.GetGauge().GetValue() + series.GetHistogram().GetSampleSum()
		}
	}
	return values
}

// droppedEvents is what the metric says of them.
func droppedEvents(t *testing.T, registry *prometheus.Registry) int {
	t.Helper()
	return int(gather(t, registry)["checky_alertd_events_dropped_total"])
}

func TestMetricsSayWhatHappened(t *testing.T) {
	m, registry := newMetrics(t)
	first := dispatch.Announcement{Kind: dispatch.First, Severity: v1alpha1.SeverityCritical, Count: 3}
	flood := dispatch.Announcement{Kind: dispatch.Flood, Severity: v1alpha1.SeverityError, Count: 500}
	m.Announced(first, dispatch.Played, 1500*time.Millisecond)
	m.Announced(first, dispatch.Interrupted, time.Second)
	m.Announced(first, dispatch.Played, 0)
	m.Announced(flood, dispatch.Failed, 0)
	m.Announced(flood, dispatch.Played, time.Second)
	m.Suppressed(dispatch.ReasonQuiet)
	m.JournalFailed()
	m.EventDropped()
	m.EventDropped()
	m.ToneUnusable()
	m.Sandbox("landlock", true)
	m.Sandbox("seccomp", false)
	m.Device(true)
	m.Cluster(true)
	m.FloodOver(dispatch.FloodSummary{Count: 700, Lasted: 90 * time.Second})

	want := map[string]float64{
		`checky_alertd_announcements_total first played critical`:      2,
		`checky_alertd_announcements_total first interrupted critical`: 1,
		`checky_alertd_announcements_total flood failed error`:         1,
		`checky_alertd_announcements_total flood played error`:         1,
		`checky_alertd_cluster_reachable`:                              1,
		`checky_alertd_device_ready`:                                   1,
		`checky_alertd_events_dropped_total`:                           2,
		`checky_alertd_flood_duration_seconds`:                         90,
		`checky_alertd_flood_failures`:                                 700,
		`checky_alertd_flood_alerts_total`:                             500,
		`checky_alertd_journal_errors_total`:                           1,
		`checky_alertd_sandbox_enforced landlock`:                      1,
		`checky_alertd_suppressed_total quiet`:                         1,
		`checky_alertd_unusable_tones_total`:                           1,
		`checky_alertd_verdict_to_sound_seconds`:                       1.5, // the one that is known, of a first announcement that was played
		`checky_alertd_waiting`:                                        7,
	}
	got := gather(t, registry)
	if n := len(got); n != len(kinds)*len(severities)*len(results)+len(reasons)+2+10 {
		t.Errorf("%d series: those of fixed labels are to be there from the beginning", n)
	}
	maps.DeleteFunc(got, func(_ string, value float64) bool { return value == 0 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

func TestLabelsAreBounded(t *testing.T) {
	m, registry := newMetrics(t)
	before := len(gather(t, registry))
	for n := range 100 {
		text := strings.Repeat("x", n)
		m.Announced(dispatch.Announcement{Kind: dispatch.Kind(text), Severity: v1alpha1.Severity(text)}, dispatch.Result(text), 0)
		m.Suppressed(dispatch.Reason(text))
		m.Sandbox(text, true)
	}
	if after := len(gather(t, registry)); after != before+3 {
		t.Errorf("%d series became %d, want one more of each that is labelled", before, after)
	}
}

func TestMetricsNeedARegistryEach(t *testing.T) {
	_, registry := newMetrics(t)
	newMetrics(t)
	if _, err := New(registry, func() int { return 0 }); err == nil {
		t.Error("they were registered twice")
	}
}
