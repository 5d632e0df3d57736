//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/player"
)

func TestPlayJob(t *testing.T) {
	sound := filepath.Join(t.TempDir(), "sound.wav")
	if err := os.WriteFile(sound, []byte("RIFF"), 0o600); err != nil {
		t.Fatal(err)
	}
	large := filepath.Join(t.TempDir(), "large.wav")
	if err := os.WriteFile(large, make([]byte, tone.MaxFileBytes+1), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason  string
		options playOptions
		want    player.Job
		err     string // the flag that is named; empty: no error
	}{
		"Warning":       {reason: "the pattern of a severity", options: playOptions{sound: soundFlags{severity: "warning"}}, want: player.Job{Pattern: "low"}},
		"Critical":      {reason: "the pattern of a severity", options: playOptions{sound: soundFlags{severity: "critical", flood: true}}, want: player.Job{Pattern: "high", Flood: true}},
		"Pattern":       {reason: "one that no severity has", options: playOptions{sound: soundFlags{pattern: "recovery"}}, want: player.Job{Pattern: "recovery"}},
		"File":          {reason: "its bytes are for the player", options: playOptions{sound: soundFlags{file: sound}}, want: player.Job{File: []byte("RIFF")}},
		"BadSeverity":   {reason: "as Kubernetes' own are not", options: playOptions{sound: soundFlags{severity: "Critical"}}, err: "--severity"},
		"BadPattern":    {reason: "not in the table", options: playOptions{sound: soundFlags{pattern: "evacuation"}}, err: "--pattern"},
		"MissingFile":   {reason: "a slip", options: playOptions{sound: soundFlags{file: sound + "x"}}, err: "--file"},
		"LargeFile":     {reason: "too large", options: playOptions{sound: soundFlags{file: large}}, err: "--file"},
		"EmptyFile":     {reason: "nothing to be heard", options: playOptions{sound: soundFlags{file: os.DevNull}}, err: "--file"},
		"BadDevice":     {reason: "it needs sockets", options: playOptions{sound: soundFlags{severity: "info"}, device: "pulse"}, err: "--device"},
		"TooLoud":       {reason: "percent", options: playOptions{sound: soundFlags{severity: "info", volume: 101}}, err: "--volume"},
		"Late":          {reason: "players do not live that long", options: playOptions{sound: soundFlags{severity: "info"}, deadline: 2 * player.MaxDeadline}, err: "--deadline"},
		"NegativeBound": {reason: "no time at all", options: playOptions{sound: soundFlags{severity: "info"}, deadline: -1}, err: "--deadline"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := tc.options
			if o.device == "" {
				o.device = "default"
			}
			if o.sound.volume == 0 {
				o.sound.volume = 50
			}
			if o.deadline == 0 {
				o.deadline = player.DefaultDeadline
			}
			got, err := o.job()
			if tc.err != "" {
				if err == nil || !strings.HasPrefix(err.Error(), tc.err) {
					t.Errorf("%s: error %v, want one that begins with %s", tc.reason, err, tc.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tc.want.Volume = 50
			if diff := cmp.Diff(tc.want, got, cmp.Comparer(func(a, b player.Job) bool {
				return a.Pattern == b.Pattern && string(a.File) == string(b.File) && a.Flood == b.Flood && a.Volume == b.Volume && a.Device == b.Device
			})); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

func TestPlayWantsOneSound(t *testing.T) {
	for name, args := range map[string][]string{"None": {}, "Two": {"--severity", "error", "--pattern", "low"}} {
		t.Run(name, func(t *testing.T) {
			command := newPlayCommand()
			command.SetArgs(args)
			command.SilenceErrors, command.SilenceUsage = true, true
			if err := command.Execute(); err == nil {
				t.Errorf("play %v is taken", args)
			}
		})
	}
}
