package route

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/observe"
	"github.com/checky-dev/checky/apiserver/problem"
	"github.com/checky-dev/checky/apiserver/throttle"
)

// The names of the limits, in the RateLimit headers and the keys.
const (
	policyToken   = "token"
	policyAddress = "address"
	policyAccount = "account"
)

type bodyKey struct{}

// raw is the request's body as it was read; nil where there is none.
func raw(ctx context.Context) []byte {
	body, _ := ctx.Value(bodyKey{}).([]byte)
	return body
}

// admit is what happens to a request before its parameters are looked at: who calls, how often, and the body.
func (a *api) admit(r route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		request, writer := humago.Unwrap(ctx)
		note := observe.NoteFrom(request.Context())
		note.Route = r.Path
		if r.probe {
			next(ctx)
			return
		}
		inner, err := a.admitted(request, writer, r, note)
		if err == nil {
			var release func()
			if inner, release, err = a.withBody(inner, request, writer, r); err == nil {
				defer release()
			}
		}
		if err != nil {
			problem.Write(writer, a.problemOf(request.Context(), err))
			return
		}
		next(huma.WithContext(ctx, inner))
	}
}

// admitted returns the context that the handler gets, but for the body.
func (a *api) admitted(request *http.Request, writer http.ResponseWriter, r route, note *observe.Note) (context.Context, error) {
	ctx := request.Context()
	if r.limit > 0 {
		if p := acceptsBody(request); p != nil {
			return nil, p
		}
	}
	if r.public {
		return a.admitAddress(ctx, request, writer)
	}
	return a.admitCaller(ctx, request, writer, r, note)
}

// withBody reads the body into the context. What it takes of the bodies' memory is given back by release.
func (a *api) withBody(ctx context.Context, request *http.Request, writer http.ResponseWriter, r route) (_ context.Context, release func(), _ error) {
	if r.limit == 0 || r.bodyOptional && request.ContentLength == 0 {
		return ctx, func() {}, nil
	}
	weight := request.ContentLength
	if weight < 0 || weight > r.limit {
		weight = r.limit
	}
	from := a.bodies
	if r.limit > MaxBody {
		from = a.checkBodies
	}
	memory, err := from.take(a.holder(ctx), weight)
	if err != nil {
		return nil, nil, err
	}
	body, p := readBody(writer, request, r.limit)
	if p == nil && len(body) == 0 && !r.bodyOptional {
		p = noBody()
	}
	if p != nil {
		memory.release()
		return nil, nil, p
	}
	memory.keep(int64(cap(body)))
	return context.WithValue(ctx, bodyKey{}, body), memory.release, nil
}

// holder is whose request it is: the owner's, or else the address's.
func (a *api) holder(ctx context.Context) string {
	if caller := authn.From(ctx); caller != nil {
		return caller.Owner
	}
	return policyAddress + ":" + throttle.Key(address(ctx))
}

// admitAddress lets an address make so many requests.
func (a *api) admitAddress(ctx context.Context, request *http.Request, writer http.ResponseWriter) (context.Context, error) {
	address := a.clientAddress(request)
	decision := a.byAddress.Allow(ctx, policyAddress+":"+throttle.Key(address), a.limits.AddressPerMinute)
	decision.SetHeaders(writer.Header(), policyAddress)
	if !decision.Allowed {
		return nil, limited(decision, policyAddress)
	}
	return context.WithValue(ctx, addressKey{}, address), nil
}

// admitCaller finds out who calls, and lets them make so many requests.
func (a *api) admitCaller(ctx context.Context, request *http.Request, writer http.ResponseWriter, r route, note *observe.Note) (context.Context, error) {
	caller, err := a.authn.Authenticate(a.asking(ctx, request), request.Header.Values("Authorization")...)
	if err != nil {
		return nil, a.failedAuthentication(ctx, request, err)
	}
	note.TokenID = caller.TokenID
	perMinute := a.limits.PerMinute
	if caller.RatePerMinute > 0 {
		perMinute = caller.RatePerMinute
	}
	decision := a.limiter.Allow(ctx, policyToken+":"+caller.TokenID, perMinute)
	decision.SetHeaders(writer.Header(), policyToken)
	if !decision.Allowed {
		return nil, limited(decision, policyToken)
	}
	if p := a.limitOwner(ctx, caller); p != nil {
		return nil, p
	}
	if caller.Account == "" {
		if r.verb == "" {
			return nil, problem.New(http.StatusForbidden, "This route is for accounts; a ServiceAccount has none. Sign up and log in to use it.").WithType("account-required")
		}
		if err := a.kubernetes.Authorize(ctx, caller, r.verb); err != nil {
			return nil, err
		}
	}
	return authn.With(ctx, caller), nil
}

// tokensWorth is how many tokens' limits one account may use: tokens cost nothing, so that without it the limit of a token would be no
// limit at all. Tokens whose limit an operator has set are not counted.
const tokensWorth = 10

// limitOwner lets an account make so many requests with all of its tokens. A ServiceAccount has one limit for all of its own already.
func (a *api) limitOwner(ctx context.Context, caller *authn.Caller) *problem.Problem {
	if caller.Account == "" || caller.RatePerMinute > 0 {
		return nil
	}
	decision := a.limiter.Allow(ctx, policyAccount+":"+caller.Owner, tokensWorth*a.limits.PerMinute)
	if decision.Allowed {
		return nil
	}
	return limited(decision, policyAccount)
}

// maxSuspects is how many addresses are remembered that have sent too many bad tokens. Past that the first is forgotten.
const maxSuspects = 10_000

// asking is the context to authenticate in: for an address that has sent too many bad tokens, nobody is asked about more of them.
func (a *api) asking(ctx context.Context, request *http.Request) context.Context {
	if a.suspects.Len() == 0 {
		return ctx
	}
	key := throttle.Key(a.clientAddress(request))
	until, found := a.suspects.Get(key)
	switch {
	case !found:
		return ctx
	case a.now().Before(until):
		return authn.FromMemory(ctx)
	}
	a.suspects.Remove(key)
	return ctx
}

// failedAuthentication counts a failure against the client's address, so that nobody tries tokens for long.
func (a *api) failedAuthentication(ctx context.Context, request *http.Request, err error) error {
	if !errors.Is(err, authn.ErrUnauthenticated) && !errors.Is(err, authn.ErrNotAsked) {
		return err
	}
	key := throttle.Key(a.clientAddress(request))
	decision := a.byAddress.Allow(ctx, "failures:"+key, a.limits.AddressPerMinute)
	if !decision.Allowed {
		a.suspects.Add(key, a.now().Add(decision.RetryAfter))
		return limited(decision, policyAddress)
	}
	if errors.Is(err, authn.ErrNotAsked) {
		decision.RetryAfter = time.Second
		return limited(decision, policyAddress)
	}
	return err
}

// limited is about a limit that is met. Which requests it counts differs: all of a token, those without one, bad tokens, sign-ups.
func limited(d throttle.Decision, policy string) *problem.Problem {
	whose := "This token"
	switch policy {
	case policyAddress:
		whose = "This address"
	case policyAccount:
		whose = "This account"
	}
	return problem.New(http.StatusTooManyRequests, "%s may make %d such requests a minute: wait as long as Retry-After says.", whose, d.Limit).
		WithType("rate-limited").After(d.RetryAfter)
}
