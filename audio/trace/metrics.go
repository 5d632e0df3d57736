package trace

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/audio/dispatch"
)

// other is the value of a label for what has no name here, so that there are never more than are listed.
const other = "other"

// The values of labels.
var (
	kinds   = []string{"first", "repeat", "flood", "recovery"}
	results = []string{"played", "interrupted", "failed"}
	reasons = []string{
		string(dispatch.ReasonQuiet), string(dispatch.ReasonSilenced), string(dispatch.ReasonAcknowledged), string(dispatch.ReasonStale),
		string(dispatch.ReasonFlood), string(dispatch.ReasonOverflow), string(dispatch.ReasonUnmatched),
	}
	// The parts of the player's sandbox.
	features = []string{"no_new_privs", "landlock", "seccomp", "rlimits"}
)

// severities are the values of that label.
var severities = func() (names []string) {
	all := alerts.Severities()
	for _, severity := range all[1:] {
		names = append(names, string(severity))
	}
	return names
}()

// Metrics are the daemon's metrics. Every label has a few fixed values.
type Metrics struct {
	announcements *prometheus.CounterVec
	suppressed    *prometheus.CounterVec
	delay         prometheus.Histogram
	flood         prometheus.Counter
	floodSize     prometheus.Histogram
	floodLength   prometheus.Histogram
	journal       prometheus.Counter
	dropped       prometheus.Counter
	unusable      prometheus.Counter
	sandbox       *prometheus.GaugeVec
	device        prometheus.Gauge
	cluster       prometheus.Gauge
}

// New makes the metrics and registers them. waiting says how many alerts wait for their announcement; it is asked whenever the metrics
// are read, from any goroutine.
func New(registerer prometheus.Registerer, waiting func() int) (*Metrics, error) {
	m := &Metrics{
		announcements: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "checky_alertd_announcements_total",
			Help: "Announcements by kind, by the worst severity in them, and by result: played; interrupted (by a worse one) and failed ones are tried again.",
		}, []string{"kind", "severity", "result"}),
		suppressed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "checky_alertd_suppressed_total",
			Help: "Failures that made no sound, or not yet, by reason. One counts once for each reason.",
		}, []string{"reason"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "checky_alertd_verdict_to_sound_seconds",
			Help:    "From the verdict on a Check to the sound that announced it first. The time of the verdict is known to the second.",
			Buckets: []float64{1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 900, 3600},
		}),
		flood: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "checky_alertd_flood_alerts_total", Help: "Failures that were announced together by a flood signal.",
		}),
		floodSize: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "checky_alertd_flood_failures",
			Help:    "Failures that a flood covered in all, by its signal and without a sound after it; of floods that are over.",
			Buckets: []float64{20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000},
		}),
		floodLength: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "checky_alertd_flood_duration_seconds",
			Help:    "From the signal of a flood to the last failure that it covered; of floods that are over.",
			Buckets: []float64{1, 5, 15, 60, 300, 900, 3600, 14_400},
		}),
		journal: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "checky_alertd_journal_errors_total",
			Help: "Changes that could not be written to the journal. What is not in it is announced again after a restart.",
		}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "checky_alertd_events_dropped_total",
			Help: "Events that were not written: too many waited, or the API server refused them or did not take them.",
		}),
		unusable: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "checky_alertd_unusable_tones_total",
			Help: "Announcements whose own sound could not be had or decoded, and that were heard as a pattern instead.",
		}),
		sandbox: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "checky_alertd_sandbox_enforced",
			Help: "Whether the kernel enforces a part of the player's sandbox (1) or not (0), as the first player found it.",
		}, []string{"feature"}),
		cluster: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "checky_alertd_cluster_reachable",
			Help: "Whether the API server answered when it was last asked (1) or not (0), which is every ten seconds. 0 until it was asked.",
		}),
		device: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "checky_alertd_device_ready", Help: "Whether the last attempt to reach the sound device went well (1) or not (0).",
		}),
	}
	for _, kind := range kinds {
		for _, severity := range severities {
			for _, result := range results {
				m.announcements.WithLabelValues(kind, severity, result)
			}
		}
	}
	for _, reason := range reasons {
		m.suppressed.WithLabelValues(reason)
	}
	return m, errors.Join(
		registerer.Register(m.announcements), registerer.Register(m.suppressed), registerer.Register(m.delay),
		registerer.Register(m.flood), registerer.Register(m.floodSize), registerer.Register(m.floodLength), registerer.Register(m.journal), registerer.Register(m.dropped), registerer.Register(m.unusable),
		registerer.Register(m.sandbox), registerer.Register(m.device), registerer.Register(m.cluster),
		registerer.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "checky_alertd_waiting", Help: "Failures that wait for their announcement.",
		}, func() float64 { return float64(waiting()) })),
	)
}

// Announced counts an announcement that has ended. The delay is from the verdict to the sound; it counts for first announcements that
// were played. 0: unknown.
func (m *Metrics) Announced(a dispatch.Announcement, result dispatch.Result, delay time.Duration) {
	kind := known(kinds, strings.ToLower(string(a.Kind)))
	m.announcements.WithLabelValues(kind, known(severities, string(a.Severity)), known(results, strings.ToLower(string(result)))).Inc()
	if result != dispatch.Played {
		return
	}
	if a.Kind == dispatch.First && delay > 0 {
		m.delay.Observe(delay.Seconds())
	}
	if a.Kind == dispatch.Flood {
		m.flood.Add(float64(max(a.Count, 0)))
	}
}

// FloodOver counts a flood that is over.
func (m *Metrics) FloodOver(over dispatch.FloodSummary) {
	m.floodSize.Observe(float64(over.Count))
	m.floodLength.Observe(over.Lasted.Seconds())
}

// Suppressed counts a failure that made no sound, or not yet.
func (m *Metrics) Suppressed(reason dispatch.Reason) {
	m.suppressed.WithLabelValues(known(reasons, string(reason))).Inc()
}

// JournalFailed counts a change that could not be written to the journal.
func (m *Metrics) JournalFailed() { m.journal.Inc() }

// EventDropped counts an Event that was not written.
func (m *Metrics) EventDropped() { m.dropped.Inc() }

// ToneUnusable counts an announcement that had to do without the sound that its policy sets.
func (m *Metrics) ToneUnusable() { m.unusable.Inc() }

// Sandbox tells whether a part of the player's sandbox is enforced: no_new_privs, landlock, seccomp or rlimits.
func (m *Metrics) Sandbox(feature string, enforced bool) {
	m.sandbox.WithLabelValues(known(features, feature)).Set(number(enforced))
}

// Device tells whether the device could be reached.
func (m *Metrics) Device(ready bool) { m.device.Set(number(ready)) }

// Cluster tells whether the API server answers.
func (m *Metrics) Cluster(reachable bool) { m.cluster.Set(number(reachable)) }

func known(values []string, value string) string {
	if slices.Contains(values, value) {
		return value
	}
	return other
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
