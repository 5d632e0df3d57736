// Command checky checks data on Kubernetes: it is the operator, the REST facade, the command line, and a control plane to try them on.
package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/cmd/program"
	_ "github.com/checky-dev/checky/cmd/program/early" // `checky check` ends before a collection would be worth it
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
		Use:   "checky",
		Short: "Checks data on Kubernetes, and explains every verdict",
		Long: `Checky checks data on Kubernetes, and explains every verdict.

A Check holds a JSON payload, or a reference to one; rules decide; a plain text knowledge file explains.`,
	}
	root.AddCommand(
		newCheckCommand(),
		newControllerCommand(),
		newAPIServerCommand(),
		newDemoCommand(),
		newHealthCommand(),
		newKnowledgeCommand(),
		newRulesCommand(),
		newSuperviseCommand(),
		newUpCommand(),
	)
	return root
}
