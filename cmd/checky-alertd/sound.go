//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// soundFlags say what is to be heard, and how loud: those that play and render share.
type soundFlags struct {
	severity, pattern, file string // one of them is set
	volume                  int
	flood                   bool
}

func (s *soundFlags) bind(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&s.severity, "severity", "", "the pattern of this severity: info, warning, error or critical")
	flags.StringVar(&s.pattern, "pattern", "", "this built-in pattern: low, medium, high, recovery or flood")
	flags.StringVar(&s.file, "file", "", "this WAV or Ogg Vorbis file")
	flags.IntVar(&s.volume, "volume", alerts.Default().Volume, "volume in percent of full scale, of a file's own level with --file; from 1 to 100")
	flags.BoolVar(&s.flood, "flood", false, "let the flood signal follow, as after the worst of many failures")
	command.MarkFlagsMutuallyExclusive("severity", "pattern", "file")
	command.MarkFlagsOneRequired("severity", "pattern", "file")
}

// read gives the pattern's name or the file's content. Its errors name the flag.
func (s *soundFlags) read() (pattern string, file []byte, err error) {
	if s.volume < 1 || s.volume > 100 {
		return "", nil, fmt.Errorf("--volume %d: must be from 1 to 100", s.volume)
	}
	switch {
	case s.file != "":
		file, err = readSound(s.file)
		return "", file, err
	case s.severity != "":
		severity := v1alpha1.Severity(s.severity)
		if alerts.Rank(severity) == 0 {
			return "", nil, fmt.Errorf("--severity %q: must be info, warning, error or critical", s.severity)
		}
		return string(alerts.Pattern(severity)), nil, nil
	}
	if _, ok := tone.ByName(s.pattern); !ok {
		return "", nil, fmt.Errorf("--pattern %q: must be low, medium, high, recovery or flood", s.pattern)
	}
	return s.pattern, nil, nil
}

// readSound reads no more of a file than can be played, which need not end.
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
