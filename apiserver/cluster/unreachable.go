package cluster

import (
	"context"
	"errors"
	"net/http"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/checky-dev/checky/relist"
)

// ErrAway is in the chain of every error of Client for which Unreachable holds. What a write did is then unknown: it may have
// been stored, unless the connection was refused.
var ErrAway = errors.New("the API server is away")

// Unreachable tells whether an error means that the API server could not be reached, gave no answer in time, or is
// overloaded or broken (429, 5xx), so that the same request may succeed later. It does not hold for a request that is
// wrong or denied (400, 401, 403, 404, 409, 410, 422), nor for one that its caller canceled.
func Unreachable(err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, ErrAway), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.Is(err, context.Canceled):
		return false
	}
	if status := apierrors.APIStatus(nil); errors.As(err, &status) {
		return unreachableStatus(err, status)
	}
	return relist.Unanswered(err)
}

// unreachableStatus judges an answer of the API server, or of a proxy in front of it.
func unreachableStatus(err error, status apierrors.APIStatus) bool {
	code := int(status.Status().Code)
	return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests ||
		apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) || apierrors.IsTooManyRequests(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}
