package route

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/checky-dev/checky/apiserver/account"
	"github.com/checky-dev/checky/apiserver/authn"
	"github.com/checky-dev/checky/apiserver/check"
	"github.com/checky-dev/checky/apiserver/cluster"
	"github.com/checky-dev/checky/apiserver/observe"
	"github.com/checky-dev/checky/apiserver/password"
	"github.com/checky-dev/checky/apiserver/problem"
	"github.com/checky-dev/checky/apiserver/throttle"
)

const (
	// retryOverload is when to come back to a server that has too much to do.
	retryOverload = time.Second
	// retryAway is when to come back while the Kubernetes API cannot be reached.
	retryAway = 5 * time.Second
	// retryRoom is when to come back to a service that has no room for checks, or is not set up: both take longer to change.
	retryRoom = 30 * time.Second
)

// configureHuma sets what huma keeps for the whole process, once: it answers with our problems, as its own repeat the values that
// they reject, and lists are never null.
var configureHuma = sync.OnceFunc(func() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		p := problem.New(status, "%s", sentence(message))
		for _, err := range errs {
			var detail *huma.ErrorDetail
			if errors.As(err, &detail) {
				p = p.At(detail.Location, expectedOf(detail.Message))
			}
		}
		return p
	}
	huma.NewErrorWithContext = func(_ huma.Context, status int, message string, errs ...error) huma.StatusError {
		return huma.NewError(status, message, errs...)
	}
})

// expectedOf says what was expected of a parameter, where huma says only that it is invalid.
func expectedOf(message string) string {
	switch message {
	case "invalid boolean":
		return "expected true or false"
	case "invalid integer":
		return "expected a whole number"
	}
	return message
}

// sentence makes a sentence of huma's words.
func sentence(message string) string {
	if message == "validation failed" {
		return "A parameter is not what this route takes."
	}
	if message == "" {
		return ""
	}
	return strings.ToUpper(message[:1]) + message[1:] + "."
}

// problemOf is the one table from errors to HTTP. What is not in it is nobody's business but the log's.
func (a *api) problemOf(ctx context.Context, err error) *problem.Problem {
	if p := problem.Of(err); p != nil {
		return p
	}
	if p := invalid(err); p != nil {
		return p
	}
	for _, row := range table {
		if errors.Is(err, row.err) {
			p := problem.New(row.status, "%s", row.detail).WithType(row.kind).After(row.retry)
			switch {
			case row.report:
				a.report(ctx, err)
			case row.status == http.StatusServiceUnavailable:
				observe.NoteFrom(ctx).Cause = err
			}
			if row.status == http.StatusUnauthorized || errors.Is(err, authn.ErrForbidden) {
				// A wrong password is no bearer token: what can be sent in place of it is one.
				p.Challenge = cmp.Or(authn.Challenge(err), authn.Challenge(authn.ErrNoToken))
			}
			return p
		}
	}
	var backoff *account.BackoffError
	var tooMany *account.TooManyError
	switch {
	case errors.As(err, &backoff):
		return problem.New(http.StatusTooManyRequests, "There were too many failures: wait as long as Retry-After says.").
			WithType("too-many-failures").After(backoff.RetryAfter)
	case errors.As(err, &tooMany):
		return problem.New(http.StatusConflict, "There are %d %s already, and there may be no more: %s.", tooMany.Limit, tooMany.What, fixOf(tooMany)).
			WithType("too-many")
	case apierrors.IsForbidden(err), apierrors.IsNotFound(err):
		a.report(ctx, err)
		return problem.New(http.StatusServiceUnavailable, "This service cannot keep accounts, as it is not set up in full: whoever runs it finds in the log what is missing.").
			WithType("not-set-up").After(retryRoom)
	case cluster.Unreachable(err):
		observe.NoteFrom(ctx).Cause = err
		return away()
	case errors.Is(err, context.Canceled):
		// The caller has gone: nobody reads this.
		return problem.New(http.StatusServiceUnavailable, "The request was given up.")
	}
	a.report(ctx, err)
	return problem.New(http.StatusInternalServerError, "Something went wrong here. The log has it under request id %s.", observe.NoteFrom(ctx).RequestID)
}

// fixOf is what to do where there are too many.
func fixOf(e *account.TooManyError) string {
	if e.What == account.WhatTokens {
		return "delete one that is not needed"
	}
	return "ask whoever runs this service for room"
}

// invalid is about a field of the request.
func invalid(err error) *problem.Problem {
	var ofCheck *check.InvalidError
	var ofAccount *account.InvalidError
	var ofPassword *password.RuleError
	switch {
	case errors.As(err, &ofCheck):
		status := http.StatusUnprocessableEntity
		if strings.HasPrefix(ofCheck.Field, "header.") {
			status = http.StatusBadRequest
		}
		return problem.New(status, "The request cannot be accepted as it is: %s.", ofCheck.Message).At(ofCheck.Field, ofCheck.Message)
	case errors.As(err, &ofAccount):
		return problem.New(http.StatusUnprocessableEntity, "The request cannot be accepted as it is: %s.", ofAccount.Message).At(ofAccount.Field, ofAccount.Message)
	case errors.As(err, &ofPassword):
		return rejectedPassword(ofPassword, "body.password")
	}
	return nil
}

// rejectedPassword is about a password that the rules refuse, in a field of the request.
func rejectedPassword(err *password.RuleError, field string) *problem.Problem {
	return problem.New(http.StatusUnprocessableEntity, "The password cannot be accepted: %s.", err.Message).WithType("password-rejected").At(field, err.Message)
}

// table says which status an error is.
var table = []struct {
	err    error
	status int
	kind   string
	detail string
	retry  time.Duration
	// report says that whoever runs the service has to see to it: the log has the cause, under the request's id.
	report bool
}{
	{authn.ErrNoToken, http.StatusUnauthorized, "unauthenticated", "This route needs a token: send the header Authorization: Bearer TOKEN, with a token from POST /auth/login.", 0, false},
	{authn.ErrUnauthenticated, http.StatusUnauthorized, "unauthenticated", invalidToken, 0, false},
	{authn.ErrNoServiceAccount, http.StatusForbidden, "forbidden", "Of Kubernetes' users only ServiceAccounts may call: send the token of one, or sign up and log in.", 0, false},
	{authn.ErrForbidden, http.StatusForbidden, "forbidden", "The token's ServiceAccount is not allowed to do this with checks.checky.dev in its own namespace: grant it by a Role and a RoleBinding there.", 0, false},
	{account.ErrCredentials, http.StatusUnauthorized, "wrong-credentials", "The address or the password is wrong.", 0, false},
	{account.ErrUnauthenticated, http.StatusUnauthorized, "unauthenticated", invalidToken, 0, false},
	{account.ErrNotFound, http.StatusNotFound, "", "There is no token of that id.", 0, false},
	{account.ErrResetToken, http.StatusUnprocessableEntity, "reset-token", "The link is not valid, or not any more: ask for another.", 0, false},
	{account.ErrSignUpClosed, http.StatusForbidden, "sign-up-closed", "Nobody can sign up here: ask whoever runs this service for an account.", 0, false},
	{account.ErrNotReady, http.StatusServiceUnavailable, "not-ready", "The service is starting: try again in a moment.", retryOverload, false},
	{check.ErrNotFound, http.StatusNotFound, "", "There is no check of that id.", 0, false},
	{check.ErrKeyReused, http.StatusUnprocessableEntity, "idempotency-key-reused", "The idempotency key was used for another request: take a new one, or repeat that request unchanged.", 0, false},
	{check.ErrBadCursor, http.StatusBadRequest, "bad-cursor", "The cursor is none that a page gave as its next: leave it out to begin at the newest check.", 0, false},
	{check.ErrTooManyPending, http.StatusServiceUnavailable, "overloaded", "Too many checks wait for their verdict: try again later.", check.RetryAfter, false},
	{check.ErrBytes, http.StatusServiceUnavailable, "overloaded", "The checks that are kept take as much room as they may: try again later.", check.RetryAfter, false},
	{check.ErrOwnerBytes, http.StatusTooManyRequests, "too-much-kept", "Your checks that are kept take as much room as they may: delete some, give them a short ttl_seconds, or send large ones more slowly.", check.RetryAfter, false},
	{check.ErrTooManyOfOwner, http.StatusTooManyRequests, "too-many-pending", "Too many of your checks wait for their verdict: wait for them, or delete some. GET /v1/checks?status=pending lists them.", check.RetryAfter, false},
	{check.ErrTooManyWatchers, http.StatusServiceUnavailable, "overloaded", "Too many callers follow checks: try again later.", check.RetryAfter, false},
	{check.ErrDeleted, http.StatusConflict, "check-deleted", "The check was recorded, and deleted before it had a verdict: send it again if it is still wanted.", 0, false},
	{check.ErrQuota, http.StatusServiceUnavailable, "quota-exceeded", "There is no room for another check: try again once some have expired.", retryRoom, true},
	{check.ErrRefused, http.StatusForbidden, "refused-by-cluster", "The cluster's admission control refuses this check: whoever runs this service finds the reason in the log.", 0, true},
	{check.ErrNotSetUp, http.StatusServiceUnavailable, "not-set-up", "This service cannot keep checks, as it is not set up in full: whoever runs it finds in the log what is missing.", retryRoom, true},
	{check.ErrUnavailable, http.StatusServiceUnavailable, "kubernetes-unreachable", unreachable, retryAway, false},
	{cluster.ErrAway, http.StatusServiceUnavailable, "kubernetes-unreachable", unreachable, retryAway, false},
	{throttle.ErrOverloaded, http.StatusServiceUnavailable, "overloaded", busy, retryOverload, false},
	{password.ErrBusy, http.StatusServiceUnavailable, "overloaded", busy, retryOverload, false},
	{account.ErrBusy, http.StatusServiceUnavailable, "overloaded", busy, retryOverload, false},
}

// invalidToken is said of every token that is not taken, whosever it is: the caller knows which kind it sent.
const invalidToken = "The token is not valid, or not any more: log in again, or make another. A ServiceAccount's has to be made for this service's audience."

const busy = "There is more to do than can be done: try again in a moment."

const unreachable = "The Kubernetes API cannot be reached, so nothing could be recorded for certain: try again, with the same Idempotency-Key if the request had one."

func away() *problem.Problem {
	return problem.New(http.StatusServiceUnavailable, "%s", unreachable).WithType("kubernetes-unreachable").After(retryAway)
}
