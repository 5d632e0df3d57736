package relist

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	toolscache "k8s.io/client-go/tools/cache"
)

var (
	errAway      = &url.Error{Op: "Get", URL: "https://127.0.0.1:6443", Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	errForbidden = apierrors.NewForbidden(corev1.Resource("secrets"), "", nil)
	errStarting  = apierrors.NewServiceUnavailable("starting")
	errExpired   = apierrors.NewResourceExpired("too old")
)

// TestPersist lists, in a bubble where time passes as soon as nothing else can happen.
func TestPersist(t *testing.T) {
	type result struct {
		Err  error
		Made int
		Logs int
	}
	away := func(n int, then ...error) (errs []error) {
		for range n {
			errs = append(errs, errAway)
		}
		return append(errs, then...)
	}
	cases := map[string]struct {
		reason string
		errs   []error
		end    time.Duration // when the context ends; 0: never
		atMost time.Duration
		want   result
	}{
		"answered":             {reason: "no wait", want: result{Made: 1}},
		"away for a moment":    {reason: "it is tried again soon", errs: away(3), atMost: 3 * pauseMost, want: result{Made: 4, Logs: 2}},
		"away for long":        {reason: "the last pause is as short as the first", errs: away(100), atMost: 100 * pauseMost, want: result{Made: 101, Logs: 3}},
		"refused":              {reason: "another try would be refused as well", errs: []error{errForbidden}, want: result{Err: errForbidden, Made: 1}},
		"busy":                 {reason: "an answer is the Reflector's to handle", errs: []error{errStarting}, want: result{Err: errStarting, Made: 1}},
		"expired":              {reason: "the Reflector has to list anew", errs: away(1, errExpired), atMost: pauseMost, want: result{Err: errExpired, Made: 2, Logs: 2}},
		"just started":         {reason: "roles are read a moment later", errs: away(2, errStarting, errForbidden, errForbidden), atMost: 5 * pauseMost, want: result{Made: 6, Logs: 2}},
		"back, and refused":    {reason: "the role is gone", errs: append(away(1), repeated(errForbidden, 100)...), atMost: starting + 2*pauseMost, want: result{Err: errForbidden, Logs: 2}},
		"ended while it waits": {reason: "an informer stops at once", errs: away(100), end: 2500 * time.Millisecond, atMost: 2500 * time.Millisecond, want: result{Err: errAway, Logs: 1}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.end > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithCancel(ctx)
					time.AfterFunc(c.end, cancel)
				}
				got, errs := result{}, c.errs
				next := func() error {
					got.Made++
					if len(errs) == 0 {
						return nil
					}
					err := errs[0]
					errs = errs[1:]
					return err
				}
				w := New(funcr.New(func(string, string) { got.Logs++ }, funcr.Options{}))
				lw := w.persistent(&toolscache.ListWatch{
					ListWithContextFunc:  func(context.Context, metav1.ListOptions) (runtime.Object, error) { return &corev1.SecretList{}, next() },
					WatchFuncWithContext: func(context.Context, metav1.ListOptions) (watch.Interface, error) { return watch.NewFake(), next() },
				})
				begun := time.Now()
				_, got.Err = lw.ListWithContext(ctx, metav1.ListOptions{})
				if took := time.Since(begun); took > c.atMost {
					t.Errorf("%s: it took %s, at most %s", c.reason, took, c.atMost)
				}
				if c.want.Made == 0 {
					got.Made = 0 // chance has a say in it
				}
				if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b error) bool { return errors.Is(a, b) })); diff != "" {
					t.Errorf("%s (-want +got):\n%s", c.reason, diff)
				}
			})
		})
	}
}

func repeated(err error, n int) []error {
	errs := make([]error, n)
	for i := range errs {
		errs[i] = err
	}
	return errs
}

func TestUnanswered(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"none":             {nil, false},
		"refused":          {errAway, true},
		"wrapped":          {fmt.Errorf("list: %w", errAway), true},
		"out of time":      {context.DeadlineExceeded, true},
		"canceled":         {&url.Error{Op: "Get", Err: context.Canceled}, false},
		"a conflict":       {apierrors.NewConflict(corev1.Resource("secrets"), "a", nil), false},
		"an answer of 503": {errStarting, false},
		"not of the net":   {errors.New("cannot decode"), false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Unanswered(c.err); got != c.want {
				t.Errorf("%v: %t", c.err, got)
			}
		})
	}
}
