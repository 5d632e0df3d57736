package check

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
)

// What a Check carries besides its spec.
const (
	// OwnerLabel holds the owner: an account, or the digest of a ServiceAccount's name.
	OwnerLabel = "checky.dev/owner"
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
	// DefaultMaxWatchers is how many Watch iterators may run at a time.
	DefaultMaxWatchers = 1_000
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
	// MaxWatchers is how many Watch iterators may run at a time. 0: DefaultMaxWatchers.
	MaxWatchers int
	// Clock tells the time. Nil: the real one.
	Clock clock.Clock
	// Registerer takes the metrics. Nil: none are registered.
	Registerer prometheus.Registerer
}

// Request is one payload to check.
type Request struct {
	// Input is the payload's JSON text: any value, up to rules.MaxPayloadBytes.
	Input []byte
	// RuleSets to apply. With neither these nor Rules, the namespace's defaults apply.
	RuleSets []v1alpha1.RuleSetReference
	// Rules of the request's own.
	Rules []v1alpha1.Rule
	// FailOn is the lowest severity that fails the Check. Empty: error.
	FailOn v1alpha1.Severity
	// TTLSeconds is how long the finished Check is kept. Nil: the controller's default.
	TTLSeconds *int32
	// TraceParent is the W3C traceparent to store on the Check; it may be empty.
	TraceParent string
}

// Query says which Checks to list.
type Query struct {
	// Phases to list. Empty: all.
	Phases []v1alpha1.Phase
	// Limit is how many Checks a page has at most: 1 to MaxLimit. 0: DefaultLimit.
	Limit int
	// Cursor is the Next of the page before; empty: begin at the newest.
	Cursor string
}

// The limits of a page.
const (
	DefaultLimit = 20
	MaxLimit     = 100
)

// Page is a part of an owner's Checks, the newest first.
type Page struct {
	// Checks are shared: nobody may change them.
	Checks []*v1alpha1.Check
	// Next is the cursor of the page that follows; empty: there is none.
	Next string
}

// RuleSet is a rule set that requests can name.
type RuleSet struct {
	// Kind is RuleSet or ClusterRuleSet.
	Kind v1alpha1.RuleSetKind
	// Name of the set.
	Name string
	// Default says that it applies to requests that name no rules.
	Default bool
	// Ready says that every rule compiles.
	Ready bool
	// Rules by name.
	Rules []RuleInfo
	// Errors are the rules that do not compile.
	Errors []v1alpha1.RuleError
}

// RuleInfo is a rule of a set.
type RuleInfo struct {
	// Name of the rule.
	Name string
	// Kind is the module's name, or cel or jsonSchema.
	Kind string
	// Severity of its failures.
	Severity v1alpha1.Severity
	// Fields are the JSONPaths that it looks at, where its kind can tell.
	Fields []string
	// Message is the rule's own, if it has one.
	Message string
}
