package main

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-logr/logr"
)

// TestSettled has lines that come while everything starts left out, whoever logs them, and no others.
func TestSettled(t *testing.T) {
	var out strings.Builder
	log := logr.FromSlogHandler(settled{slog.NewTextHandler(&out, nil)})
	named := log.WithName("check").WithValues("controllerKind", "Check")

	log.Info("Starting EventSource")
	named.Info("Starting workers", "worker count", 1)
	named.Error(errors.New("no such kind"), "Starting the watch")
	named.Info("Verdict", "phase", "Success")

	if got := out.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, "no such kind") || !strings.Contains(got, "msg=Verdict controllerKind=Check") {
		t.Errorf("an error and a verdict are logged, and got:\n%s", got)
	}
}
