// Command checky checks data on Kubernetes: it is the operator, the REST facade, the command line, and a control plane to try them on.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// Exit codes.
const (
	exitFailure = 1 // a bad verdict
	exitUsage   = 2 // no verdict: bad flags, files or rules
)

// exitError ends the program with a code of its own. Its error may be nil where all was said already.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// run is the program; it returns the exit code. SIGTERM and Ctrl-C end its context; a second one ends the process at once.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	root := newRootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code := exitUsage
	if exit := (*exitError)(nil); errors.As(err, &exit) {
		code = exit.code
		if exit.err == nil {
			return code
		}
	}
	_, _ = fmt.Fprintln(errOut, "checky:", err)
	return code
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "checky",
		Short: "Checks data on Kubernetes, and explains every verdict",
		Long: `Checky checks data on Kubernetes, and explains every verdict.

A Check holds a JSON payload, or a reference to one; rules decide; a plain text knowledge file explains.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(
		newCheckCommand(),
		newControllerCommand(),
		newAPIServerCommand(),
		newDemoCommand(),
		newKnowledgeCommand(),
		newRulesCommand(),
		newSuperviseCommand(),
		newUpCommand(),
	)
	return root
}

// version is the module's, and the commit's where the binary was built in a checkout.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	version := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			version += " " + s.Value
		}
	}
	return version
}
