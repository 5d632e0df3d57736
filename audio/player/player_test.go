//go:build linux

package player_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/player"
)

func TestPatternsAreHeard(t *testing.T) {
	for _, pattern := range tone.Patterns() {
		t.Run(pattern.Name, func(t *testing.T) {
			defer leavesNothing(t)()
			want := pattern.Render(70)
			report, samples := play(t, newPlayer(), player.Job{Pattern: pattern.Name, Volume: 70})
			if err := holds(samples, want); err != nil {
				t.Error(err)
			}
			if report.Length != want.Length() || report.Started.IsZero() {
				t.Errorf("started at %v for %v, want some time and %v", report.Started, report.Length, want.Length())
			}
			if s := report.Sandbox; !s.NoNewPrivs || s.Landlock == 0 || !s.Seccomp || !s.Rlimits || len(s.Missing) > 0 {
				t.Errorf("sandbox: %+v", s)
			}
		})
	}
}

func TestFloodFollows(t *testing.T) {
	high, _ := tone.ByName("high")
	flood, _ := tone.ByName("flood")
	_, samples := play(t, newPlayer(), player.Job{Pattern: "high", Flood: true, Volume: 50})
	if err := holds(samples, tone.Join(tone.FloodGap, high.Render(50), flood.Render(50))); err != nil {
		t.Error(err)
	}
}

func TestFileIsHeard(t *testing.T) {
	pattern, _ := tone.ByName("recovery")
	pcm := pattern.Render(100)
	var wav bytes.Buffer
	if err := pcm.WriteWAV(&wav); err != nil {
		t.Fatal(err)
	}
	_, samples := play(t, newPlayer(), player.Job{File: wav.Bytes(), Volume: 30})
	if err := holds(samples, pcm.Scale(30)); err != nil {
		t.Error(err)
	}
}

// TestSilence: whether a device can be reached is found out without a sound, and without a recording.
func TestSilence(t *testing.T) {
	dir := folder(t)
	report, err := newPlayer().Play(t.Context(), player.Job{Silent: true, Volume: 1, Device: parse(t, "record:"+dir)})
	if err != nil || report.Started.IsZero() {
		t.Errorf("it started at %v, and ended with %v", report.Started, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("there are recordings: %v, %v", left, err)
	}
}

func TestJobsThatAreRefused(t *testing.T) {
	defer leavesNothing(t)()
	dir := folder(t)
	notAFolder := filepath.Join(dir, "file")
	if err := os.WriteFile(notAFolder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	record := parse(t, "record:"+filepath.Join(dir, "recordings"))
	cases := map[string]struct {
		reason string
		job    player.Job
		want   error // nil: any
	}{
		"NoCard":       {reason: "this machine has none of that number", job: player.Job{Pattern: "low", Volume: 50, Device: parse(t, "hw:31")}, want: player.ErrNoDevice},
		"NoCardByID":   {reason: "nor of that id", job: player.Job{Pattern: "low", Volume: 50, Device: parse(t, "hw:NoSuchCard")}, want: player.ErrNoDevice},
		"NoFolder":     {reason: "there is no folder to record to", job: player.Job{Pattern: "low", Volume: 50, Device: parse(t, "record:"+notAFolder)}, want: player.ErrNoDevice},
		"Garbage":      {reason: "no decoder takes it", job: player.Job{File: []byte("RIFF....WAVEgarbage"), Volume: 50, Device: record}, want: player.ErrBadFile},
		"LargeGarbage": {reason: "the largest file that is taken at all", job: player.Job{File: bytes.Repeat([]byte("OggS"), tone.MaxFileBytes/4), Volume: 50, Device: record}, want: player.ErrBadFile},
		"TooLarge":     {reason: "it is not even sent", job: player.Job{File: make([]byte, tone.MaxFileBytes+1), Volume: 50, Device: record}, want: player.ErrBadFile},
		"EmptyFile":    {reason: "a file without a sound", job: player.Job{File: []byte{}, Volume: 50, Device: record}, want: player.ErrBadFile},
		"Pattern":      {reason: "it is not in the table", job: player.Job{Pattern: "evacuation", Volume: 50, Device: record}},
		"Both":         {reason: "which one?", job: player.Job{Pattern: "low", File: []byte("x"), Volume: 50, Device: record}},
		"Volume":       {reason: "silence is no sound", job: player.Job{Pattern: "low", Device: record}},
		"Loud":         {reason: "it would clip", job: player.Job{Pattern: "low", Volume: 101, Device: record}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			report, err := newPlayer().Play(t.Context(), tc.job)
			if err == nil || tc.want != nil && !errors.Is(err, tc.want) {
				t.Fatalf("%s: error %v, want %v", tc.reason, err, tc.want)
			}
			if !report.Started.IsZero() {
				t.Errorf("%s: it started", tc.reason)
			}
			if text := err.Error(); len(text) > 8<<10 || strings.ContainsAny(text, "\n\x1b") {
				t.Errorf("%s: %q is no line for a log", tc.reason, text)
			}
		})
	}
	if left, err := os.ReadDir(record.Recording()); err != nil || len(left) > 0 {
		t.Errorf("recordings of nothing are left: %v, %v", left, err)
	}
}

// TestFileIsDecodedInTheSandbox: what a stranger made is not looked at before the sandbox stands.
func TestFileIsDecodedInTheSandbox(t *testing.T) {
	report, err := newPlayer().Play(t.Context(), player.Job{File: []byte("garbage"), Volume: 50, Device: parse(t, "record:"+folder(t))})
	if !errors.Is(err, player.ErrBadFile) {
		t.Fatal(err)
	}
	if !report.Sandbox.Seccomp || report.Sandbox.Landlock == 0 {
		t.Errorf("sandbox: %+v", report.Sandbox)
	}
}

// TestFullDisk: what cannot be written is no sound that was heard.
func TestFullDisk(t *testing.T) {
	defer leavesNothing(t)()
	dir := folder(t)
	p := &player.Player{Command: []string{"/bin/sh", "-c", `ulimit -f 1; exec "$0" player`, alertd}}
	_, err := p.Play(t.Context(), player.Job{Pattern: "high", Volume: 50, Device: parse(t, "record:"+dir)})
	if !errors.Is(err, player.ErrNoDevice) {
		t.Errorf("error %v, want ErrNoDevice", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "burst-0001.raw.cut")); err != nil {
		t.Error(err)
	}
}

// TestPlayCommand is what somebody runs who sets a room up.
func TestPlayCommand(t *testing.T) {
	critical, _ := tone.ByName("high")
	dir := folder(t)
	text, err := exec.Command(alertd, "play", "--severity", "critical", "--volume", "25", "--device", "record:"+dir).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(text), "played ") {
		t.Fatalf("%v: %s", err, text)
	}
	if err := holds(recorded(t, filepath.Join(dir, "burst-0001.raw")), critical.Render(25)); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	text, err = exec.Command(alertd, "play", "--severity", "critical", "--device", "hw:31").CombinedOutput()
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(string(text), "checky-alertd devices") {
		t.Errorf("without a card: %v: %s", err, text)
	}
}

// TestALSAComplains: what alsa-lib prints is handed on, and is one line.
func TestALSAComplains(t *testing.T) {
	p := newPlayer()
	var complaints []string
	p.Stderr = func(line string) { complaints = append(complaints, line) }
	if _, err := p.Play(t.Context(), player.Job{Pattern: "low", Volume: 50, Device: parse(t, "hw:31")}); err == nil {
		t.Fatal("it was played")
	}
	if len(complaints) == 0 || !strings.Contains(complaints[0], "ALSA") {
		t.Errorf("complaints: %q", complaints)
	}
}
