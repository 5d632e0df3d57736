// Command kubectl-checky is the plugin `kubectl checky`: it has payloads checked by the cluster's operator, and shows and
// answers verdicts. It is a client of the API server alone, with the user's own rights.
//
//	run      -f FILE ──> Check ──> watch ──> the report of `checky check`
//	explain  Check   ──> its verdict, in full
//	results  Checks  ──> a table, or with -w a line for each verdict
//	silence, ack     ──> a Silence, or the annotation that the alert daemons look at
//
// It evaluates nothing itself: `checky check` does, without a cluster.
package main

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/checky-dev/checky/cmd/program"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is the program; it returns the exit code.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	// What the client library logs is either an error that a command returns, or noise.
	klog.SetLogger(logr.Discard())
	log.SetLogger(logr.Discard())
	return program.Run(newRootCommand(), args, in, out, errOut)
}

func newRootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:         "kubectl-checky",
		Annotations: map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl checky"},
		Short:       "Check data in the cluster, and look after the verdicts",
		Long: `Check data in the cluster, and look after the verdicts.

Exit code 0: it was done. 1: a verdict is Failure. 2: a verdict is Error, there was none in time, or what was asked for was
refused.`,
	}
	s := newSession()
	s.flags.AddFlags(root.PersistentFlags())
	root.AddCommand(
		newRunCommand(s),
		newExplainCommand(s),
		newResultsCommand(s),
		newSilenceCommand(s),
		newAckCommand(s),
		newCompletionCommand(),
	)
	s.completeFlags(root)
	return root
}

// clock tells the time.
type clock func() time.Time

// detached is a context for what has to be done, or said, after the user's Ctrl-C.
func detached(ctx context.Context, most time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), most)
}
