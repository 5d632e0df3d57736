package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/checky-dev/checky/apiserver"
)

// runAPIServer runs the facade against a cluster until the context ends. Once it is ready it calls started, if that is not nil,
// with its URL.
func runAPIServer(ctx context.Context, config *rest.Config, options apiserver.Options, started func(url string)) error {
	server, err := apiserver.New(ctx, config, options, logr.FromContextOrDiscard(ctx), version())
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

// clusterConfig leads to the cluster of KUBECONFIG, or of the Pod's service account.
func clusterConfig() (*rest.Config, error) {
	config, err := ctrl.GetConfig()
	if clientcmd.IsEmptyConfig(err) { // its own text names a variable that is not read
		return nil, errors.New("there is no cluster: set KUBECONFIG to a file that exists and names one, or run in a Pod with a service account")
	}
	if err != nil {
		return nil, fmt.Errorf("there is no cluster: set KUBECONFIG to a file that names one, or run in a Pod with a service account: %w", err)
	}
	return config, nil
}

func newAPIServerCommand() *cobra.Command {
	options := apiserver.DefaultOptions()
	var logging logOptions
	command := &cobra.Command{
		Use:   "apiserver",
		Short: "Run the REST facade in, or against, a cluster",
		Long: `Run the REST facade: requests become Checks, and Checks become answers. Any number of them serve the same cluster.

The cluster is the one that KUBECONFIG or the Pod's service account leads to. SIGTERM and Ctrl-C end it once what is under way
has been answered. Secrets come from the environment: SMTP_PASSWORD (and SMTP_USERNAME), REDIS_URL, SENTRY_DSN.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := errors.Join(options.Validate(), logging.validate()); err != nil {
				return err
			}
			logger := logging.logger(command.ErrOrStderr())
			setLogger(logger)
			config, err := clusterConfig()
			if err != nil {
				return err
			}
			return runAPIServer(logr.NewContext(command.Context(), logger), config, options, nil)
		},
	}
	command.Flags().SortFlags = false // in the order of the documentation, which keeps together what belongs together
	options.BindFlags(command.Flags())
	logging.bindFlags(command.Flags())
	return command
}
