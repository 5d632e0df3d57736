package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/config"
	"github.com/checky-dev/checky/controllers"
)

// controllerUser is who the controller is in the embedded control plane: the service account it has in a cluster,
// so that it may do exactly what config/rbac allows.
const (
	controllerNamespace = "checky-system"
	controllerUser      = "system:serviceaccount:" + controllerNamespace + ":checky-controller"
)

// installTimeout bounds how long the kinds take to be served.
const installTimeout = time.Minute

// embeddedController runs the controller in this process. It needs no ports: nobody probes or scrapes it, and it has no rival.
func embeddedController(ctx context.Context, cfg *rest.Config) error {
	options := controllers.DefaultOptions()
	options.MetricsAddress, options.HealthAddress = "0", "0"
	options.LeaderElection = false
	return runController(ctx, cfg, options)
}

// controllerFunc runs the controller against a cluster until the context ends.
type controllerFunc func(ctx context.Context, cfg *rest.Config) error

// component is something that runs beside the control plane until its context ends. Ending earlier is an error.
type component struct {
	name string
	run  func(ctx context.Context) error
}

// embeddedOptions say how to run a control plane with Checky on it.
type embeddedOptions struct {
	dataDir    string         // empty: temporary
	kubeconfig string         // where to write it; empty: in the data folder
	controller controllerFunc // the controller
	log        io.Writer      // progress, for people
}

// errFinished ends the components of runEmbedded because its work is done.
var errFinished = errors.New("finished")

// runEmbedded starts a control plane, installs Checky, runs its components beside work, and stops all of it, in
// order, when work returns, a component fails or the context ends.
func runEmbedded(ctx context.Context, opts embeddedOptions, work func(context.Context, *controlplane.ControlPlane) error) (err error) {
	cp, err := controlplane.Start(ctx, controlplane.Options{Dir: opts.dataDir, Kubeconfig: opts.kubeconfig, Log: opts.log})
	if err != nil {
		return err
	}
	defer func() {
		fmt.Fprintln(opts.log, "stopping")
		err = errors.Join(err, cp.Stop())
	}()
	if err := install(ctx, cp); err != nil {
		return err
	}
	cfg, err := cp.UserConfig(controllerUser, "system:serviceaccounts", "system:serviceaccounts:"+controllerNamespace)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range []component{
		{name: "control plane", run: cp.Wait},
		{name: "controller", run: func(ctx context.Context) error { return opts.controller(ctx, cfg) }},
	} {
		group.Go(func() error { return c.runUntilDone(ctx) })
	}
	group.Go(func() error {
		if err := work(ctx, cp); err != nil {
			return err
		}
		return errFinished
	})
	if err := group.Wait(); !errors.Is(err, errFinished) {
		return err
	}
	return nil
}

// runUntilDone runs a component. What it returns after its context ended is how it was told to stop.
func (c component) runUntilDone(ctx context.Context) error {
	err := c.run(ctx)
	switch {
	case ctx.Err() != nil && (err == nil || errors.Is(err, ctx.Err())):
		return nil
	case err == nil:
		return fmt.Errorf("%s: it stopped by itself", c.name)
	default:
		return fmt.Errorf("%s: %w", c.name, err)
	}
}

// install applies the custom resource definitions, and the roles that the controller runs under.
func install(ctx context.Context, cp *controlplane.ControlPlane) error {
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout, fmt.Errorf("not served within %s", installTimeout))
	defer cancel()
	objects, err := controlplane.Manifests(config.Files, "crd/bases", "rbac")
	if err != nil {
		return err
	}
	namespace := &unstructured.Unstructured{}
	namespace.SetAPIVersion("v1")
	namespace.SetKind("Namespace")
	namespace.SetName(controllerNamespace)
	return controlplane.Install(ctx, cp.RESTConfig(), append([]*unstructured.Unstructured{namespace}, objects...))
}
