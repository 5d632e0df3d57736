package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// scriptedAlertd runs a shell script in place of a daemon.
func scriptedAlertd(ctx context.Context, t *testing.T, script string) *alertd {
	t.Helper()
	d, err := launchAlertd(exec.CommandContext(ctx, "/bin/sh", "-c", script), t.TempDir(), 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDemoTellsWhyADaemonEnded(t *testing.T) {
	d := scriptedAlertd(t.Context(), t, `echo '{"msg":"Started"}' >&2; echo 'checky-alertd: no' >&2; exit 2`)
	_, err := d.await(t.Context(), "Watching")
	d.stop()
	if err == nil || !strings.HasSuffix(err.Error(), "the last that it said: checky-alertd: no") {
		t.Errorf("got %v", err)
	}
}

// TestDemoEndsThoughADaemonHangs: it holds its log open, as does what it started, and does not end when it is told to.
func TestDemoEndsThoughADaemonHangs(t *testing.T) {
	const script = `trap '' TERM; echo '{"msg":"Started"}' >&2; while :; do sleep 2; done`
	why := errors.New("after 2m0s (--timeout)")
	ctx, cancel := context.WithCancelCause(t.Context())
	d := scriptedAlertd(ctx, t, script)
	if _, err := d.await(ctx, "Started"); err != nil {
		t.Fatal(err)
	}
	cancel(why)
	_, err := d.await(ctx, "Watching")
	if !errors.Is(err, why) || !strings.Contains(err.Error(), `"Watching"`) {
		t.Errorf("got %v", err)
	}
	d.stop()

	d = scriptedAlertd(t.Context(), t, script)
	if _, err := d.await(t.Context(), "Started"); err != nil {
		t.Fatal(err)
	}
	d.stop() // also where nothing has ended but the demo's use for it
}
