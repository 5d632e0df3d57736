package main

import (
	"context"
	"errors"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/cmd/program"
	"github.com/checky-dev/checky/controllers"
)

// runController runs the operator against a cluster until the context ends.
func runController(ctx context.Context, config *rest.Config, options controllers.Options) error {
	mgr, err := controllers.New(ctx, config, options, nil)
	if err != nil {
		return err
	}
	if err := mgr.Start(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func newControllerCommand() *cobra.Command {
	options := controllers.DefaultOptions()
	var logging program.LogOptions
	command := &cobra.Command{
		Use:   "controller",
		Short: "Run the operator in, or against, a cluster",
		Long: `Run the operator: Checks get their verdicts, rule sets are compiled, finished Checks are deleted in time.

The cluster is the one that KUBECONFIG or the Pod's service account leads to. SIGTERM and Ctrl-C end it once
what is under way has been written.`,
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
			ctx := logr.NewContext(command.Context(), logger)
			return runController(ctx, config, options)
		},
	}
	command.Flags().SortFlags = false // in the order of the documentation, which keeps together what belongs together
	options.BindFlags(command.Flags())
	logging.BindFlags(command.Flags())
	return command
}
