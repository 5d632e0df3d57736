package authn

import (
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

var (
	// ErrNoToken means that the request names nobody. 401.
	ErrNoToken = errors.New("a bearer token is needed: send the header Authorization: Bearer TOKEN")
	// ErrUnauthenticated means that the token is malformed, unknown, expired, revoked, or for another audience. 401.
	ErrUnauthenticated = errors.New("the bearer token is not valid")
	// ErrNotAsked means that nobody has been asked about the token, as FromMemory wants it. 429.
	ErrNotAsked = errors.New("the token is not known here, and nobody may be asked about it")
	// ErrForbidden means that it is known who calls, and that they may not. The errors around it say what to do. 403.
	ErrForbidden = errors.New("forbidden")
	// ErrNoServiceAccount is the ErrForbidden of Kubernetes' other users.
	ErrNoServiceAccount = fmt.Errorf("%w: of Kubernetes' users only ServiceAccounts may call; others sign up for an account", ErrForbidden)
)

// Challenge is the value of the WWW-Authenticate header that goes with an error (RFC 6750, section 3). It is empty if
// none does: a token was not the problem. A request without a token gets no error code, as section 3.1 wants it.
func Challenge(err error) string {
	const realm = `Bearer realm="checky"`
	switch {
	case errors.Is(err, ErrNoToken):
		return realm
	case errors.Is(err, ErrUnauthenticated):
		return realm + `, error="invalid_token"`
	case errors.Is(err, ErrForbidden):
		return realm + `, error="insufficient_scope"`
	}
	return ""
}

// Reasons are the values of the label "reason".
const (
	reasonNoToken     = "no_token"
	reasonInvalid     = "invalid_token"
	reasonForbidden   = "forbidden"
	reasonNotAsked    = "not_asked"
	reasonUnavailable = "unavailable"
)

// failures counts requests that did not get in, by reason.
type failures struct{ total *prometheus.CounterVec }

// newFailures registers the counter, or takes the one that is registered: an Authenticator and its Kubernetes share it.
func newFailures(registerer prometheus.Registerer) (failures, error) {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "checky_apiserver_auth_failures_total",
		Help: "Requests that were not let in, by reason: no_token, invalid_token, forbidden, not_asked (the address has sent too many bad " +
			"tokens) or unavailable (it could not be found out).",
	}, []string{"reason"})
	if registerer == nil {
		return failures{total}, nil
	}
	err := registerer.Register(total)
	if there := (prometheus.AlreadyRegisteredError{}); errors.As(err, &there) {
		if existing, ok := there.ExistingCollector.(*prometheus.CounterVec); ok {
			return failures{existing}, nil
		}
	}
	if err != nil {
		return failures{}, fmt.Errorf("register the metrics of authentication: %w", err)
	}
	for _, reason := range []string{reasonNoToken, reasonInvalid, reasonForbidden, reasonNotAsked, reasonUnavailable} {
		total.WithLabelValues(reason)
	}
	return failures{total}, nil
}

// count counts an error, if it is one, and returns it. A client that went away is no failure.
func (f failures) count(err error) error {
	switch {
	case err == nil, errors.Is(err, context.Canceled):
	case errors.Is(err, ErrNoToken):
		f.total.WithLabelValues(reasonNoToken).Inc()
	case errors.Is(err, ErrUnauthenticated):
		f.total.WithLabelValues(reasonInvalid).Inc()
	case errors.Is(err, ErrForbidden):
		f.total.WithLabelValues(reasonForbidden).Inc()
	case errors.Is(err, ErrNotAsked):
		f.total.WithLabelValues(reasonNotAsked).Inc()
	default:
		f.total.WithLabelValues(reasonUnavailable).Inc()
	}
	return err
}
