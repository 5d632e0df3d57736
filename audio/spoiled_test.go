//go:build linux

package audio

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
	"github.com/checky-dev/checky/audio/player"
	"github.com/checky-dev/checky/audio/sandbox"
	"github.com/checky-dev/checky/audio/trace"
	"github.com/checky-dev/checky/cmd/checky/controlplane/controlplanetest"
)

// What this program is when it is not the tests: a player that a file brings down, and that plays patterns.
const roleFragile = "fragile"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == roleFragile {
		fragile(os.Args[2])
		return
	}
	controlplanetest.Main(m)
}

func fragile(how string) {
	h, err := player.ReadHeader(os.Stdin)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	say := json.NewEncoder(os.Stdout)
	length := time.Second
	err = say.Encode(player.Message{Sandbox: &sandbox.Report{NoNewPrivs: true}})
	if h.FileBytes > 0 {
		if how == "started" {
			err = errors.Join(err, say.Encode(player.Message{Started: &length}))
		}
		err = errors.Join(err, syscall.Kill(os.Getpid(), syscall.SIGKILL)) // as the kernel does at the limit of processor time, or for want of memory
	}
	if err == nil {
		err = say.Encode(player.Message{Started: &length})
	}
	if err == nil {
		err = say.Encode(player.Message{Ended: true})
	}
	if err != nil {
		os.Exit(1)
	}
}

// TestAFileThatBringsThePlayerDownIsNotTriedForEver: the failure is heard as a pattern.
func TestAFileThatBringsThePlayerDownIsNotTriedForEver(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason   string
		want     dispatch.Result
		unusable float64
	}{
		"dies":    {"its decoder used up what it may", dispatch.Played, 1},
		"started": {"the file was decoded: the next attempt may succeed", dispatch.Failed, 0},
	}
	for how, tc := range cases {
		t.Run(how, func(t *testing.T) {
			options := DefaultOptions()
			options.NodeName, options.TonesDir = "node-1", t.TempDir()
			if err := os.WriteFile(filepath.Join(options.TonesDir, "bell.wav"), []byte("sound"), 0o600); err != nil {
				t.Fatal(err)
			}
			d := &daemon{options: options, log: logr.Discard(), began: time.Now()}
			registry := prometheus.NewRegistry()
			if d.metrics, err = trace.New(registry, func() int { return 0 }); err != nil {
				t.Fatal(err)
			}
			d.events = trace.NewEvents(nil, "node-1", trace.EventOptions{})
			s, err := newSpeaker(d)
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			s.player = player.Player{Command: []string{self, roleFragile, how}}
			result := s.announce(t.Context(), &dispatch.Announcement{
				Kind: dispatch.First, Severity: v1alpha1.SeverityCritical, Policy: alerts.Default(), Tone: v1alpha1.Tone{File: "bell.wav"}, Count: 1,
			})
			if result != tc.want {
				t.Errorf("%s: %s, want %s", tc.reason, result, tc.want)
			}
			families, err := registry.Gather()
			if err != nil {
				t.Fatal(err)
			}
			for _, family := range families {
				if family.GetName() == "checky_alertd_unusable_tones_total" && family.Metric[0].Counter.GetValue() != tc.unusable {
					t.Errorf("%s: %v sounds were unusable, want %v", tc.reason, family.Metric[0].Counter.GetValue(), tc.unusable)
				}
			}
		})
	}
}

func TestSpoiled(t *testing.T) {
	started := time.Now()
	cases := map[string]struct {
		reason  string
		started time.Time
		err     error
		want    bool
	}{
		"BadFile":          {"the player says so", time.Time{}, player.ErrBadFile, true},
		"Died":             {"its decoder used up what it may", time.Time{}, player.ErrDied, true},
		"DeadlineBefore":   {"its decoder has no end", time.Time{}, player.ErrDeadline, true},
		"DeadlineMeantime": {"the card hangs, not the decoder", started, player.ErrDeadline, false},
		"DiedMeantime":     {"it was decoded before", started, player.ErrDied, false},
		"NoDevice":         {"a pattern would find none either", time.Time{}, player.ErrNoDevice, false},
		"Interrupted":      {"somebody asked for it", time.Time{}, player.ErrInterrupted, false},
		"Played":           {"all is well", started, nil, false},
	}
	for name, tc := range cases {
		if got := spoiled(&player.Report{Started: tc.started}, tc.err); got != tc.want {
			t.Errorf("%s: %s: got %v, want %v", name, tc.reason, got, tc.want)
		}
	}
}
