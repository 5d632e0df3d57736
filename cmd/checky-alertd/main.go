//go:build linux

// Command checky-alertd sounds a tone on the node that it runs on when a Check fails.
package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/cmd/program"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program; it returns the exit code.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	return program.Run(newRootCommand(), args, in, out, errOut)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "checky-alertd",
		Short: "Sounds a tone when a Check fails",
		Long: `checky-alertd runs on nodes with a speaker, watches Checks, and sounds a tone when one fails.

AlertPolicies in the cluster say which failures sound, when and how; without any, those of severity error and critical sound once.`,
	}
	root.AddCommand(
		newDevicesCommand(),
		newPlayCommand(),
		newPlayerCommand(),
		newRenderCommand(),
		newRunCommand(),
		newSandboxCommand(),
	)
	return root
}
