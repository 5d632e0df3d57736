package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// FacadeLabel is on every Secret in which the facade keeps accounts. Secrets without it are not read.
const FacadeLabel = "checky.dev/facade"

const (
	dialTimeout   = 5 * time.Second
	dialKeepAlive = 15 * time.Second
)

// Options say which objects to know.
type Options struct {
	// Namespace is where the facade runs, and where its Secrets are.
	Namespace string
	// CheckNamespace is where Checks are made and RuleSets are found. It may be the same.
	CheckNamespace string
	// Service is the facade's own Service in Namespace, whose endpoints are its replicas. Empty: there is one replica.
	Service string
	// Registerer takes the metrics. Nil: there are none.
	Registerer prometheus.Registerer
}

// Cluster is what is known of the cluster. Its methods can be called concurrently.
type Cluster struct {
	cache    cache.Cache
	client   client.Client
	state    *freshness
	contact  *contact
	replicas *replicas
	kinds    []cachedKind
	close    func() // ends every connection
}

// New prepares for a cluster, without any request to it: it need not be reachable. Indexes and event handlers are added to
// Cache before Start.
func New(cfg *rest.Config, o Options, log logr.Logger) (*Cluster, error) {
	if o.Namespace == "" || o.CheckNamespace == "" {
		return nil, errors.New("cluster: Namespace and CheckNamespace have to be set")
	}
	cfg, dialer := configFor(cfg)
	httpClient, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return nil, err
	}
	state := newFreshness(clock.RealClock{})
	c := &Cluster{state: state, replicas: newReplicas(), close: dialer.CloseAll}
	ask, err := prober(cfg, httpClient)
	if err != nil {
		return nil, err
	}
	c.contact = &contact{state: state, clock: clock.RealClock{}, log: log, ask: ask, cut: dialer.CloseAll}
	if err := c.openClient(cfg, httpClient); err != nil {
		return nil, err
	}
	if err := c.openCache(cfg, httpClient, o, log); err != nil {
		return nil, err
	}
	if o.Registerer != nil {
		if err := o.Registerer.Register(collector{state: state}); err != nil {
			return nil, fmt.Errorf("register the cluster's metrics: %w", err)
		}
	}
	return c, nil
}

// cachedKind is a kind of the cache, and says whether it has been listed.
type cachedKind struct {
	name   string
	synced func() bool
}

// configFor is a client configuration whose connections the dialer can close. Nothing is paced on this side: the API
// server's priority and fairness does that. A timeout of the whole client would end its watches.
func configFor(cfg *rest.Config) (*rest.Config, *connrotation.Dialer) {
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	cfg.RateLimiter = nil
	cfg.Timeout = 0
	dial := cfg.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: dialTimeout, KeepAlive: dialKeepAlive}).DialContext
	}
	dialer := connrotation.NewDialer(dial)
	cfg.Dial = dialer.DialContext
	return cfg, dialer
}

func (c *Cluster) openClient(cfg *rest.Config, httpClient *http.Client) error {
	direct, err := client.New(cfg, client.Options{HTTPClient: httpClient, Scheme: Scheme(), Mapper: mapper()})
	if err != nil {
		return err
	}
	c.client = &bounded{Client: direct, caller: caller{state: c.state}}
	return nil
}

// Start reads the cluster until the context ends, whatever happens to the API server in the meantime. It closes every
// connection at its end, so end it after the last use of Client. It can be called once.
func (c *Cluster) Start(ctx context.Context) error {
	defer c.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var probing sync.WaitGroup
	defer probing.Wait()
	probing.Go(func() { c.contact.run(ctx) })
	defer cancel()
	return c.cache.Start(ctx)
}

// Synced tells whether every kind has been listed once, so that what the cache does not hold does not exist.
func (c *Cluster) Synced() bool { return len(c.Missing()) == 0 }

// Reachable tells whether the API server answered when it was last asked for a sign of life.
func (c *Cluster) Reachable() bool { return c.state.steady() }

// Missing names the kinds that have not been listed yet, in the order of their names, and says of each why the API server refuses to
// list it, where it does.
func (c *Cluster) Missing() []string {
	var missing []string
	for _, kind := range c.kinds {
		if kind.synced() {
			continue
		}
		name := kind.name
		if refused := c.state.refusal(kind.name); refused != "" {
			name += " (" + refused + ")"
		}
		missing = append(missing, name)
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// Cache holds the Checks that have v1alpha1.OwnerLabel and the RuleSets of CheckNamespace, all ClusterRuleSets, the Secrets of
// Namespace that have FacadeLabel, and the EndpointSlices of Service. It refuses other kinds. What it returns
// is shared: nobody may change it. Checks it holds packed, as *packed.Check: they are followed by an event handler, and not read. Before Synced, a read waits for as long as its context lets it.
func (c *Cluster) Cache() cache.Cache { return c.cache }

// Client writes to the API server, and reads from it, never from the cache. It knows the kinds of Cache. A call takes 10 seconds at most
// unless its context says otherwise. An error for which Unreachable holds has ErrAway in its chain.
func (c *Cluster) Client() client.Client { return c.client }

// Away tells whether the API server cannot be reached or a watch is not connected, and since how long ago the cache may be
// stale. The age is 0 while nothing is away.
func (c *Cluster) Away() (age time.Duration, away bool) { return c.state.away() }

// Replicas is the number of ready endpoints of Service as last known, and at least 1.
func (c *Cluster) Replicas() int { return c.replicas.ready() }

// Scheme knows the kinds of Cache. It is shared: nobody may change it.
func Scheme() *runtime.Scheme { return scheme() }

var scheme = sync.OnceValue(func() *runtime.Scheme {
	known := runtime.NewScheme()
	// These fail for a type that is registered twice, which no input can bring about.
	utilruntime.Must(v1alpha1.AddToScheme(known))
	utilruntime.Must(corev1.AddToScheme(known))
	utilruntime.Must(discoveryv1.AddToScheme(known))
	return known
})
