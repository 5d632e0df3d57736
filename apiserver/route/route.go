package route

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/checky-dev/checky/apiserver/account"
	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/apiserver/throttle"
)

// Limits are what callers are held to.
type Limits struct {
	// Wait is how long POST /v1/check waits for a verdict if the caller does not say.
	Wait time.Duration
	// MaxWait is how long it waits at most.
	MaxWait time.Duration
	// PerMinute is how many requests a token may make a minute, if it has no number of its own.
	PerMinute int
	// AddressPerMinute is how many requests to routes without authentication, and how many failed ones to the others, an address
	// may make a minute.
	AddressPerMinute int
}

// Gates bound what is under way at a time.
type Gates struct {
	// Checks are those that are being stored, Waits those that are stored and waited for, DryRuns those evaluated in this process, Batches
	// the batches among them, Streams those of events.
	Checks, Waits, DryRuns, Batches, Streams *throttle.Gate
}

// Options are what the routes stand on.
type Options struct {
	Checks   *check.Service
	Accounts *account.Service
	Authn    *authn.Authenticator
	// Kubernetes authorizes ServiceAccounts. Nil: there are none among the callers.
	Kubernetes *authn.Kubernetes
	// Limiter counts by token, AddressLimiter by address: two, so that many of the one do not make it forget the other.
	Limiter, AddressLimiter throttle.Limiter
	Addresses               *throttle.Addresses
	Gates                   Gates
	Limits                  Limits
	// Away says whether the Kubernetes API is out of reach, and since when answers may be old.
	Away func() (age time.Duration, away bool)
	// Ready says what stands in the way of serving; nil: nothing does.
	Ready func() error
	// Draining is closed when the server has begun to stop: from then on it is not ready.
	Draining <-chan struct{}
	// Report logs errors that nobody expected.
	Report func(context.Context, error)
	// Now tells the time. Nil: the real one.
	Now func() time.Time
}

// api is the routes and what they stand on.
type api struct {
	huma.API
	checks     *check.Service
	accounts   *account.Service
	authn      *authn.Authenticator
	kubernetes *authn.Kubernetes
	limiter    throttle.Limiter
	byAddress  throttle.Limiter
	addresses  *throttle.Addresses
	gates      Gates
	limits     Limits
	away       func() (time.Duration, bool)
	ready      func() error
	draining   <-chan struct{}
	report     func(context.Context, error)
	now        func() time.Time
	// suspects are addresses that have sent too many bad tokens, until when that counts.
	suspects *lru.Cache[string, time.Time]
	// checkBodies and bodies are the bytes of bodies that are under way, of checks and batches and of all else.
	checkBodies, bodies budget
	// streams and waits are what each owner holds of these gates, batches how many of whose batches are evaluated here or wait for it, hashes
	// how many of whose passwords are hashed.
	streams, waits, batches, hashes *shares
}

// Register adds the routes to a mux.
func Register(mux *http.ServeMux, o Options) error {
	a, document, err := build(mux, o)
	if err != nil {
		return err
	}
	return a.serveDocument(mux, document)
}

// build makes the routes and their document.
func build(mux humago.Mux, o Options) (*api, *huma.OpenAPI, error) {
	configureHuma()
	a := &api{
		checks: o.Checks, accounts: o.Accounts, authn: o.Authn, kubernetes: o.Kubernetes, limiter: o.Limiter, byAddress: o.AddressLimiter, addresses: o.Addresses,
		gates: o.Gates, limits: o.Limits, away: o.Away, ready: o.Ready, draining: o.Draining, report: o.Report, now: o.Now,
		checkBodies: newBudget(MaxCheckBodies), bodies: newBudget(MaxBodies),
		streams: sharesOf(o.Gates.Streams, streamsPart), waits: sharesOf(o.Gates.Waits, waitsPart),
		batches: newShares(batchesOfOne), hashes: newShares(hashesOfOne),
	}
	if a.now == nil {
		a.now = time.Now
	}
	var err error
	if a.suspects, err = lru.New[string, time.Time](maxSuspects); err != nil {
		return nil, nil, err
	}
	config := configuration()
	a.API = humago.New(mux, config)
	if err := a.addSchemas(); err != nil {
		return nil, nil, err
	}
	a.addChecks()
	a.addRuleSets()
	a.addAccounts()
	a.addTokens()
	a.addHealth()
	return a, a.OpenAPI(), nil
}

// route is an operation, and who may call it how.
type route struct {
	huma.Operation
	// public routes need no token; they are limited by the client's address.
	public bool
	// probe routes are for whoever looks after the process: neither token nor limit.
	probe bool
	// verb is what a ServiceAccount must be allowed to do with Checks. Empty: the route is for accounts alone.
	verb string
	// limit is how long the body may be, in bytes. 0: it takes none.
	limit int64
	// bodyOptional routes do without a body too.
	bodyOptional bool
}

// add registers a route. A handler's error goes through the one table of problems.
func add[I, O any](a *api, r route, handler func(context.Context, *I) (*O, error)) {
	op := r.Operation
	// admit reads bodies and handlers decode them, strictly: huma is told of them for the document alone.
	documented := op.RequestBody
	op.RequestBody = nil
	op.RejectUnknownQueryParameters = true
	if !r.probe {
		op.Errors = append(op.Errors, http.StatusTooManyRequests, http.StatusServiceUnavailable)
	}
	if r.limit > 0 {
		op.Errors = append(op.Errors, http.StatusRequestTimeout)
	}
	switch {
	case r.probe, r.public:
		op.Security = []map[string][]string{}
	default:
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
		op.Security = []map[string][]string{{securityScheme: {}}}
	}
	op.Middlewares = huma.Middlewares{a.admit(r)}
	huma.Register(a.API, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, a.problemOf(ctx, err)
		}
		return out, nil
	})
	a.operation(op.Method, op.Path).RequestBody = documented
}

// operation is the document's entry of a route.
func (a *api) operation(method, path string) *huma.Operation {
	item := a.OpenAPI().Paths[path]
	switch method {
	case http.MethodGet:
		return item.Get
	case http.MethodPost:
		return item.Post
	case http.MethodPut:
		return item.Put
	default:
		return item.Delete
	}
}

// clientAddress is the address that a request comes from, for the limits.
func (a *api) clientAddress(r *http.Request) netip.Addr { return a.addresses.Of(r) }
