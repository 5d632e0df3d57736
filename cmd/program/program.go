// Package program is what Checky's programs have in common: how they end, what they log, and which cluster they go to.
package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	ExitFailure = 1 // a bad verdict, or what was tried did not work
	ExitUsage   = 2 // nothing could be tried: bad flags, files or rules
)

// ExitError ends the program with a code of its own. Its error may be nil where all was said already.
type ExitError struct {
	Code int
	Err  error
}

// Error implements error.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap is for package errors.
func (e *ExitError) Unwrap() error { return e.Err }

// Run runs a command line; it returns the exit code. SIGTERM and Ctrl-C end its context; a second one ends the process at once.
func Run(root *cobra.Command, args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)()
	root.SilenceErrors, root.SilenceUsage = true, true
	root.Version = Version()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	code := ExitUsage
	if exit := (*ExitError)(nil); errors.As(err, &exit) {
		code = exit.Code
		if exit.Err == nil {
			return code
		}
	}
	_, _ = fmt.Fprintf(errOut, "%s: %s\n", root.Name(), Printable(err.Error()))
	return code
}

// What a release is built with: -ldflags "-X github.com/checky-dev/checky/cmd/program.version=v0.1.0 -X ….revision=COMMIT".
// A plain `go build` leaves them empty.
var version, revision string

// Version is the release's and its commit. Where none was set at the build it is the module's, and the commit's where the binary was built in
// a checkout.
func Version() string {
	if version != "" {
		return strings.TrimSpace(version + " " + revision)
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	built := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			built += " " + s.Value
		}
	}
	return built
}
