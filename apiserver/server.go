package apiserver

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/apiserver/account"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/apiserver/cluster"
	"github.com/checky-dev/checky/apiserver/mail"
	"github.com/checky-dev/checky/apiserver/observe"
	"github.com/checky-dev/checky/apiserver/serve"
	"github.com/checky-dev/checky/apiserver/throttle"
	"github.com/checky-dev/checky/rag"
)

// Server is the facade. Its address is bound from the beginning.
type Server struct {
	options  Options
	log      logr.Logger
	registry *prometheus.Registry

	cluster   *cluster.Cluster
	knowledge *rag.Library
	checks    *check.Service
	accounts  *account.Service
	mails     *mail.Queue
	observer  *observe.Observer
	redis     *redis.Client
	addresses *throttle.Addresses
	listener  *serve.Server
	metrics   *serve.Metrics
	handler   http.Handler
}

// New puts a facade together for a cluster. Nothing is asked of the cluster yet. Close it if Run is never called.
func New(ctx context.Context, config *rest.Config, o Options, log logr.Logger, version string) (*Server, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.CheckNamespace == "" {
		o.CheckNamespace = o.Namespace
	}
	s := &Server{options: o, log: log, registry: prometheus.NewRegistry()}
	for _, step := range []func() error{
		func() error { return s.openListeners(ctx, config) },
		func() error { return s.openCluster(config) },
		s.openKnowledge,
		s.openChecks,
		s.openMail,
		s.openAccounts,
		func() error { return s.openObserver(version) },
		func() error { return s.openRoutes(config) },
	} {
		if err := step(); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	return s, nil
}

// ready says what stands in the way of serving.
func (s *Server) ready() error {
	if missing := s.cluster.Missing(); len(missing) > 0 {
		text := "not read yet: " + strings.Join(missing, ", ")
		if !s.cluster.Reachable() {
			text = "the Kubernetes API cannot be reached; " + text
		}
		return errors.New(text)
	}
	if !s.accounts.Synced() || !s.checks.Synced() {
		return errors.New("the cluster's objects have been read, and are being sorted")
	}
	return nil
}

// WaitReady returns once the cluster's objects have been read, or with the context's error.
func (s *Server) WaitReady(ctx context.Context) error {
	return wait.PollUntilContextCancel(ctx, 20*time.Millisecond, true, func(context.Context) (bool, error) { return s.ready() == nil, nil })
}

// URL is where a client on this machine reaches it, without a slash at its end.
func (s *Server) URL() string { return s.listener.URL() }

// MetricsURL is where metrics are served; empty where they are not.
func (s *Server) MetricsURL() string { return s.metrics.URL() }

// Run serves until the context ends, and then drains: what was under way is answered before what it needs goes away.
func (s *Server) Run(ctx context.Context) error {
	s.log.Info("Serving", "url", s.URL(), "metrics", s.MetricsURL(), "namespace", s.options.Namespace, "checks", s.options.CheckNamespace)
	below, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, below := errgroup.WithContext(below)
	background := []func(context.Context) error{s.cluster.Start, s.knowledge.Run, s.checks.Start, s.accounts.Start, s.metrics.Run}
	if s.mails != nil {
		background = append(background, s.mails.Run)
	}
	for _, run := range background {
		group.Go(func() error {
			if err := run(below); err != nil && !errors.Is(err, context.Canceled) {
				return err
			}
			return nil
		})
	}
	serving, cancel := context.WithCancel(ctx)
	defer cancel()
	// What fails below ends the serving above it.
	defer context.AfterFunc(below, cancel)()
	err := s.listener.Run(serving, s.handler)
	stop()
	err = errors.Join(err, group.Wait(), s.observer.Shutdown(context.WithoutCancel(ctx)))
	return errors.Join(err, s.closeRest())
}

// Close gives back what New took, where Run was never called.
func (s *Server) Close() error {
	var problems []error
	if s.listener != nil {
		problems = append(problems, s.listener.Close())
	}
	if s.metrics != nil {
		problems = append(problems, s.metrics.Close())
	}
	if s.observer != nil {
		problems = append(problems, s.observer.Shutdown(context.Background()))
	}
	return errors.Join(append(problems, s.closeRest())...)
}

// closeRest closes what neither serves nor runs.
func (s *Server) closeRest() error {
	var problems []error
	if s.knowledge != nil {
		problems = append(problems, s.knowledge.Close())
	}
	if s.redis != nil {
		problems = append(problems, s.redis.Close())
	}
	return errors.Join(problems...)
}
