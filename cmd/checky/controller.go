package main

import (
	"context"
	"errors"

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
	return program.Server(&cobra.Command{
		Use:   "controller",
		Short: "Run the operator in, or against, a cluster",
		Long: `Run the operator: Checks get their verdicts, rule sets are compiled, finished Checks are deleted in time.

The cluster is the one that KUBECONFIG or the Pod's service account leads to. SIGTERM and Ctrl-C end it once
what is under way has been written.`,
	}, &options, func(ctx context.Context, cluster *rest.Config) error {
		return runController(ctx, cluster, options)
	})
}
