//go:build linux

package audio

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
)

// Bounds of the two small servers.
const (
	serveTimeout    = 10 * time.Second
	serveHeaders    = 16 << 10 // bytes
	maxScrapes      = 4        // at a time
	loopStuckAfter  = 5 * time.Minute
	shutdownTimeout = 2 * time.Second
)

// serve answers HTTP on an address until the context ends; "0" is none. It logs where, since the port may have been left to the system.
func (d *daemon) serve(ctx context.Context, what, address string, handler http.Handler) error {
	if address == "0" {
		return nil
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	d.log.Info("Serving", "what", what, "address", listener.Addr().String())
	server := &http.Server{
		Handler: handler, ReadTimeout: serveTimeout, WriteTimeout: serveTimeout, IdleTimeout: time.Minute, MaxHeaderBytes: serveHeaders,
	}
	defer context.AfterFunc(ctx, func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if server.Shutdown(bounded) != nil {
			_ = server.Close() // it was asked nicely
		}
	})()
	if err := server.Serve(newCrowd(listener)); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// metricsHandler serves /metrics.
func metricsHandler(registry *prometheus.Registry) http.Handler {
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes}))
	return mux
}

// healthHandler serves /livez and /readyz. The daemon lives while its loop turns. It is ready when it has seen the cluster and the API
// server answered last, its last attempt to reach the device did, and the journal takes what it is given; /readyz?verbose says which of them is not so.
func (d *daemon) healthHandler() http.Handler {
	ready := map[string]healthz.Checker{
		"watch":   func(*http.Request) error { return d.seen() },
		"device":  func(*http.Request) error { return d.speaker.ready() },
		"journal": func(*http.Request) error { return d.journaled() },
	}
	live := map[string]healthz.Checker{"loop": func(*http.Request) error {
		if now := time.Since(d.began); now-time.Duration(d.turned.Load()) > loopStuckAfter {
			return errLoopStuck
		}
		return nil
	}}
	mux := http.NewServeMux()
	mux.Handle("GET /readyz", http.StripPrefix("/readyz", &healthz.Handler{Checks: ready}))
	mux.Handle("GET /readyz/", http.StripPrefix("/readyz", &healthz.Handler{Checks: ready}))
	mux.Handle("GET /livez", http.StripPrefix("/livez", &healthz.Handler{Checks: live}))
	mux.Handle("GET /livez/", http.StripPrefix("/livez", &healthz.Handler{Checks: live}))
	return mux
}

// journaled is why the journal cannot be relied on; nil: it can be.
func (d *daemon) journaled() error {
	if err := d.unkept.Load(); err != nil {
		return *err
	}
	return nil
}
