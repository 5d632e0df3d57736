// Package controlplanetest gives a test package one control plane, shared by its tests.
//
//	func TestMain(m *testing.M) { controlplanetest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		cp := controlplanetest.Start(t)
//		cfg := cp.RESTConfig()
//		...
//	}
//
// The control plane starts at the first Start and stops after the last test, so a run that needs none pays nothing.
// Tests share its objects: each takes a namespace of its own.
package controlplanetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/config"
)

// installTimeout bounds how long the custom resource definitions take to be served.
const installTimeout = time.Minute

var shared struct {
	once sync.Once
	cp   *controlplane.ControlPlane
	err  error
}

// Main runs a package's tests, stops the control plane if one was started, and exits. It has to be all that TestMain
// does, or the last thing.
func Main(m *testing.M) {
	controlplane.ExitIfSupervisor()
	code := m.Run()
	if shared.cp != nil {
		if err := shared.cp.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the control plane:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// Start returns the package's control plane, with Checky's custom resource definitions installed. The first call
// starts it; the test fails if that does not work.
func Start(tb testing.TB) *controlplane.ControlPlane {
	tb.Helper()
	shared.once.Do(func() { shared.cp, shared.err = start() })
	if shared.err != nil {
		tb.Fatalf("start the control plane: %v", shared.err)
	}
	return shared.cp
}

func start() (*controlplane.ControlPlane, error) {
	ctx := context.Background()
	cp, err := controlplane.Start(ctx, controlplane.Options{Log: os.Stderr})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, installTimeout)
	defer cancel()
	definitions, err := controlplane.Manifests(config.Files, "crd/bases")
	if err == nil {
		err = controlplane.Install(ctx, cp.RESTConfig(), definitions)
	}
	if err != nil {
		return nil, errors.Join(err, cp.Stop())
	}
	return cp, nil
}
