package account

import "github.com/prometheus/client_golang/prometheus"

// metrics are counted from the start, and shown where there is a Registerer.
type metrics struct {
	logins         *prometheus.CounterVec // by result: success, refused, backoff, busy, error
	signUps        prometheus.Counter
	resets         *prometheus.CounterVec // by result: see newMetrics
	lastUseDropped prometheus.Counter
}

func newMetrics(s *Service) (*metrics, error) {
	const namespace, subsystem = "checky", "apiserver"
	m := &metrics{
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "logins_total",
			Help: "Logins by result: success, refused, backoff, busy, error.",
		}, []string{"result"}),
		signUps: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "signups_total",
			Help: "Sign-ups with a valid address and password, whether the address was taken or not.",
		}),
		resets: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "resets_total",
			Help: "Password resets: requested or dropped; then mailed, not_sent, too_soon, unknown or error; then confirmed or refused.",
		}, []string{"result"}),
		lastUseDropped: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "last_use_dropped_total",
			Help: "Uses of tokens that were not recorded, because too many waited or the API server was away.",
		}),
	}
	for _, result := range []string{"success", "refused", "backoff", "busy", "error"} {
		m.logins.WithLabelValues(result)
	}
	for _, result := range []string{"requested", "dropped", "mailed", "not_sent", "too_soon", "unknown", "error", "confirmed", "refused"} {
		m.resets.WithLabelValues(result)
	}
	if s.Registerer == nil {
		return m, nil
	}
	gauge := func(name, help string, value func() int) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help},
			func() float64 { return float64(value()) })
	}
	for _, c := range []prometheus.Collector{
		m.logins, m.signUps, m.resets, m.lastUseDropped,
		gauge("hash_queue_length", "Passwords that wait to be hashed.", s.Hasher.Waiting),
		gauge("reset_queue_length", "Password resets that wait to be worked on.", func() int { return len(s.resets) }),
		gauge("accounts", "Accounts.", func() int { n, _, _ := s.ledger.counts(); return n }),
		gauge("sessions", "Sessions, expired ones included until they are swept.", func() int { _, n, _ := s.ledger.counts(); return n }),
		gauge("api_tokens", "API tokens, expired ones included until they are swept.", func() int { _, _, n := s.ledger.counts(); return n }),
	} {
		if err := s.Registerer.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
