//go:build linux

package main

import (
	"errors"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/audio"
	"github.com/checky-dev/checky/cmd/program"
)

// newRunCommand is `checky-alertd run`: the daemon.
func newRunCommand() *cobra.Command {
	options := audio.DefaultOptions()
	var logging program.LogOptions
	command := &cobra.Command{
		Use:   "run",
		Short: "Run the daemon",
		Long: `Run the daemon: it watches the Checks of a cluster, and sounds a tone on this machine when one fails.

The cluster is the one that KUBECONFIG or the Pod's service account leads to. SIGTERM and Ctrl-C end it once the tone
that is being played was heard.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			if err := errors.Join(options.Validate(), logging.Validate()); err != nil {
				return err
			}
			logger := logging.Logger(command.ErrOrStderr())
			program.SetLogger(logger)
			cluster, err := program.Cluster()
			if err != nil {
				return err
			}
			return audio.Run(logr.NewContext(command.Context(), logger), cluster, options)
		},
	}
	command.Flags().SortFlags = false // in the order of the documentation, which keeps together what belongs together
	options.BindFlags(command.Flags())
	logging.BindFlags(command.Flags())
	return command
}
