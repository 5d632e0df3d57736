package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/apiserver/throttle"
	"github.com/checky-dev/checky/engine"
)

// What a Check carries besides its spec.
const (
	// RequestDigestAnnotation holds the SHA-256 of the request in canonical form, as sha256:HEX: what a repeated idempotency
	// key is compared by.
	RequestDigestAnnotation = "checky.dev/request-digest"
	// TraceParentAnnotation holds the W3C traceparent of the request.
	TraceParentAnnotation = "checky.dev/traceparent"
)

// Bounds of a Service that Options leaves at 0.
const (
	// DefaultMaxPending is how many Checks may wait for their verdict: the number of objects that a cluster is tested for
	// to hold of one custom resource (KEP-95).
	DefaultMaxPending = 10_000
	// DefaultMaxPendingPerOwner is how many of them may be one owner's: those that wait for a rule set which nobody makes wait until
	// they are deleted.
	DefaultMaxPendingPerOwner = 1_000
	// DefaultMaxWatchers is how many Watch iterators may run at a time.
	DefaultMaxWatchers = 1_000
)

// How long rules of requests' own are compiled: it is work for a processor alone, and must leave some for all else.
const (
	// quickRulesBytes is how long rules may be that are compiled at once, which takes some 10 ms. For longer ones there is a gate.
	quickRulesBytes = 4 << 10
	// maxCompilesWaiting is how many requests may wait at that gate, and compileWait how long.
	maxCompilesWaiting = 16
	compileWait        = time.Second
)

// Cluster is what is needed of the cluster.
type Cluster interface {
	// Cache holds the Checks of Options.Namespace that have an owner, its RuleSets, and the ClusterRuleSets. What it gives is shared,
	// and nobody changes it.
	Cache() cache.Cache
	// Client writes, and reads past the cache.
	Client() client.Client
	// Away says whether the API server is out of reach, and since when the cache may be behind.
	Away() (age time.Duration, away bool)
}

// Options are what a Service is made of.
type Options struct {
	// Cluster to work on.
	Cluster Cluster
	// Unreachable says whether an error means that the API server could not be reached, timed out or is overloaded.
	Unreachable func(error) bool
	// Engine evaluates dry runs.
	Engine *engine.Engine
	// Library compiles rules.
	Library *engine.Library
	// Namespace is where Checks are created and RuleSets found.
	Namespace string
	// MaxPending is how many Checks may wait for their verdict. 0: DefaultMaxPending.
	MaxPending int
	// MaxPendingPerOwner is how many of them may be one owner's, so that nobody's keep out all others'. 0: DefaultMaxPendingPerOwner.
	MaxPendingPerOwner int
	// MaxBytes is how much all Checks may take together, a quarter of it those of one owner. 0: DefaultMaxBytes.
	MaxBytes int64
	// MaxBytesPerSecond is how many bytes of payloads and rules are stored a second in the long run, a quarter of it one owner's: at least
	// MinBytesPerSecond. 0: DefaultMaxBytesPerSecond.
	MaxBytesPerSecond int64
	// MaxWatchers is how many Watch iterators may run at a time. 0: DefaultMaxWatchers.
	MaxWatchers int
	// Clock tells the time. Nil: the real one.
	Clock clock.Clock
	// Registerer takes the metrics. Nil: none are registered.
	Registerer prometheus.Registerer
}

// Service turns requests into Checks. It is safe for concurrent use.
type Service struct {
	o       Options
	checks  *ledger
	sets    *catalogue
	metrics *metrics
	pace    *pace
	// compiles lets half of the processors compile long rules.
	compiles *throttle.Gate

	// creating counts the Creates under way: Checks that the ledger is still to see.
	creating atomic.Int64
	watching atomic.Int64
	started  atomic.Bool
	// sources are what the ledger and the catalogue are fed by. Set by Start.
	sources atomic.Pointer[[]toolscache.ResourceEventHandlerRegistration]
	// complete says that each source has told all that there was; it is asked for each dry run.
	complete atomic.Bool
}

// New makes a Service. Its error tells of an option that is missing, or of metrics that cannot be registered.
func New(o Options) (*Service, error) {
	if o.Cluster == nil || o.Unreachable == nil || o.Engine == nil || o.Library == nil || o.Namespace == "" {
		return nil, errors.New("check: Cluster, Unreachable, Engine, Library and Namespace are all needed")
	}
	o.MaxPending = cmp.Or(o.MaxPending, DefaultMaxPending)
	o.MaxPendingPerOwner = cmp.Or(o.MaxPendingPerOwner, DefaultMaxPendingPerOwner)
	o.MaxBytes = cmp.Or(o.MaxBytes, DefaultMaxBytes)
	o.MaxBytesPerSecond = cmp.Or(o.MaxBytesPerSecond, DefaultMaxBytesPerSecond)
	o.MaxWatchers = cmp.Or(o.MaxWatchers, DefaultMaxWatchers)
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	s := &Service{o: o, checks: newLedger(o.Namespace), sets: newCatalogue(o.Namespace), pace: newPace(o.Clock, o.MaxBytesPerSecond)}
	var err error
	if s.metrics, err = newMetrics(o.Registerer, s.checks.unfinished.Load); err != nil {
		return nil, err
	}
	s.compiles, err = throttle.NewGate(throttle.GateOptions{
		Name: "compile", InFlight: max(1, runtime.GOMAXPROCS(0)/2), Queue: maxCompilesWaiting, Wait: compileWait, Registerer: o.Registerer,
	})
	return s, err
}

// Start follows the Checks and the rule sets of the cache until the context ends. It returns as soon as it does, which may be
// before the cache is started. It can be called once.
func (s *Service) Start(ctx context.Context) error {
	if !s.started.CompareAndSwap(false, true) {
		return errors.New("check: Start was called before")
	}
	var sources []toolscache.ResourceEventHandlerRegistration
	for _, source := range []struct {
		object  client.Object
		handler toolscache.ResourceEventHandler
	}{
		{&v1alpha1.Check{}, s.checks.handler()},
		{&v1alpha1.RuleSet{}, s.sets.handler()},
		{&v1alpha1.ClusterRuleSet{}, s.sets.handler()},
	} {
		informer, err := s.o.Cluster.Cache().GetInformer(ctx, source.object, cache.BlockUntilSynced(false))
		if err != nil {
			return fmt.Errorf("follow %T: %w", source.object, err)
		}
		registration, err := informer.AddEventHandler(source.handler)
		if err != nil {
			return fmt.Errorf("follow %T: %w", source.object, err)
		}
		// The error is that of a handler that is none of the informer's.
		context.AfterFunc(ctx, func() { _ = informer.RemoveEventHandler(registration) })
		sources = append(sources, registration)
	}
	s.sources.Store(&sources)
	return nil
}

// errNotListed is the cause where the cache has not listed everything once.
var errNotListed = errors.New("the first list is not complete yet")

// listed says by an error that the ledger and the catalogue do not know what there is.
func (s *Service) listed() error {
	if s.complete.Load() {
		return nil
	}
	sources := s.sources.Load()
	if sources == nil {
		return unavailable(errNotListed)
	}
	for _, source := range *sources {
		if !source.HasSynced() {
			return unavailable(errNotListed)
		}
	}
	s.complete.Store(true)
	return nil
}

// Synced says whether all that there was at the start is known: List, RuleSets and DryRun need that.
func (s *Service) Synced() bool { return s.listed() == nil }

// reachable says by an error that the API server is known to be away: to ask it would only take time.
func (s *Service) reachable() error {
	if age, away := s.o.Cluster.Away(); away {
		return unavailable(fmt.Errorf("last heard of %s ago", age.Round(time.Second)))
	}
	return nil
}
