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

	"github.com/checky-dev/checky/alerts/tone"
)

// renderOptions are the flags of `checky-alertd render`.
type renderOptions struct {
	sound  soundFlags
	output string
}

func newRenderCommand() *cobra.Command {
	o := renderOptions{}
	command := &cobra.Command{
		Use:   "render (--severity SEVERITY | --pattern PATTERN | --file FILE) -o FILE",
		Short: "Write what would be heard as a WAV file",
		Long: `Write what would be heard as a WAV file: mono, 16 bit, 48 kHz. It needs no sound card.

A severity has the pattern that is heard where no AlertPolicy sets another: low for info and warning, medium for error, high
for critical. A file is a WAV or Ogg Vorbis file of at most 4 MiB and 10 seconds, as in an AlertPolicy.`,
		Example: `  checky-alertd render --severity critical -o tone.wav
  checky-alertd render --pattern recovery --volume 30 -o tone.wav
  checky-alertd render --file bell.ogg --flood -o - | aplay`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return o.run(cmd.OutOrStdout())
		},
	}
	o.sound.bind(command)
	command.Flags().StringVarP(&o.output, "output", "o", "", "file to write; - writes to standard output")
	return command
}

func (o *renderOptions) run(out io.Writer) error {
	if o.output == "" {
		return errors.New("--output: set the file to write, or - for standard output")
	}
	if file, ok := out.(*os.File); ok && o.output == "-" && term.IsTerminal(int(file.Fd())) {
		return errors.New("--output -: standard output is a terminal, which can't show sound: redirect it, or name a file")
	}
	pcm, err := o.pcm()
	if err != nil {
		return err
	}
	return o.write(pcm, out)
}

// pcm is what the flags ask for.
func (o *renderOptions) pcm() (tone.PCM, error) {
	name, file, err := o.sound.read()
	if err != nil {
		return nil, err
	}
	pcm, err := tone.Sound(name, file, o.sound.volume, o.sound.flood)
	if err != nil { // of the file: the name was looked up
		return nil, fmt.Errorf("--file %s: %w", o.sound.file, err)
	}
	return pcm, nil
}

func (o *renderOptions) write(pcm tone.PCM, out io.Writer) error {
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
