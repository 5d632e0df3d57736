package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// insist sends a request until its answer is neither none nor one that says to come back, and returns the check that it holds.
func (l *load) insist(method, path, token string, body any, headers ...string) (result, error) {
	ctx, cancel := context.WithTimeout(l.c.t.Context(), patience)
	defer cancel()
	var got result
	for backoff := 100 * time.Millisecond; ; backoff = min(2*backoff, 2*time.Second) {
		a, err := l.try(ctx, method, path, token, body, headers...)
		switch {
		case err == nil && (a.status == http.StatusOK || a.status == http.StatusAccepted):
			return got, json.Unmarshal(a.body, &got)
		case err == nil && !comeBack(a.status):
			return got, fmt.Errorf("%s %s: %d: %s", method, path, a.status, a.body)
		}
		wait := backoff
		if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil {
			wait = time.Duration(seconds) * time.Second
		}
		if pause(ctx, wait/2+rand.N(wait)) != nil {
			return got, fmt.Errorf("%s %s: given up, with %d last: %s: %w", method, path, a.status, a.body, err)
		}
	}
}

// comeBack tells whether a request that was answered so is sent again.
func comeBack(status int) bool {
	return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
}

// try sends a request once, and counts an answer that is none, or says to come back.
func (l *load) try(ctx context.Context, method, path, token string, body any, headers ...string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	a, err := l.f.ask(ctx, method, path, token, body, headers...)
	l.count(func(n *counts) {
		switch {
		case err != nil:
			n.silent++
			if len(l.causes) < maxTold {
				l.causes[cause(err)]++
			}
		case a.status == http.StatusTooManyRequests:
			n.limited++
		case a.status == http.StatusServiceUnavailable:
			n.busy++
		case comeBack(a.status):
			n.other++
		}
	})
	return a, err
}

// cause is why there was no answer, without addresses.
func cause(err error) string {
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		return number.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err.Error()
}

// pause waits; an error is that of the context, which ended before.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
