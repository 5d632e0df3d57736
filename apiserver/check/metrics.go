package check

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/throttle"
	"github.com/checky-dev/checky/rules"
)

// metrics are
//
//	checky_apiserver_checks_total{result}   requests by what became of them
//	checky_apiserver_batch_payloads         payloads of each batch that was stored or evaluated
//	checky_apiserver_wait_seconds           how long requests waited for a verdict, whether it came or not
//	checky_apiserver_pending_checks         Checks without a verdict
type metrics struct {
	checks  *prometheus.CounterVec
	batches prometheus.Histogram
	wait    prometheus.Histogram
}

// The results of checky_apiserver_checks_total. Finished and pending are stored Checks; too_many_pending and no_room are bounds of the
// facade's own; refused ones met a quota or an admission policy; for overloaded ones too many others waited for their rules to be compiled.
const (
	resultFinished    = "finished"
	resultPending     = "pending"
	resultDryRun      = "dry_run"
	resultInvalid     = "invalid"
	resultKeyReused   = "key_reused"
	resultTooMany     = "too_many_pending"
	resultNoRoom      = "no_room"
	resultOverloaded  = "overloaded"
	resultRefused     = "refused"
	resultUnavailable = "unavailable"
	resultError       = "error"
)

func newMetrics(registerer prometheus.Registerer, pending func() int64) (m *metrics, err error) {
	checks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "checky_apiserver_checks_total",
		Help: "Requests for a verdict, by what became of them.",
	}, []string{"result"})
	for _, result := range []string{
		resultFinished, resultPending, resultDryRun, resultInvalid, resultKeyReused, resultTooMany, resultNoRoom, resultOverloaded,
		resultRefused, resultUnavailable, resultError,
	} {
		checks.WithLabelValues(result) // so that each is there from the start, and a rate sees the first
	}
	m = &metrics{
		checks: checks,
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "checky_apiserver_batch_payloads",
			Help:    "How many payloads the batches have that were stored, or evaluated by a dry run.",
			Buckets: []float64{1, 5, 10, 25, 50, 100, 250, 500, rules.MaxBatchItems},
		}),
		wait: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "checky_apiserver_wait_seconds",
			Help:    "How long requests waited for the verdict on their Check, whether it came in time or not.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}),
	}
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "checky_apiserver_pending_checks",
		Help: "Checks of the facade's that have no verdict yet, as far as its cache knows.",
	}, func() float64 { return float64(pending()) })
	if registerer == nil {
		return m, nil
	}
	return m, errors.Join(registerer.Register(m.checks), registerer.Register(m.batches), registerer.Register(m.wait), registerer.Register(gauge))
}

func (m *metrics) submitted(r *Request, c *v1alpha1.Check, err error) {
	result := resultPending
	switch {
	case err != nil:
		result = resultOf(err)
	case Finished(c):
		result = resultFinished
	}
	m.count(r, result, err)
}

func (m *metrics) dryRun(r *Request, err error) {
	result := resultDryRun
	if err != nil {
		result = resultOf(err)
	}
	m.count(r, result, err)
}

func (m *metrics) count(r *Request, result string, err error) {
	m.checks.WithLabelValues(result).Inc()
	if r.Inputs != nil && err == nil {
		m.batches.Observe(float64(len(r.Inputs)))
	}
}

func (m *metrics) waited(d time.Duration) { m.wait.Observe(d.Seconds()) }

func resultOf(err error) string {
	refused := (*InvalidError)(nil)
	switch {
	case errors.As(err, &refused):
		return resultInvalid
	case errors.Is(err, ErrKeyReused):
		return resultKeyReused
	case errors.Is(err, ErrTooManyPending), errors.Is(err, ErrTooManyOfOwner):
		return resultTooMany
	case errors.Is(err, ErrBytes), errors.Is(err, ErrOwnerBytes):
		return resultNoRoom
	case errors.Is(err, throttle.ErrOverloaded):
		return resultOverloaded
	case errors.Is(err, ErrQuota), errors.Is(err, ErrRefused):
		return resultRefused
	case errors.Is(err, ErrUnavailable):
		return resultUnavailable
	}
	return resultError
}
