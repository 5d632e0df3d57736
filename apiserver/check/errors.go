package check

import (
	"errors"
	"fmt"
	"time"
)

// The errors that callers tell apart, by errors.Is. What the cause of ErrQuota, ErrRefused and ErrNotSetUp says, and what comes beside
// them and *InvalidError, is of the cluster's own making: it is for the log.
var (
	// ErrNotFound: there is no Check of that id, or it is another owner's. The two are not told apart.
	ErrNotFound = errors.New("there is no check of that id")
	// ErrKeyReused: the owner has used the idempotency key for another request, and its Check is still there.
	ErrKeyReused = errors.New("the idempotency key was used with another request; use a new key, or repeat that request unchanged")
	// ErrTooManyPending: as many Checks as may wait for their verdict do (Options.MaxPending). Nothing was stored; RetryAfter
	// says when to try again.
	ErrTooManyPending = errors.New("too many checks are waiting for their verdict; try again later")
	// ErrTooManyOfOwner: as many of the owner's Checks as may wait for their verdict do (Options.MaxPendingPerOwner). Nothing was stored.
	ErrTooManyOfOwner = errors.New("too many of the owner's checks are waiting for their verdict; wait for them, or delete some")
	// ErrBytes: the Checks that are there, are as large together as they may be (Options.MaxBytes), or those that were made lately are
	// (Options.MaxBytesPerSecond). Nothing was stored.
	ErrBytes = errors.New("the checks are as large together as they may be; try again later")
	// ErrOwnerBytes: those of the owner are as large as one owner's may be. Nothing was stored.
	ErrOwnerBytes = errors.New("the owner's checks are as large together as they may be; delete some, or try again later")
	// ErrTooManyWatchers: as many watchers as may be are watching (Options.MaxWatchers).
	ErrTooManyWatchers = errors.New("too many checks are being watched; try again later")
	// ErrBadCursor: the cursor is none that List has given.
	ErrBadCursor = errors.New("the cursor is none that a page gave as its next; leave it out to begin at the newest check")
	// ErrQuota: a ResourceQuota of the namespace leaves no room for another Check. Nothing was stored; Checks that expire make room.
	ErrQuota = errors.New("the quota of the namespace leaves no room for another check")
	// ErrRefused: an admission policy or webhook of the cluster does not let the Check in. Nothing was stored.
	ErrRefused = errors.New("the cluster's admission control refuses the check")
	// ErrNotSetUp: the namespace or a permission in it is missing, or the namespace is being deleted. Nothing was stored.
	ErrNotSetUp = errors.New("checks cannot be kept: the namespace or a permission in it is missing")
	// ErrDeleted: the Check was stored, and deleted before it had a verdict.
	ErrDeleted = errors.New("the check was deleted before it had a verdict")
	// ErrUnavailable: the API server could not be asked, or did not answer in time; the cause is wrapped beside it. For
	// Submit it means that the Check may or may not be stored. To repeat the request after RetryAfter with the
	// same idempotency key is safe, and makes no second Check; without a key it may make one.
	ErrUnavailable = errors.New("the Kubernetes API server cannot be reached")
)

// RetryAfter is when to try again after ErrUnavailable and after the errors of a bound that is met (ErrTooManyPending and those that
// follow it, to ErrTooManyWatchers): about what an API server takes to come back, and a controller to evaluate some thousand Checks.
const RetryAfter = 5 * time.Second

// InvalidError is a request that cannot be accepted, however often it is sent.
type InvalidError struct {
	// Field is where, in the words of the REST body: body.input, body.rules[2], header.Idempotency-Key.
	Field string
	// Message says what was expected and what to do. It quotes no value of the payload.
	Message string
}

func (e *InvalidError) Error() string { return e.Field + ": " + e.Message }

func unavailable(cause error) error { return fmt.Errorf("%w: %w", ErrUnavailable, cause) }

func invalid(field, format string, args ...any) error {
	return &InvalidError{Field: field, Message: fmt.Sprintf(format, args...)}
}
