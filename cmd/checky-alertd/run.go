//go:build linux

package main

import (
	"context"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"

	"github.com/checky-dev/checky/audio"
	"github.com/checky-dev/checky/cmd/program"
)

// newRunCommand is `checky-alertd run`: the daemon.
func newRunCommand() *cobra.Command {
	options := audio.DefaultOptions()
	return program.Server(&cobra.Command{
		Use:   "run",
		Short: "Run the daemon",
		Long: `Run the daemon: it watches the Checks of a cluster, and sounds a tone on this machine when one fails.

The cluster is the one that KUBECONFIG or the Pod's service account leads to. SIGTERM and Ctrl-C end it once the tone
that is being played was heard.`,
	}, &options, func(ctx context.Context, cluster *rest.Config) error {
		return audio.Run(ctx, cluster, options)
	})
}
