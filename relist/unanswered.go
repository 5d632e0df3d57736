package relist

import (
	"context"
	"errors"
	"io"
	"net"

	"golang.org/x/net/http2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// Unanswered says whether an error means that the API server gave no answer, or not all of one: it could not be reached, the connection
// broke, or time ran out. An error that it answered with is none of these, nor is the end of a context that was canceled.
func Unanswered(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) {
		return false
	}
	if answer := apierrors.APIStatus(nil); errors.As(err, &answer) {
		return false
	}
	// Dialing, TLS and sending fail with a net.Error (url.Error is one); reading the body fails with what the connection said, part of which
	// (GOAWAY, a lost connection) HTTP/2 tells as text alone.
	if network := net.Error(nil); errors.As(err, &network) {
		return true
	}
	if stream := (http2.StreamError{}); errors.As(err, &stream) {
		return true
	}
	if connection := http2.ConnectionError(0); errors.As(err, &connection) {
		return true
	}
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		utilnet.IsProbableEOF(err) || utilnet.IsHTTP2ConnectionLost(err) ||
		utilnet.IsConnectionReset(err) || utilnet.IsConnectionRefused(err)
}
