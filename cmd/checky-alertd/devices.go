//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/checky-dev/checky/audio/device"
)

func newDevicesCommand() *cobra.Command {
	var format string
	command := &cobra.Command{
		Use:   "devices",
		Short: "List the sound cards that can play",
		Long: `List the sound cards of this machine that can play, the name of each for --device, and whether this user may play on it: open, busy
(another program plays on it), denied (join the group audio, or give the container the device), or absent (the kernel
has it, but its file is not in /dev/snd here).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return errors.New("--output: it is text or json")
			}
			cards, err := device.List()
			if err != nil {
				return err
			}
			if format == "json" {
				return writeDevicesJSON(cmd.OutOrStdout(), cards)
			}
			return writeDevices(cmd.OutOrStdout(), cards)
		},
	}
	command.Flags().StringVarP(&format, "output", "o", "text", "format: text, json")
	return command
}

// deviceList is what -o json prints.
type deviceList struct {
	Cards []device.Card `json:"cards"`
}

func writeDevicesJSON(w io.Writer, cards []device.Card) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(deviceList{Cards: cards})
}

func writeDevices(w io.Writer, cards []device.Card) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	count, open := 0, 0
	for _, card := range cards {
		for _, pcm := range card.Playback {
			if count == 0 {
				fmt.Fprintln(table, "DEVICE\tACCESS\tCARD\tNAME")
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", pcm.Use, pcm.Access, orNumber(card), pcm.Name)
			count++
			if pcm.Access == device.Open || pcm.Access == device.Busy {
				open++
			}
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	switch {
	case count == 0:
		fmt.Fprintln(w, noDevices)
	case open == 0:
		fmt.Fprintln(w, noAccess)
	}
	return nil
}

// orNumber is a card's name; /proc/asound, which has it, is hidden in most containers.
func orNumber(card device.Card) string {
	if card.Name != "" {
		return card.Name
	}
	return fmt.Sprintf("card %d", card.Index)
}

const (
	noDevices = `There is no sound card that can play.
On a machine: load its driver (lsmod | grep snd), and see that /dev/snd is there.
In a container: give it the devices in /dev/snd, by a device plugin or a hostPath volume.
To try Checky without one: --device record:/tmp/sounds writes files.`
	noAccess = `None of them can be played on by this user.
On a machine: add the user to the group that owns /dev/snd, which is audio on most.
In a container: give it the devices in /dev/snd, and that group's number as a supplemental group.`
)
