package cluster

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	informerAge = prometheus.NewDesc("checky_apiserver_informer_age_seconds",
		"Time since the cached objects of a kind were last known to be up to date; 0 while they are.",
		[]string{"kind"}, nil)
	kubernetesReachable = prometheus.NewDesc("checky_apiserver_kubernetes_reachable",
		"Whether the API server answered the last probe (1) or not (0).", nil, nil)
)

// collector reads the metrics off the state when they are asked for.
type collector struct{ state *freshness }

// Describe implements prometheus.Collector.
func (c collector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- informerAge
	descriptions <- kubernetesReachable
}

// Collect implements prometheus.Collector.
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	ages := make(map[string]time.Duration)
	c.state.ages(func(kind string, age time.Duration) { ages[kind] = max(ages[kind], age) })
	for kind, age := range ages {
		metrics <- prometheus.MustNewConstMetric(informerAge, prometheus.GaugeValue, age.Seconds(), kind)
	}
	reachable := 0.0
	if c.state.steady() {
		reachable = 1
	}
	metrics <- prometheus.MustNewConstMetric(kubernetesReachable, prometheus.GaugeValue, reachable)
}
