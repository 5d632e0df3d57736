//go:build linux

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/measure"
)

// rendered runs the command and returns what it wrote to standard output.
func rendered(args ...string) ([]byte, error) {
	var out bytes.Buffer
	command := newRenderCommand()
	command.SetArgs(args)
	command.SetOut(&out)
	command.SetErr(&bytes.Buffer{})
	command.SilenceErrors, command.SilenceUsage = true, true
	err := command.Execute()
	return out.Bytes(), err
}

func TestRender(t *testing.T) {
	medium, _ := tone.ByName("medium")
	var file bytes.Buffer
	if err := medium.Render(100).WriteWAV(&file); err != nil {
		t.Fatal(err)
	}
	sound := filepath.Join(t.TempDir(), "sound.wav")
	if err := os.WriteFile(sound, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		args   []string
		want   string
		peak   int16
	}{
		"info":     {"the pattern of a severity", []string{"--severity", "info"}, "low", 26214},
		"warning":  {"the pattern of a severity", []string{"--severity", "warning"}, "low", 26214},
		"error":    {"the pattern of a severity", []string{"--severity", "error"}, "medium", 26214},
		"critical": {"the pattern of a severity", []string{"--severity", "critical"}, "high", 26214},
		"recovery": {"a pattern by its name", []string{"--pattern", "recovery", "--volume", "10"}, "recovery", 3277},
		"flood":    {"the flood alone", []string{"--pattern", "flood"}, "flood", 26214},
		"many":     {"the flood after a tone", []string{"--severity", "critical", "--flood"}, "high+flood", 26214},
		"file":     {"a file at a volume", []string{"--file", sound, "--volume", "50"}, "medium", 16384},
		"many and file": {"the flood after a file, at its volume",
			[]string{"--file", sound, "--volume", "50", "--flood"}, "medium+flood", 16384},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			// To a file and to standard output: the bytes are the same.
			path := filepath.Join(t.TempDir(), "tone.wav")
			if out, err := rendered(append(c.args, "-o", path)...); err != nil || len(out) > 0 {
				t.Fatalf("%s: %v, and %d bytes on standard output", c.reason, err, len(out))
			}
			written, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			piped, err := rendered(append(c.args, "-o", "-")...)
			if err != nil || !bytes.Equal(piped, written) {
				t.Errorf("%s: %v, and not the same on standard output", c.reason, err)
			}
			samples, err := measure.ReadRaw(bytes.NewReader(written[44:]), 1)
			if err != nil {
				t.Fatal(err)
			}
			if got := measure.Analyse(samples, tone.SampleRate); got.Pattern != c.want {
				t.Errorf("%s: measured as %q; %q was expected", c.reason, got.Pattern, c.want)
			}
			highest := int16(0)
			for _, sample := range samples {
				highest = max(highest, sample, -sample)
			}
			if highest != c.peak {
				t.Errorf("%s: the largest sample is %d; %d was expected", c.reason, highest, c.peak)
			}
		})
	}
}

func TestRenderRefuses(t *testing.T) {
	folder := t.TempDir()
	text := filepath.Join(folder, "text.wav")
	if err := os.WriteFile(text, []byte("no sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		args   []string
		names  string // the flag that is to be told of
	}{
		"nothing":          {"one of three is needed", []string{"-o", "-"}, "severity pattern file"},
		"two":              {"only one of three", []string{"--severity", "error", "--pattern", "low", "-o", "-"}, "pattern severity"},
		"no output":        {"nowhere to write", []string{"--severity", "error"}, "--output"},
		"severity":         {"no such severity", []string{"--severity", "fatal", "-o", "-"}, "--severity"},
		"pattern":          {"no such pattern", []string{"--pattern", "evacuation", "-o", "-"}, "--pattern"},
		"volume 0":         {"nothing to hear", []string{"--pattern", "low", "--volume", "0", "-o", "-"}, "--volume"},
		"volume 101":       {"more than there is", []string{"--pattern", "low", "--volume", "101", "-o", "-"}, "--volume"},
		"missing file":     {"no such file", []string{"--file", filepath.Join(folder, "none.wav"), "-o", "-"}, "--file"},
		"no sound":         {"a file of another kind", []string{"--file", text, "-o", "-"}, "--file"},
		"a folder":         {"no file", []string{"--file", folder, "-o", "-"}, "--file"},
		"endless":          {"a file without an end", []string{"--file", "/dev/zero", "-o", "-"}, "--file"},
		"output elsewhere": {"no such folder", []string{"--pattern", "low", "-o", filepath.Join(folder, "none", "tone.wav")}, "--output"},
		"full disk":        {"no room", []string{"--pattern", "low", "-o", "/dev/full"}, "--output"},
		"argument":         {"an argument that would be ignored", []string{"critical"}, "critical"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := rendered(c.args...)
			if err == nil || len(out) > 0 {
				t.Fatalf("%s: %v, and %d bytes on standard output", c.reason, err, len(out))
			}
			for word := range strings.FieldsSeq(c.names) {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%s: the error does not name %s: %v", c.reason, word, err)
				}
			}
		})
	}
}

func TestRenderRefusesATerminal(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	o := renderOptions{sound: soundFlags{pattern: "low", volume: 80}, output: "-"}
	if err := o.run(terminal); err == nil || !strings.Contains(err.Error(), "--output") {
		t.Errorf("sound goes to a terminal: %v", err)
	}
}
