package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

// upOptions are the flags of `checky up`, and what it runs.
type upOptions struct {
	dataDir    string
	kubeconfig string
	controller controllerFunc
}

// newUpCommand is `checky up`: a control plane with Checky on it, until Ctrl-C.
func newUpCommand() *cobra.Command {
	opts := upOptions{controller: embeddedController}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run Kubernetes' API server with Checky on this machine, until Ctrl-C",
		Long: `Run a real kube-apiserver and etcd on this machine, with Checky's kinds installed and its controller running, until Ctrl-C.

Nothing has to be installed: the servers come from KUBEBUILDER_ASSETS if it is set, else from setup-envtest's releases, else they
are built from their Go modules, which takes some minutes the first time. There are no nodes, so no Pod runs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			setLogger((&logOptions{format: "text"}).logger(cmd.ErrOrStderr()))
			return opts.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&opts.dataDir, "data-dir", "", "folder that keeps the objects for the next time (default: a temporary one)")
	cmd.Flags().StringVar(&opts.kubeconfig, "kubeconfig", "", "file to write the kubeconfig to (default: in the data folder)")
	return cmd
}

// run keeps the control plane up until the context ends. What to do with it goes to out, progress to log.
func (o upOptions) run(ctx context.Context, out, log io.Writer) error {
	embedded := embeddedOptions{dataDir: o.dataDir, kubeconfig: o.kubeconfig, controller: o.controller, log: log}
	return runEmbedded(ctx, embedded, func(ctx context.Context, cp *controlplane.ControlPlane) error {
		if err := o.tell(out, cp); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
}

// tell prints what to export and what to try.
func (o upOptions) tell(out io.Writer, cp *controlplane.ControlPlane) error {
	data := "It keeps nothing: name a folder with --data-dir to find the objects again next time."
	if o.dataDir != "" {
		data = "The objects are kept in " + cp.Dir() + "."
	}
	path := ""
	if _, err := exec.LookPath("kubectl"); err != nil && cp.KubectlPath() != "" {
		path = "  export PATH=" + filepath.Dir(cp.KubectlPath()) + ":$PATH\n"
	}
	_, err := fmt.Fprintf(out, `
Checky is up. In another terminal:

  export KUBECONFIG=%s
%s
and then, for instance:

  kubectl apply -f config/samples/
  kubectl wait --for=condition=Complete chk/order-bad
  kubectl get checks
  kubectl describe checks
  kubectl explain check.spec

%s Ctrl-C stops it.
`, cp.Kubeconfig(), path, data)
	return err
}

// untilSignal returns a context that ends at the first Ctrl-C, SIGTERM or loss of the terminal. A second one then ends the
// process at once, and the supervisors stop the control plane.
func untilSignal(parent context.Context) (context.Context, context.CancelFunc) {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
	ctx, stop := signal.NotifyContext(parent, signals...)
	context.AfterFunc(ctx, func() { signal.Reset(signals...) })
	return ctx, stop
}
