package apiserver

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	checky "github.com/checky-dev/checky"
	"github.com/checky-dev/checky/apiserver/account"
	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/apiserver/cluster"
	"github.com/checky-dev/checky/apiserver/mail"
	"github.com/checky-dev/checky/apiserver/observe"
	"github.com/checky-dev/checky/apiserver/page"
	"github.com/checky-dev/checky/apiserver/password"
	"github.com/checky-dev/checky/apiserver/route"
	"github.com/checky-dev/checky/apiserver/serve"
	"github.com/checky-dev/checky/apiserver/throttle"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rag"
	"github.com/checky-dev/checky/rules/builtin"
)

func (s *Server) openCluster(config *rest.Config) (err error) {
	s.cluster, err = cluster.New(config, cluster.Options{
		Namespace: s.options.Namespace, CheckNamespace: s.options.CheckNamespace, Service: s.options.Service, Registerer: s.registry,
	}, s.log.WithName("cluster"))
	return err
}

func (s *Server) openKnowledge() (err error) {
	log := s.log.WithName("knowledge")
	options := rag.Options{Compiled: checky.KnowledgeIndex, Observer: rag.Observer{
		Reloaded: func(stats rag.Stats) {
			log.Info("Reloaded the knowledge file", "file", stats.File, "entries", stats.Entries, "version", stats.Version)
		},
		ReloadFailed: func(err error) {
			log.Error(err, "Could not reload the knowledge file; the last good version stays in use")
		},
	}}
	if s.options.Knowledge == "" {
		s.knowledge, err = rag.New(checky.KnowledgeName, checky.Knowledge, options)
		return err
	}
	if s.knowledge, err = rag.Open(s.options.Knowledge, options); err != nil {
		return fmt.Errorf("--knowledge: %w", err)
	}
	return nil
}

func (s *Server) openChecks() (err error) {
	s.checks, err = check.New(check.Options{
		Cluster: s.cluster, Unreachable: cluster.Unreachable,
		Engine: &engine.Engine{Retriever: s.knowledge}, Library: engine.NewLibrary(builtin.New()),
		Namespace: s.options.CheckNamespace, MaxPending: s.options.MaxPending, MaxPendingPerOwner: s.options.MaxPendingPerOwner,
		MaxBytes: s.options.MaxBytes, MaxBytesPerSecond: s.options.MaxBytesPerSecond, MaxWatchers: s.options.MaxStreams, Registerer: s.registry,
	})
	return err
}

// openMail makes the queue, and says so where no mail can be sent.
func (s *Server) openMail() error {
	log := s.log.WithName("mail")
	var sender mail.Sender
	switch {
	case s.options.Mailbox != nil:
		sender = mail.Mailbox(s.options.Mailbox)
	case s.options.SMTP.Address != "":
		smtp, err := mail.NewSMTP(s.options.SMTP)
		if err != nil {
			return err
		}
		sender = smtp
	default:
		log.Info("No mail server is configured: passwords cannot be reset by mail; see --smtp-address")
		return nil
	}
	var err error
	s.mails, err = mail.NewQueue(sender, mail.Options{}, log, s.registry)
	return err
}

func (s *Server) openAccounts() error {
	hasher, err := password.NewHasher(password.Default, hashers, hashQueue)
	if err != nil {
		return err
	}
	options := account.Options{
		Client: s.cluster.Client(), Cache: s.cluster.Cache(), Namespace: s.options.Namespace,
		Hasher: hasher, Backoff: throttle.NewBackoff(clock.RealClock{}, throttle.BackoffMaxKeys), DeleteChecks: s.checks.DeleteAll,
		SessionTTL: s.options.SessionTTL, MaxAccounts: s.options.MaxAccounts, SignUpClosed: !s.options.SignUp, Quantum: s.options.Quantum,
		Log: s.log.WithName("accounts"), Registerer: s.registry,
	}
	if s.mails != nil {
		if options.ExternalURL, err = url.Parse(s.options.ExternalURL); err != nil {
			return fmt.Errorf("--external-url: %w", err)
		}
		options.Mailer = func(to, subject, text string) error {
			return s.mails.Enqueue(mail.Message{To: to, Subject: subject, Text: text})
		}
	}
	s.accounts, err = account.New(options)
	return err
}

const (
	// gateWait is how long a request waits to be let in before it is told to come back.
	gateWait = 100 * time.Millisecond
	// batchesPart is which part of the dry runs under way may be batches, each of which keeps all processors busy for as long as a
	// thousand single ones do.
	batchesPart = 4
	// batchQueue is how many batches may wait for each that is under way, and batchWait how long: longer than rules.MaxBatchTime, or one
	// caller's endless batches would keep all others out.
	batchQueue = 8
	batchWait  = 15 * time.Second
	// hashers is how many passwords are hashed at a time: each takes a processor for some 50 ms, and 19 MiB.
	hashers = 2
	// hashQueue is how many more may wait: some 3 seconds' worth.
	hashQueue = 64
)

func (s *Server) openListeners(ctx context.Context, config *rest.Config) (err error) {
	s.options.Serve.Log = s.log.WithName("http")
	if s.listener, err = serve.Listen(ctx, s.options.Serve); err != nil {
		return err
	}
	if s.options.Mailbox != nil && s.options.ExternalURL == "" {
		s.options.ExternalURL = s.listener.URL()
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	s.metrics, err = serve.ListenMetrics(ctx, serve.MetricsOptions{
		Address: s.options.MetricsAddress, Secure: s.options.SecureMetrics, Cluster: config, Client: client,
		Registry: s.registry, Log: s.log.WithName("metrics"),
	})
	return err
}

func (s *Server) openObserver(version string) (err error) {
	if s.addresses, err = throttle.NewAddresses(s.options.Addresses); err != nil {
		return err
	}
	s.options.Observe.Remote = func(r *http.Request) string { return throttle.Key(s.addresses.Of(r)) }
	s.options.Observe.Log, s.options.Observe.Registerer, s.options.Observe.Version = s.log, s.registry, version
	s.observer, err = observe.New(s.options.Observe)
	return err
}

// openRoutes puts the layers of a request together.
func (s *Server) openRoutes(config *rest.Config) error {
	limiter, byAddress, err := s.limiters()
	if err != nil {
		return err
	}
	gates, err := s.gates()
	if err != nil {
		return err
	}
	var kubernetes *authn.Kubernetes
	if s.options.TokenAudience != "" {
		options := authn.KubernetesOptions{Audience: s.options.TokenAudience, Registerer: s.registry}
		if kubernetes, err = authn.NewKubernetes(config, options); err != nil {
			return err
		}
	}
	authenticator, err := authn.New(authn.Options{Tokens: s.accounts, Kubernetes: kubernetes, Registerer: s.registry})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	page.Register(mux, page.Options{})
	if err := route.Register(mux, route.Options{
		Checks: s.checks, Accounts: s.accounts, Authn: authenticator,
		Kubernetes: kubernetes, Limiter: limiter, AddressLimiter: byAddress, Addresses: s.addresses, Gates: gates,
		Limits: route.Limits{
			Wait: s.options.Wait, MaxWait: s.options.MaxWait, PerMinute: s.options.PerMinute, AddressPerMinute: s.options.AddressPerMinute,
		},
		Away: s.cluster.Away, Ready: s.ready, Draining: s.listener.Draining(), Report: s.observer.Report,
	}); err != nil {
		return err
	}
	s.handler = s.observer.Middleware(serve.Secure(route.Unmatched(mux), s.options.Serve))
	return nil
}

// limiters count in this process, or in Redis: by token, and by address.
func (s *Server) limiters() (byToken, byAddress throttle.Limiter, err error) {
	token := throttle.NewLocal(s.cluster.Replicas, clock.RealClock{}, throttle.DefaultMaxKeys)
	address := throttle.NewLocal(s.cluster.Replicas, clock.RealClock{}, throttle.DefaultMaxKeys)
	if s.options.RedisURL == "" {
		return token, address, nil
	}
	if s.redis, err = throttle.OpenRedis(s.options.RedisURL); err != nil {
		return nil, nil, fmt.Errorf("REDIS_URL: %w", err)
	}
	shared := func(limit string, fallback throttle.Limiter) (throttle.Limiter, error) {
		return throttle.NewRedis(s.redis, fallback, throttle.RedisOptions{
			Log: s.log.WithName("redis"), Registerer: prometheus.WrapRegistererWith(prometheus.Labels{"limit": limit}, s.registry),
		})
	}
	if byToken, err = shared("token", token); err != nil {
		return nil, nil, err
	}
	byAddress, err = shared("address", address)
	return byToken, byAddress, err
}

// gates bound what is under way.
func (s *Server) gates() (gates route.Gates, err error) {
	batches := max(1, s.options.MaxDryRuns/batchesPart)
	for _, gate := range []struct {
		into            **throttle.Gate
		name            string
		inFlight, queue int
		wait            time.Duration
	}{
		{&gates.Checks, "check", s.options.MaxInFlight, s.options.MaxInFlight, gateWait},
		{&gates.Waits, "wait", s.options.MaxWaits, 0, gateWait},
		{&gates.DryRuns, "dry_run", s.options.MaxDryRuns, 32 * s.options.MaxDryRuns, gateWait},
		{&gates.Batches, "batch", batches, batchQueue * batches, batchWait},
		{&gates.Streams, "stream", s.options.MaxStreams, 0, gateWait},
	} {
		options := throttle.GateOptions{Name: gate.name, InFlight: gate.inFlight, Queue: gate.queue, Wait: gate.wait, Registerer: s.registry}
		if *gate.into, err = throttle.NewGate(options); err != nil {
			return gates, err
		}
	}
	return gates, nil
}
