//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/audio/device"
	"github.com/checky-dev/checky/audio/player"
	"github.com/checky-dev/checky/cmd/program"
)

// playOptions are the flags of `checky-alertd play`.
type playOptions struct {
	sound    soundFlags
	device   string
	deadline time.Duration
}

func newPlayCommand() *cobra.Command {
	o := playOptions{}
	command := &cobra.Command{
		Use:   "play --severity SEVERITY | --pattern NAME | --file FILE",
		Short: "Play a sound now, as an announcement would be played",
		Long: `Play a sound now, as an announcement would be played: in a process of its own, in the sandbox, on the device given.

Exit code 0: it was played. 1: it was not, for the reason given. 2: a flag or a file is wrong.`,
		Example: `  checky-alertd play --severity critical
  checky-alertd play --file siren.ogg --volume 40 --device plughw:CARD=PCH,DEV=0
  checky-alertd play --pattern medium --flood --device record:/tmp/sounds`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	o.sound.bind(command)
	flags := command.Flags()
	flags.StringVar(&o.device, "device", "default", deviceUsage)
	flags.DurationVar(&o.deadline, "deadline", player.DefaultDeadline, "how long playing may take in all before it is given up, at most "+player.MaxDeadline.String())
	return command
}

const deviceUsage = "where sound goes: default (the first card), plughw:CARD,DEVICE (checky-alertd devices lists them), or record:DIR to write a file in place of sound"

func (o *playOptions) run(ctx context.Context, out, errOut io.Writer) error {
	job, err := o.job()
	if err != nil {
		return err
	}
	p := &player.Player{
		Deadline: o.deadline,
		Stderr:   func(line string) { fmt.Fprintln(errOut, line) },
	}
	report, err := p.Play(ctx, job)
	for _, missing := range report.Sandbox.Missing {
		fmt.Fprintln(errOut, "sandbox: not enforced:", missing)
	}
	if err != nil {
		return &program.ExitError{Code: program.ExitFailure, Err: withAdvice(err)}
	}
	fmt.Fprintf(out, "played %s on %s\n", report.Length.Round(10*time.Millisecond), job.Device)
	return nil
}

// job reads the flags.
func (o *playOptions) job() (player.Job, error) {
	target, err := device.Parse(o.device)
	if err != nil {
		return player.Job{}, fmt.Errorf("--device: %w", err)
	}
	if o.deadline <= 0 || o.deadline > player.MaxDeadline {
		return player.Job{}, fmt.Errorf("--deadline: it is more than 0s and at most %s", player.MaxDeadline)
	}
	pattern, file, err := o.sound.read()
	if err != nil {
		return player.Job{}, err
	}
	return player.Job{Pattern: pattern, File: file, Flood: o.sound.flood, Volume: o.sound.volume, Device: target}, nil
}

// withAdvice says what to do about a device that is not there.
func withAdvice(err error) error {
	if errors.Is(err, player.ErrNoDevice) {
		return fmt.Errorf("%w; `checky-alertd devices` lists those of this machine", err)
	}
	return err
}
