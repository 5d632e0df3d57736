package program

import (
	"context"
	"errors"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/client-go/rest"
)

// Options are what an operator chooses of a server.
type Options interface {
	BindFlags(flags *pflag.FlagSet)
	Validate() error
}

// Server makes a command of a server that works on a cluster: it has the options' flags and those of its log and profiles, and is
// run with a logger in its context once all of them can be, within the memory that its container has.
func Server(command *cobra.Command, options Options, run func(ctx context.Context, cluster *rest.Config) error) *cobra.Command {
	var logging LogOptions
	var profiling profileOptions
	command.Args = cobra.NoArgs
	command.RunE = func(command *cobra.Command, _ []string) error {
		if err := errors.Join(options.Validate(), profiling.Validate(), logging.Validate()); err != nil {
			return err
		}
		logger := logging.Logger(command.ErrOrStderr())
		SetLogger(logger)
		CollectAsUsual()
		limitMemory(logger)
		stop, err := profiling.start(command.Context(), logger)
		if err != nil {
			return err
		}
		defer stop()
		cluster, err := Cluster()
		if err != nil {
			return err
		}
		return run(logr.NewContext(command.Context(), logger), cluster)
	}
	command.Flags().SortFlags = false // in the order of the documentation, which keeps together what belongs together
	options.BindFlags(command.Flags())
	profiling.BindFlags(command.Flags())
	logging.BindFlags(command.Flags())
	return command
}
