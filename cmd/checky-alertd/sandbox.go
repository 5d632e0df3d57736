//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/device"
	"github.com/checky-dev/checky/audio/player"
	"github.com/checky-dev/checky/audio/sandbox"
	"github.com/checky-dev/checky/cmd/program"
)

// sandboxVolume is enough to hear that the tone plays.
const sandboxVolume = 20

func newSandboxCommand() *cobra.Command {
	var name string
	command := &cobra.Command{
		Use:   "sandbox",
		Short: "Show what the sandbox of a player refuses on this machine",
		Long: `Start a player that tries, in its sandbox, what it must not be able to do, and then plays a quiet tone. It prints what this machine's
kernel enforces, and what was refused.

Exit code 0: all was refused, and the tone was played. 1: something was not refused, or the tone was not played. 2: a flag is
wrong.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := device.Parse(name)
			if err != nil {
				return fmt.Errorf("--device: %w", err)
			}
			return showSandbox(cmd.Context(), target, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	command.Flags().StringVar(&name, "device", "default", deviceUsage)
	return command
}

func showSandbox(ctx context.Context, target device.Device, out, errOut io.Writer) error {
	p := &player.Player{Stderr: func(line string) { fmt.Fprintln(errOut, line) }}
	report, err := p.Play(ctx, player.Job{Pattern: tone.Patterns()[0].Name, Volume: sandboxVolume, Device: target, Probe: true})
	writeSandbox(out, report.Sandbox)
	allowed := 0
	for _, probe := range report.Probes {
		word := "refused"
		if !probe.Refused {
			word = "ALLOWED"
			allowed++
		}
		fmt.Fprintf(out, "%s  %s: %s\n", word, probe.Action, probe.Detail)
	}
	if err != nil {
		return &program.ExitError{Code: program.ExitFailure, Err: withAdvice(err)}
	}
	fmt.Fprintln(out, "The tone was played.")
	if allowed > 0 {
		return &program.ExitError{Code: program.ExitFailure, Err: fmt.Errorf("%d of %d attempts were not refused", allowed, len(report.Probes))}
	}
	return nil
}

// writeSandbox prints what is enforced.
func writeSandbox(w io.Writer, r sandbox.Report) {
	landlock := "no"
	if r.Landlock > 0 {
		landlock = "version " + strconv.Itoa(r.Landlock)
	}
	for _, part := range []struct{ name, state string }{
		{"no_new_privs", yes(r.NoNewPrivs)},
		{"rlimits", yes(r.Rlimits)},
		{"Landlock", landlock},
		{"seccomp", yes(r.Seccomp)},
	} {
		fmt.Fprintf(w, "%-13s %s\n", part.name, part.state)
	}
	for _, missing := range r.Missing {
		fmt.Fprintln(w, "not enforced:", missing)
	}
}

func yes(enforced bool) string {
	if enforced {
		return "yes"
	}
	return "no"
}
