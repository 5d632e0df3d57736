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
	return program.Server(&cobra.Command{
		Use:   "apiserver",
		Short: "Run the REST facade in, or against, a cluster",
		Long: `Run the REST facade: requests become Checks, and Checks become answers. Any number of them serve the same cluster.

The cluster is the one that KUBECONFIG or the Pod's service account leads to. SIGTERM and Ctrl-C end it once what is under way
has been answered. Secrets come from the environment: SMTP_PASSWORD (and SMTP_USERNAME), REDIS_URL, SENTRY_DSN.`,
	}, &options, func(ctx context.Context, cluster *rest.Config) error {
		return runAPIServer(ctx, cluster, options, nil)
	})
}
