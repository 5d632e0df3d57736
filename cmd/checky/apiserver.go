package main

import (
	"context"
	"errors"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/apiserver"
	"github.com/checky-dev/checky/cmd/program"
)

// runAPIServer runs the facade against a cluster until the context ends. Once it is ready it calls started, if that is not nil,
// with its URL.
func runAPIServer(ctx context.Context, config *rest.Config, options apiserver.Options, started func(url string)) error {
	server, err := apiserver.New(ctx, config, options, logr.FromContextOrDiscard(ctx), program.Version())
	if err != nil {
		return err
	}
	if started != nil {
		go func() {
			if server.WaitReady(ctx) == nil {
				started(server.URL())
			}
		}()
	}
	if err := server.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func newAPIServerCommand() *cobra.Command {
	options := apiserver.DefaultOptions()
	var logging program.LogOptions
	command := &cobra.Command{
		Use:   "apiserver",
		Short: "Run the REST facade in, or against, a cluster",
		Long: `Run the REST facade: requests become Checks, and Checks become answers. Any number of them serve the same cluster.

The cluster is the one that KUBECONFIG or the Pod's service account leads to. SIGTERM and Ctrl-C end it once what is under way
has been answered. Secrets come from the environment: SMTP_PASSWORD (and SMTP_USERNAME), REDIS_URL, SENTRY_DSN.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := errors.Join(options.Validate(), logging.Validate()); err != nil {
				return err
			}
			logger := logging.Logger(command.ErrOrStderr())
			program.SetLogger(logger)
			config, err := program.Cluster()
			if err != nil {
				return err
			}
			return runAPIServer(logr.NewContext(command.Context(), logger), config, options, nil)
		},
	}
	command.Flags().SortFlags = false // in the order of the documentation, which keeps together what belongs together
	options.BindFlags(command.Flags())
	logging.BindFlags(command.Flags())
	return command
}
