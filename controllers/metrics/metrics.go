// Package metrics is what the operator counts. Every label has a few fixed values: none is taken from an object's
// name or a rule.
package metrics

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
)

// Metrics are the operator's metrics.
type Metrics struct {
	evaluations *prometheus.CounterVec
	payloads    *prometheus.CounterVec
	rules       *prometheus.CounterVec
	evaluation  prometheus.Histogram
	verdict     prometheus.Histogram
	deleted     *prometheus.CounterVec
	gathered    prometheus.Counter
	reloads     *prometheus.CounterVec
	usable      prometheus.Gauge
	policies    prometheus.Gauge
}

// New makes the metrics and registers them.
func New(registry prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		evaluations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "checky_evaluations_total", Help: "Evaluations of Checks, by the phase that came out.",
		}, []string{"phase"}),
		payloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "checky_check_payloads_total", Help: "Payloads that were evaluated, by the phase that came out: each of a batch, and the one of any other Check.",
		}, []string{"phase"}),
		rules: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "checky_rule_outcomes_total", Help: "Rules that were run, by their outcome.",
		}, []string{"outcome"}),
		evaluation: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "checky_evaluation_seconds", Help: "How long one evaluation took, retrieval included.",
			Buckets: prometheus.ExponentialBuckets(10e-6, 4, 10),
		}),
		verdict: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "checky_verdict_seconds", Help: "From when the controller learned of a Check, or of a change that concerns it, to the verdict in its status.",
			Buckets: prometheus.ExponentialBuckets(1e-3, 3, 12),
		}),
		deleted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "checky_checks_deleted_total", Help: "Finished Checks that were deleted, by why: ttl or cap.",
		}, []string{"reason"}),
		gathered: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "checky_events_gathered_total", Help: "Events on Checks that were not made one by one, because their namespace had too many, but told in sum.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "checky_knowledge_reloads_total", Help: "Reloads of the knowledge file, by result: success or failure.",
		}, []string{"result"}),
		usable: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "checky_knowledge_last_reload_successful",
			Help: "Whether the knowledge file is in use as it was last found (1), or the version before it, because it could not be loaded (0).",
		}),
		policies: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "checky_alert_policies", Help: "AlertPolicies there are, whether they can be used or not; 0 on a replica that stands by.",
		}),
	}
	for _, c := range []prometheus.Collector{m.evaluations, m.payloads, m.rules, m.evaluation, m.verdict, m.deleted, m.gathered, m.reloads, m.usable, m.policies} {
		if err := registry.Register(c); err != nil {
			return nil, err
		}
	}
	m.begin()
	return m, nil
}

// begin makes the series of each known value, so that they are there from the start and a rate sees the first of them.
func (m *Metrics) begin() {
	for _, phase := range []v1alpha1.Phase{v1alpha1.PhaseSuccess, v1alpha1.PhaseFailure, v1alpha1.PhaseError} {
		m.evaluations.WithLabelValues(string(phase))
		m.payloads.WithLabelValues(string(phase))
	}
	for _, result := range []string{reloadSuccess, reloadFailure} {
		m.reloads.WithLabelValues(result)
	}
	m.usable.Set(1)
}

// The results of checky_knowledge_reloads_total.
const (
	reloadSuccess = "success"
	reloadFailure = "failure"
)

// Evaluated counts one evaluation, its payloads, and the rules that were run over them.
func (m *Metrics) Evaluated(o *engine.Outcome, took time.Duration) {
	m.evaluations.WithLabelValues(string(o.Verdict.Phase)).Inc()
	m.evaluation.Observe(took.Seconds())
	if b := o.Verdict.Batch; b != nil {
		for phase, n := range map[v1alpha1.Phase]int32{
			v1alpha1.PhaseSuccess: b.Succeeded, v1alpha1.PhaseFailure: b.Failed, v1alpha1.PhaseError: b.Errored,
		} {
			m.payloads.WithLabelValues(string(phase)).Add(float64(n))
		}
	} else {
		m.payloads.WithLabelValues(string(o.Verdict.Phase)).Inc()
	}
	if s := o.Verdict.Summary; s != nil {
		for outcome, n := range map[v1alpha1.Outcome]int32{
			v1alpha1.OutcomePass: s.Pass, v1alpha1.OutcomeFail: s.Fail, v1alpha1.OutcomeWarn: s.Warn,
			v1alpha1.OutcomeSkip: s.Skip, v1alpha1.OutcomeError: s.Error,
		} {
			m.rules.WithLabelValues(string(outcome)).Add(float64(n))
		}
	}
}

// Published observes how long it took from the queue to the verdict. A Check that waits has none.
func (m *Metrics) Published(o *engine.Outcome, took time.Duration) {
	if o != nil {
		m.verdict.Observe(took.Seconds())
	}
}

// Deleted counts a finished Check that was deleted.
func (m *Metrics) Deleted(reason string) { m.deleted.WithLabelValues(reason).Inc() }

// EventGathered counts an Event that is told in sum with others.
func (m *Metrics) EventGathered() { m.gathered.Inc() }

// Reloaded counts a reload of the knowledge file.
func (m *Metrics) Reloaded() {
	m.reloads.WithLabelValues(reloadSuccess).Inc()
	m.usable.Set(1)
}

// ReloadFailed counts a reload that failed.
func (m *Metrics) ReloadFailed() {
	m.reloads.WithLabelValues(reloadFailure).Inc()
	m.usable.Set(0)
}

// Policies says how many AlertPolicies there are.
func (m *Metrics) Policies(n int) { m.policies.Set(float64(n)) }

// WatchKnowledge registers what is read off the knowledge file's library when the metrics are scraped.
func WatchKnowledge(registry prometheus.Registerer, stats func() rag.Stats) error {
	searches := "checky_knowledge_searches_total"
	help := "Searches of the knowledge file, by where the answer came from: cache or index."
	return errors.Join(
		registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "checky_knowledge_entries", Help: "Entries in the index of the knowledge file.",
		}, func() float64 { return float64(stats().Entries) })),
		registry.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: searches, Help: help, ConstLabels: prometheus.Labels{"source": "cache"},
		}, func() float64 { return float64(stats().CacheHits) })),
		registry.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: searches, Help: help, ConstLabels: prometheus.Labels{"source": "index"},
		}, func() float64 { return float64(stats().CacheMisses) })),
	)
}
