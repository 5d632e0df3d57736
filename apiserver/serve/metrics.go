package serve

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"k8s.io/client-go/rest"
	controllermetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
)

// maxScrapes bounds the scrapes under way; more are answered 503.
const maxScrapes = 10

// MetricsOptions say where metrics are served, and to whom.
type MetricsOptions struct {
	// Address is where to listen, HOST:PORT; "0" serves none, as with the controller (--metrics-bind-address).
	Address string
	// Secure serves HTTPS, and to callers alone who may GET the non-resource URL /metrics (--metrics-secure).
	Secure bool
	// Cluster and Client ask the API server about callers, where Secure.
	Cluster *rest.Config
	Client  *http.Client
	// Registry is what is served. controller-runtime's registry (Go's runtime, the process, API server clients) is served
	// with it; so the two must not hold collectors of the same names.
	Registry prometheus.Gatherer
	Log      logr.Logger
}

// Metrics is the port for Prometheus: GET /metrics, as the controller serves it.
type Metrics struct {
	server  *Server // nil where none is served
	handler http.Handler
}

// ListenMetrics binds the address at once. Over TLS its certificate is made at start: Prometheus is told not to look at
// it, as is the custom for such ports.
func ListenMetrics(ctx context.Context, o MetricsOptions) (*Metrics, error) {
	if o.Address == "0" {
		return &Metrics{}, nil
	}
	var gatherer prometheus.Gatherer = controllermetrics.Registry
	if o.Registry != nil && o.Registry != gatherer {
		gatherer = prometheus.Gatherers{o.Registry, controllermetrics.Registry}
	}
	handler := promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{ErrorHandling: promhttp.HTTPErrorOnError, MaxRequestsInFlight: maxScrapes})
	if o.Secure {
		if o.Cluster == nil || o.Client == nil {
			return nil, errors.New("secure metrics need the API server's address and a client")
		}
		filter, err := filters.WithAuthenticationAndAuthorization(o.Cluster, o.Client)
		if err != nil {
			return nil, fmt.Errorf("--metrics-secure: %w", err)
		}
		if handler, err = filter(o.Log, handler); err != nil {
			return nil, fmt.Errorf("--metrics-secure: %w", err)
		}
	}
	server, err := Listen(ctx, Options{Address: o.Address, AllowPlainHTTP: true, selfSigned: o.Secure, Log: o.Log})
	if err != nil {
		return nil, fmt.Errorf("--metrics-bind-address: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", handler)
	return &Metrics{server: server, handler: mux}, nil
}

// URL is where it is served, without the path; empty where it is not.
func (m *Metrics) URL() string {
	if m.server == nil {
		return ""
	}
	return m.server.URL()
}

// Run serves until ctx ends.
func (m *Metrics) Run(ctx context.Context) error {
	if m.server == nil {
		<-ctx.Done()
		return nil
	}
	return m.server.Run(ctx, m.handler)
}

// Close gives the address back where Run was never called.
func (m *Metrics) Close() error {
	if m.server == nil {
		return nil
	}
	return m.server.Close()
}
