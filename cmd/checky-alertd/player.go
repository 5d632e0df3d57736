//go:build linux

package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/audio/player/child"
	"github.com/checky-dev/checky/cmd/program"
)

// newPlayerCommand is the process that plays one sound. The other commands start it; package audio/player describes what it
// reads and writes.
func newPlayerCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "player",
		Short:  "Play one sound, as stdin says; started by the other commands",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			// The end of stdin ends it, and its own deadline; there is nothing to tidy up.
			if code := child.Run(os.Stdin, os.Stdout); code != 0 {
				return &program.ExitError{Code: code}
			}
			return nil
		},
	}
}
