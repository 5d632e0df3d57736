package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sync/errgroup"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/checky-dev/checky/apiserver"
	"github.com/checky-dev/checky/cmd/checky/controlplane"
	"github.com/checky-dev/checky/cmd/program"
	"github.com/checky-dev/checky/config"
	"github.com/checky-dev/checky/controllers"
)

// The controller and the facade are in the embedded control plane who they are in a cluster: service accounts of a namespace,
// that may do exactly what the manifests in config allow.
const (
	systemNamespace   = "checky-system"
	controllerAccount = "checky-controller"
	facadeAccount     = "checky-apiserver"
)

// facadeChecks is the namespace in which the embedded facade makes its Checks: the one that kubectl looks at, and the samples are in.
const facadeChecks = "default"

// installTimeout bounds how long the kinds take to be served.
const installTimeout = time.Minute

// embeddedController runs the controller in this process. It needs no ports: nobody probes or scrapes it, and it has no rival.
func embeddedController(ctx context.Context, cfg *rest.Config) error {
	options := controllers.DefaultOptions()
	options.MetricsAddress, options.HealthAddress = "0", "0"
	options.LeaderElection = false
	return runController(ctx, cfg, options)
}

// embeddedFacade runs the facade in this process, at the first of the loopback addresses that is free. Mails go to mailbox, and its
// log where the controller's goes.
func embeddedFacade(addresses []string, mailbox io.Writer) facadeFunc {
	return func(ctx context.Context, cfg *rest.Config, started func(url string)) error {
		log := ctrl.Log.WithName("facade")
		ctx = logr.NewContext(ctx, log)
		options := apiserver.DefaultOptions()
		options.Serve.DrainDelay = 0
		options.MetricsAddress = "0"
		options.Namespace, options.CheckNamespace = systemNamespace, facadeChecks
		options.Mailbox = mailbox
		for i, address := range addresses {
			options.Serve.Address = address
			err := runAPIServer(ctx, cfg, options, started)
			if i == len(addresses)-1 || !errors.Is(err, syscall.EADDRINUSE) {
				return err
			}
			log.Info("The address is taken; the next is tried", "address", address)
		}
		return errors.New("no address to serve on")
	}
}

// facadeFunc runs the facade against a cluster until the context ends, and says where it is once it is ready.
type facadeFunc func(ctx context.Context, cfg *rest.Config, started func(url string)) error

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
	facade     facadeFunc     // the REST facade; nil: none
	log        io.Writer      // progress, for people
}

// embedded is what runs.
type embedded struct {
	*controlplane.ControlPlane
	facade string // the facade's URL; empty: there is none
}

// errFinished ends the components of runEmbedded because its work is done.
var errFinished = errors.New("finished")

// runEmbedded starts a control plane, installs Checky, runs its components beside work, and stops all of it, in
// order, when work returns, a component fails or the context ends.
func runEmbedded(ctx context.Context, opts embeddedOptions, work func(context.Context, embedded) error) (err error) {
	program.CollectAsUsual()
	cp, err := controlplane.Start(ctx, controlplane.Options{Dir: opts.dataDir, Kubeconfig: opts.kubeconfig, Log: opts.log})
	if err != nil {
		return interrupted(ctx, err)
	}
	defer func() {
		fmt.Fprintln(opts.log, "stopping")
		err = errors.Join(err, cp.Stop())
	}()
	if err := install(ctx, cp); err != nil {
		return interrupted(ctx, err)
	}
	controllerConfig, err := serviceAccount(cp, controllerAccount)
	if err != nil {
		return err
	}
	facadeConfig, err := serviceAccount(cp, facadeAccount)
	if err != nil {
		return err
	}
	ready := make(chan string, 1)
	outer := ctx
	group, ctx := errgroup.WithContext(ctx)
	components := []component{
		{name: "control plane", run: cp.Wait},
		{name: "controller", run: func(ctx context.Context) error { return opts.controller(ctx, controllerConfig) }},
	}
	if opts.facade == nil {
		ready <- ""
	} else {
		components = append(components, component{name: "facade", run: func(ctx context.Context) error {
			return opts.facade(ctx, facadeConfig, func(url string) { ready <- url })
		}})
	}
	for _, c := range components {
		group.Go(func() error { return c.runUntilDone(ctx) })
	}
	group.Go(func() error {
		select {
		case url := <-ready:
			if err := work(ctx, embedded{ControlPlane: cp, facade: url}); err != nil {
				return err
			}
			return errFinished
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	if err := group.Wait(); !errors.Is(err, errFinished) {
		return interrupted(outer, err)
	}
	return nil
}

// errInterrupted is Ctrl-C, or another end from outside, before the work was done.
var errInterrupted = errors.New("interrupted")

// interrupted is an error as it is, unless the context has ended: what the parts say on their way down is no news.
func interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errInterrupted
	}
	return err
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

// serviceAccount is the configuration of a client that is one of Checky's service accounts.
func serviceAccount(cp *controlplane.ControlPlane, name string) (*rest.Config, error) {
	return cp.UserConfig("system:serviceaccount:"+systemNamespace+":"+name, "system:serviceaccounts", "system:serviceaccounts:"+systemNamespace)
}

// install applies the custom resource definitions, and the roles that the controller and the facade run under.
func install(ctx context.Context, cp *controlplane.ControlPlane) error {
	ctx, cancel := context.WithTimeoutCause(ctx, installTimeout, fmt.Errorf("not served within %s", installTimeout))
	defer cancel()
	objects, err := controlplane.Manifests(config.Files, append([]string{"crd/bases"}, config.Rights...)...)
	if err != nil {
		return err
	}
	var namespace, checks unstructured.Unstructured
	namespace.SetAPIVersion("v1")
	namespace.SetKind("Namespace")
	namespace.SetName(systemNamespace)
	checks.SetAPIVersion(rbacv1.SchemeGroupVersion.String())
	checks.SetKind("RoleBinding")
	checks.SetName("checky-apiserver-checks")
	checks.SetNamespace(facadeChecks)
	checks.Object["roleRef"] = map[string]any{"apiGroup": rbacv1.GroupName, "kind": "ClusterRole", "name": "checky-apiserver-checks"}
	checks.Object["subjects"] = []any{map[string]any{"kind": "ServiceAccount", "name": facadeAccount, "namespace": systemNamespace}}
	return controlplane.Install(ctx, cp.RESTConfig(), append([]*unstructured.Unstructured{&namespace, &checks}, objects...))
}
