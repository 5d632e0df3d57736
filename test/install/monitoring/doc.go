// Package monitoring tests what Prometheus and Grafana are given: the alerts and what is recorded (config/prometheus), who is scraped and
// how, and the dashboard (config/grafana).
//
//	testdata/*.yaml   promtool's unit tests: each alert fires in one and stays silent in a near miss of it
//	scrape            the real commands run and are scraped: what a rule or a panel asks for is there, by these labels
//
// It starts no Prometheus and no Grafana.
package monitoring
