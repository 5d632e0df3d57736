package cluster

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"

	"golang.org/x/net/http2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestUnreachable(t *testing.T) {
	checks := schema.GroupResource{Group: "checky.dev", Resource: "checks"}
	sent := func(err error) error { return &url.Error{Op: "Post", URL: "https://127.0.0.1/apis", Err: err} }
	cases := map[string]struct {
		err  error
		want bool
	}{
		"none":                   {err: nil},
		"refused":                {err: sent(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}), want: true},
		"reset":                  {err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}, want: true},
		"name unknown":           {err: sent(&net.DNSError{IsNotFound: true}), want: true},
		"certificate unknown":    {err: sent(x509.UnknownAuthorityError{}), want: true},
		"deadline":               {err: context.DeadlineExceeded, want: true},
		"deadline in a request":  {err: sent(context.DeadlineExceeded), want: true},
		"canceled":               {err: context.Canceled},
		"canceled in a request":  {err: sent(context.Canceled)},
		"end of file":            {err: sent(io.EOF), want: true},
		"cut off":                {err: fmt.Errorf("read: %w", io.ErrUnexpectedEOF), want: true},
		"closed here":            {err: fmt.Errorf("read: %w", net.ErrClosed), want: true},
		"stream reset":           {err: http2.StreamError{StreamID: 1, Code: http2.ErrCodeInternal}, want: true},
		"connection error":       {err: http2.ConnectionError(http2.ErrCodeProtocol), want: true},
		"go away":                {err: errors.New("http2: server sent GOAWAY and closed the connection; LastStreamID=1"), want: true},
		"connection lost":        {err: errors.New("http2: client connection lost"), want: true},
		"server timeout":         {err: apierrors.NewServerTimeout(checks, "create", 1), want: true},
		"timeout":                {err: apierrors.NewTimeoutError("slow", 1), want: true},
		"too many requests":      {err: apierrors.NewTooManyRequests("later", 1), want: true},
		"unavailable":            {err: apierrors.NewServiceUnavailable("starting"), want: true},
		"internal":               {err: apierrors.NewInternalError(errors.New("etcd")), want: true},
		"a proxy's 502":          {err: apierrors.NewGenericServerResponse(502, "post", checks, "", "", 0, true), want: true},
		"a wrapped 503":          {err: fmt.Errorf("create: %w", apierrors.NewServiceUnavailable("starting")), want: true},
		"this package's":         {err: fmt.Errorf("%w: %w", ErrAway, io.EOF), want: true},
		"bad request":            {err: apierrors.NewBadRequest("no")},
		"unauthenticated":        {err: apierrors.NewUnauthorized("no")},
		"forbidden":              {err: apierrors.NewForbidden(checks, "x", errors.New("no"))},
		"not found":              {err: apierrors.NewNotFound(checks, "x")},
		"conflict":               {err: apierrors.NewConflict(checks, "x", errors.New("no"))},
		"exists":                 {err: apierrors.NewAlreadyExists(checks, "x")},
		"invalid":                {err: apierrors.NewInvalid(schema.GroupKind{Kind: "Check"}, "x", nil)},
		"expired":                {err: apierrors.NewResourceExpired("old")},
		"too large":              {err: apierrors.NewRequestEntityTooLargeError("big")},
		"unknown kind":           {err: &meta.NoKindMatchError{GroupKind: schema.GroupKind{Kind: "Pod"}}},
		"status without a code":  {err: &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonInternalError}}, want: true},
		"something else":         {err: errors.New("no")},
		"canceled, then cut off": {err: errors.Join(context.Canceled, io.EOF)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Unreachable(c.err); got != c.want {
				t.Errorf("Unreachable(%v) = %v, want %v", c.err, got, c.want)
			}
		})
	}
}
