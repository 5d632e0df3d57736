package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/cmd/program"
)

// upOptions are the flags of `checky up`, and what it runs.
type upOptions struct {
	dataDir    string
	kubeconfig string
	address    string
	controller controllerFunc
	facade     func(addresses []string, mailbox io.Writer) facadeFunc
}

// facadeAddress is where the facade is looked for; where that is taken, any free port does.
const facadeAddress = "127.0.0.1:8080"

// newUpCommand is `checky up`: a control plane with Checky on it, until Ctrl-C.
func newUpCommand() *cobra.Command {
	opts := upOptions{controller: embeddedController, facade: embeddedFacade}
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run Kubernetes' API server with Checky on this machine, until Ctrl-C",
		Long: `Run a real kube-apiserver and etcd on this machine, with Checky's kinds installed, its controller and its REST facade running,
until Ctrl-C. Mails that the facade sends are printed.

Nothing has to be installed: the servers come from KUBEBUILDER_ASSETS if it is set, else from setup-envtest's releases, else they
are built from their Go modules, which takes some minutes the first time. There are no nodes, so no Pod runs.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := untilSignal(cmd.Context())
			defer stop()
			program.SetLogger(logr.FromSlogHandler(settled{slog.NewTextHandler(cmd.ErrOrStderr(), nil)}))
			return opts.run(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&opts.dataDir, "data-dir", "", "folder that keeps the objects for the next time (default: a temporary one)")
	cmd.Flags().StringVar(&opts.kubeconfig, "kubeconfig", "", "file to write the kubeconfig to (default: in the data folder)")
	cmd.Flags().StringVar(&opts.address, "bind-address", "", "loopback address for the REST facade, HOST:PORT (default: "+facadeAddress+", or a free port where that is taken)")
	return cmd
}

// run keeps the control plane up until the context ends. What to do with it goes to out, progress to log.
func (o upOptions) run(ctx context.Context, out, log io.Writer) error {
	addresses := []string{o.address}
	if o.address == "" {
		addresses = []string{facadeAddress, "127.0.0.1:0"}
	}
	if err := requireLoopback(addresses[0]); err != nil {
		return err
	}
	options := embeddedOptions{
		dataDir: o.dataDir, kubeconfig: o.kubeconfig, controller: o.controller, facade: o.facade(addresses, out), log: log,
	}
	return runEmbedded(ctx, options, func(ctx context.Context, e embedded) error {
		if err := o.tell(out, e); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	})
}

// requireLoopback refuses an address that others could reach, before minutes are spent on servers: there is no certificate here.
func requireLoopback(address string) error {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	if err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--bind-address: expected a port of this machine's own, such as %s: tokens would cross the network in clear", facadeAddress)
	}
	return nil
}

// tell prints what to export and what to try.
func (o upOptions) tell(out io.Writer, e embedded) error {
	data := "It keeps nothing: name a folder with --data-dir to find the objects again next time."
	if o.dataDir != "" {
		data = "The objects are kept in " + e.Dir() + "."
	}
	path := ""
	if _, err := exec.LookPath("kubectl"); err != nil && e.KubectlPath() != "" {
		path = "  export PATH=" + filepath.Dir(e.KubectlPath()) + ":$PATH\n"
	}
	_, err := fmt.Fprintf(out, `
Checky is up. In another terminal:

  export KUBECONFIG=%[1]s
%[3]s
and then, for instance:

  kubectl apply -f config/samples/
  kubectl wait --for=condition=Complete chk/order-bad
  kubectl get checks
  kubectl describe checks
  kubectl explain check.spec

The REST facade is at %[2]s, its documentation at %[2]s/docs. Sign up, log in, and check something:

  export CHECKY=%[2]s
  curl -sS $CHECKY/auth/signup -H 'Content-Type: application/json' -d '{"email": "ada@example.com", "password": "correct horse battery staple 9"}'
  export TOKEN=$(curl -sS $CHECKY/auth/login -H 'Content-Type: application/json' -d '{"email": "ada@example.com", "password": "correct horse battery staple 9"}' | sed 's/.*"token":"\([^"]*\)".*/\1/')
  curl -sS $CHECKY/v1/check -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{"input": {"amount": 99999}, "rules": [{"name": "amount-range", "module": {"name": "range", "params": {"field": "$.amount", "max": 10000}}}]}'
  curl -sS $CHECKY/v1/checks -H "Authorization: Bearer $TOKEN"

%[4]s Ctrl-C stops it.
`, e.Kubeconfig(), e.facade, path, data)
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

// settled leaves out that each of the controller's parts is starting: these lines would come between those that say what to export.
type settled struct{ slog.Handler }

func (s settled) Handle(ctx context.Context, record slog.Record) error {
	if record.Level <= slog.LevelInfo && strings.HasPrefix(record.Message, "Starting ") {
		return nil
	}
	return s.Handler.Handle(ctx, record)
}

func (s settled) WithAttrs(attrs []slog.Attr) slog.Handler {
	return settled{s.Handler.WithAttrs(attrs)}
}
func (s settled) WithGroup(name string) slog.Handler { return settled{s.Handler.WithGroup(name)} }
