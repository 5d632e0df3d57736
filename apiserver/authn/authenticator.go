package authn

import (
	"context"
	"errors"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/checky-dev/checky/apiserver/account"
)

const (
	// MaxHeaderBytes is how long an Authorization header may be. ServiceAccount tokens have about 1 KiB.
	MaxHeaderBytes = 16 << 10
	// ownPrefix begins Checky's own tokens.
	ownPrefix = "cky_"
)

// Tokens knows Checky's own tokens. account.Service is one.
type Tokens interface {
	// Authenticate is given a token that begins with cky_. Its error is account.ErrUnauthenticated if the token is not
	// valid; other errors mean that this could not be found out.
	Authenticate(bearer string) (account.Token, error)
}

// Options are who is asked.
type Options struct {
	Tokens Tokens
	// Kubernetes is asked about all other tokens. nil: they are not valid.
	Kubernetes *Kubernetes
	// Registerer gets checky_apiserver_auth_failures_total. nil: it is not shown.
	Registerer prometheus.Registerer
}

// Authenticator tells who calls. It is safe for concurrent use.
type Authenticator struct {
	tokens     Tokens
	kubernetes *Kubernetes
	failures   failures
}

// New makes an authenticator.
func New(o Options) (*Authenticator, error) {
	f, err := newFailures(o.Registerer)
	if err != nil {
		return nil, err
	}
	return &Authenticator{tokens: o.Tokens, kubernetes: o.Kubernetes, failures: f}, nil
}

// Authenticate tells who calls by the values of a request's Authorization header, of which there may be one: with two
// it would be open which counts. Errors are ErrNoToken (none, or another scheme than Bearer), ErrUnauthenticated,
// ErrNoServiceAccount (a valid Kubernetes token of somebody else), ErrNotAsked in a context of FromMemory, and
// whatever kept it from being found out: the error of an API server that is away, throttle.ErrOverloaded, account.ErrNotReady,
// the context's.
func (a *Authenticator) Authenticate(ctx context.Context, authorization ...string) (*Caller, error) {
	c, err := a.authenticate(ctx, authorization)
	return c, a.failures.count(err)
}

func (a *Authenticator) authenticate(ctx context.Context, authorization []string) (*Caller, error) {
	token, err := bearer(authorization)
	switch {
	case err != nil:
		return nil, err
	case strings.HasPrefix(token, ownPrefix):
		return a.own(token)
	case a.kubernetes == nil:
		return nil, ErrUnauthenticated
	}
	return a.kubernetes.authenticate(ctx, token)
}

// own asks for a token of Checky's own.
func (a *Authenticator) own(token string) (*Caller, error) {
	t, err := a.tokens.Authenticate(token)
	if errors.Is(err, account.ErrUnauthenticated) {
		return nil, ErrUnauthenticated
	}
	if err != nil {
		return nil, err
	}
	return &Caller{
		Owner: t.Account, TokenID: t.ID, Account: t.Account,
		Session: t.Session, LoginAt: t.LoginAt, RatePerMinute: t.RatePerMinute, Superseded: t.Superseded,
	}, nil
}

// bearer is the token in the values of an Authorization header: "Bearer" 1*SP b64token (RFC 6750, section 2.1), the
// scheme in any case (RFC 9110, section 11.1).
func bearer(values []string) (string, error) {
	if len(values) == 0 || len(values) == 1 && values[0] == "" {
		return "", ErrNoToken
	}
	if len(values) > 1 || len(values[0]) > MaxHeaderBytes {
		return "", ErrUnauthenticated
	}
	scheme, rest, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", ErrNoToken
	}
	token := strings.Trim(rest, " ")
	if token == "" {
		return "", ErrNoToken
	}
	// b64token ends with any number of equals signs.
	if body := strings.TrimRight(token, "="); body == "" || !consistsOf(body, "-._~+/") {
		return "", ErrUnauthenticated
	}
	return token, nil
}

// consistsOf tells whether a text has no characters but ASCII letters, digits and some others.
func consistsOf(text, others string) bool {
	for i := range len(text) {
		c := text[i]
		letter := c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && strings.IndexByte(others, c) < 0 {
			return false
		}
	}
	return true
}
