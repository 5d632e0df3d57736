package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/cmd/checky/controlplane"
)

// newSuperviseCommand is the hidden command by which this program watches over a server of the embedded control plane
// (see package controlplane). People have no use for it.
func newSuperviseCommand() *cobra.Command {
	return &cobra.Command{
		Use:                controlplane.SuperviseArgument + " -- COMMAND [ARGUMENT...]",
		Short:              "Run a command for as long as standard input stays open",
		Hidden:             true,
		DisableFlagParsing: true,
		Run: func(cmd *cobra.Command, args []string) {
			os.Exit(controlplane.Supervise(args, cmd.InOrStdin(), cmd.ErrOrStderr()))
		},
	}
}
