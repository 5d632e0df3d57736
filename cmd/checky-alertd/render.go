//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// render are the flags of `checky-alertd render`.
type render struct {
	severity string
	pattern  string
	file     string
	volume   int
	flood    bool
	output   string
}

func newRenderCommand() *cobra.Command {
	o := render{}
	command := &cobra.Command{
		Use:   "render (--severity SEVERITY | --pattern PATTERN | --file FILE) -o FILE",
		Short: "Write what would be heard as a WAV file",
		Long: `Write what would be heard as a WAV file: mono, 16 bit, 48 kHz. It needs no sound card.

A severity has the pattern that is heard where no AlertPolicy sets another: low for info and warning, medium for error, high
for critical. A file is a WAV or Ogg Vorbis file of at most 4 MiB and 10 seconds, as in an AlertPolicy.`,
		Example: `  checky-alertd render --severity critical -o tone.wav
  checky-alertd render --pattern recovery --volume 30 -o tone.wav
  checky-alertd render --file bell.ogg --flood -o - | aplay`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.OutOrStdout())
		},
	}
	flags := command.Flags()
	flags.StringVar(&o.severity, "severity", "", "render the pattern of this severity: info, warning, error or critical")
	flags.StringVar(&o.pattern, "pattern", "", "render this pattern: low, medium, high, recovery or flood")
	flags.StringVar(&o.file, "file", "", "render this WAV or Ogg Vorbis file as it would be played")
	flags.IntVar(&o.volume, "volume", 80, "volume in percent of full scale, of a file's own level with --file; from 1 to 100")
	flags.BoolVar(&o.flood, "flood", false, "add the pattern flood, as for many failures at once")
	flags.StringVarP(&o.output, "output", "o", "", "file to write; - writes to standard output")
	command.MarkFlagsMutuallyExclusive("severity", "pattern", "file")
	command.MarkFlagsOneRequired("severity", "pattern", "file")
	return command
}

func (o *render) run(out io.Writer) error {
	if o.volume < 1 || o.volume > 100 {
		return fmt.Errorf("--volume %d: must be from 1 to 100", o.volume)
	}
	if o.output == "" {
		return errors.New("--output: set the file to write, or - for standard output")
	}
	if file, ok := out.(*os.File); ok && o.output == "-" && term.IsTerminal(int(file.Fd())) {
		return errors.New("--output -: standard output is a terminal, which can't show sound: redirect it, or name a file")
	}
	pcm, err := o.sound()
	if err != nil {
		return err
	}
	if o.flood {
		flood, _ := tone.ByName("flood")
		pcm = tone.Join(tone.FloodGap, pcm, flood.Render(o.volume))
	}
	return o.write(pcm, out)
}

// sound is what the flags ask for.
func (o *render) sound() (tone.PCM, error) {
	name := o.pattern
	switch {
	case o.file != "":
		return o.decode()
	case o.severity != "":
		severity := v1alpha1.Severity(o.severity)
		if alerts.Rank(severity) == 0 {
			return nil, fmt.Errorf("--severity %q: must be info, warning, error or critical", o.severity)
		}
		name = string(alerts.Pattern(severity))
	}
	pattern, ok := tone.ByName(name)
	if !ok {
		return nil, fmt.Errorf("--pattern %q: must be low, medium, high, recovery or flood", name)
	}
	return pattern.Render(o.volume), nil
}

// decode reads no more of a file than one may have, and a byte, by which the decoder sees that it has more.
func (o *render) decode() (tone.PCM, error) {
	file, err := os.Open(o.file)
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, tone.MaxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("--file: %w", err)
	}
	pcm, err := tone.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("--file %s: %w", o.file, err)
	}
	return pcm.Scale(o.volume), nil
}

func (o *render) write(pcm tone.PCM, out io.Writer) error {
	var encoded bytes.Buffer
	if err := pcm.WriteWAV(&encoded); err != nil {
		return err
	}
	if o.output == "-" {
		if _, err := out.Write(encoded.Bytes()); err != nil {
			return fmt.Errorf("--output -: %w", err)
		}
		return nil
	}
	file, err := os.Create(o.output)
	if err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	_, err = file.Write(encoded.Bytes())
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}
