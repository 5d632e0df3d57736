//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/device"
	"github.com/checky-dev/checky/audio/player"
	"github.com/checky-dev/checky/cmd/program"
)

// playOptions are the flags of `checky-alertd play`.
type playOptions struct {
	severity, pattern, file string
	device                  string
	volume                  int
	flood                   bool
	deadline                time.Duration
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
	flags := command.Flags()
	flags.StringVar(&o.severity, "severity", "", "play the pattern of a severity: info, warning, error or critical")
	flags.StringVar(&o.pattern, "pattern", "", "play a built-in pattern: low, medium, high, recovery or flood")
	flags.StringVar(&o.file, "file", "", "play a WAV or Ogg Vorbis file")
	command.MarkFlagsMutuallyExclusive("severity", "pattern", "file")
	command.MarkFlagsOneRequired("severity", "pattern", "file")
	flags.StringVar(&o.device, "device", "default", deviceUsage)
	flags.IntVar(&o.volume, "volume", alerts.Default().Volume, "volume, 1 to 100, in percent of full scale")
	flags.BoolVar(&o.flood, "flood", false, "let the flood signal follow, as after the worst of many failures")
	flags.DurationVar(&o.deadline, "deadline", player.DefaultDeadline, "how long playing may take in all before it is given up, at most "+player.MaxDeadline.String())
	return command
}

const deviceUsage = "where sound goes: default (the first card), plughw:CARD,DEVICE (see `checky-alertd devices`), or record:DIR to write a file in place of sound"

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
	if o.volume < 1 || o.volume > 100 {
		return player.Job{}, errors.New("--volume: it is 1 to 100")
	}
	if o.deadline <= 0 || o.deadline > player.MaxDeadline {
		return player.Job{}, fmt.Errorf("--deadline: it is more than 0s and at most %s", player.MaxDeadline)
	}
	job := player.Job{Flood: o.flood, Volume: o.volume, Device: target}
	switch {
	case o.file != "":
		job.File, err = readSound(o.file)
	case o.severity != "":
		severity := v1alpha1.Severity(o.severity)
		if alerts.Rank(severity) == 0 {
			return player.Job{}, errors.New("--severity: it is info, warning, error or critical")
		}
		job.Pattern = string(alerts.Pattern(severity))
	default:
		if _, ok := tone.ByName(o.pattern); !ok {
			return player.Job{}, errors.New("--pattern: it is low, medium, high, recovery or flood")
		}
		job.Pattern = o.pattern
	}
	return job, err
}

// readSound reads no more of a file than can be played.
func readSound(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	defer file.Close() //nolint:errcheck // it was only read
	data, err := io.ReadAll(io.LimitReader(file, tone.MaxFileBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("--file: %w", err)
	case len(data) == 0:
		return nil, errors.New("--file: it is empty")
	case len(data) > tone.MaxFileBytes:
		return nil, fmt.Errorf("--file: a sound has at most %d bytes", tone.MaxFileBytes)
	}
	return data, nil
}

// withAdvice says what to do about a device that is not there.
func withAdvice(err error) error {
	if errors.Is(err, player.ErrNoDevice) {
		return fmt.Errorf("%w; `checky-alertd devices` lists those of this machine", err)
	}
	return err
}
