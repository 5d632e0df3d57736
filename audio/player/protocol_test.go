//go:build linux

package player_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/audio/player"
)

func framed(text string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)
}

const soundHeader = `{"pattern":"low","volume":50,"device":"default","deadline":1000000000}`

// TestHeadersThatAreRefused gives them to the real program.
func TestHeadersThatAreRefused(t *testing.T) {
	long := soundHeader + strings.Repeat(" ", player.MaxHeaderBytes)
	cases := map[string]struct {
		reason string
		stdin  []byte
	}{
		"Nothing":   {reason: "started by hand"},
		"Text":      {reason: "typed by hand", stdin: []byte("hello, is there anybody?")},
		"Short":     {reason: "a parent that was killed meanwhile", stdin: framed(soundHeader)[:20]},
		"TooLong":   {reason: "no header is that long", stdin: framed(long)},
		"Endless":   {reason: "a length is not believed", stdin: append([]byte{255, 255, 255, 255}, soundHeader...)},
		"NoJSON":    {reason: "it is not read leniently", stdin: framed(`{"pattern":`)},
		"Unknown":   {reason: "another version's field would be ignored", stdin: framed(`{"loud":true,` + soundHeader[1:])},
		"Twice":     {reason: "which one counts?", stdin: framed(soundHeader + soundHeader)},
		"Volume":    {reason: "out of range", stdin: framed(strings.Replace(soundHeader, "50", "101", 1))},
		"Pattern":   {reason: "not in the table", stdin: framed(strings.Replace(soundHeader, "low", "evacuation", 1))},
		"Device":    {reason: "not a name", stdin: framed(strings.Replace(soundHeader, "default", "pulse", 1))},
		"Deadline":  {reason: "it would live too long", stdin: framed(strings.Replace(soundHeader, "1000000000", "61000000000", 1))},
		"NoFile":    {reason: "what is recorded to is not there", stdin: framed(strings.Replace(soundHeader, "default", "record:/tmp", 1))},
		"FileShort": {reason: "the file is not all there", stdin: framed(strings.Replace(soundHeader, `"pattern":"low"`, `"fileBytes":100`, 1))},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(alertd, "player")
			cmd.Stdin = bytes.NewReader(tc.stdin)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			var exit *exec.ExitError
			if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
				t.Errorf("%s: it ended with %v, want exit code 1", tc.reason, err)
			}
			lines := bytes.Split(bytes.TrimSpace(stdout.Bytes()), []byte("\n"))
			var m player.Message
			if err := json.Unmarshal(lines[len(lines)-1], &m); err != nil || m.Failure == nil {
				t.Errorf("%s: it said %q, want a failure", tc.reason, stdout.Bytes())
			}
			if stderr.Len() > 0 {
				t.Errorf("%s: it complained %q", tc.reason, stderr.Bytes())
			}
		})
	}
}

// TestPlayerEndsWithStdin: without the kernel's help, too, a player does not outlive its parent.
func TestPlayerEndsWithStdin(t *testing.T) {
	cmd := exec.Command(alertd, "player")
	dir := folder(t)
	recording, err := os.Create(filepath.Join(dir, "burst-0001.raw.part"))
	if err != nil {
		t.Fatal(err)
	}
	defer recording.Close()
	cmd.ExtraFiles = append(cmd.ExtraFiles, recording)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	header := player.Header{Pattern: "high", Volume: 50, Device: "record-realtime:" + dir, Deadline: time.Minute}
	if err := player.WriteHeader(stdin, header); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "it plays", func() bool { return plays(dir) })
	stdin.Close()
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("it ended with %v, want exit code 3", err)
	}
}

// TestPlayerEndsByItself: where the parent hangs and does not kill it.
func TestPlayerEndsByItself(t *testing.T) {
	cmd := exec.Command(alertd, "player")
	dir := folder(t)
	recording, err := os.Create(filepath.Join(dir, "burst-0001.raw.part"))
	if err != nil {
		t.Fatal(err)
	}
	defer recording.Close()
	cmd.ExtraFiles = append(cmd.ExtraFiles, recording)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	header := player.Header{Pattern: "high", Flood: true, Volume: 50, Device: "record-realtime:" + dir, Deadline: time.Millisecond}
	if err := player.WriteHeader(stdin, header); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 4 {
		t.Errorf("it ended with %v, want exit code 4", err)
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	want := player.Header{
		Pattern: "high", Flood: true, Volume: 80, Device: "record:/" + strings.Repeat("ö", 2000), Probe: true, Deadline: 20 * time.Second,
	}
	var b bytes.Buffer
	if err := player.WriteHeader(&b, want); err != nil {
		t.Fatal(err)
	}
	b.WriteString("the file")
	got, err := player.ReadHeader(&b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if rest, _ := io.ReadAll(&b); string(rest) != "the file" {
		t.Errorf("%q is left", rest)
	}
}

func FuzzReadHeader(f *testing.F) {
	f.Add(framed(soundHeader))
	f.Add(framed(`{"fileBytes":4194304,"flood":true,"volume":1,"device":"hw:0","deadline":1}`))
	f.Add(framed(`{"silent":true,"volume":1,"device":"record:/tmp","deadline":1}`))
	f.Add([]byte{0, 0, 64, 1})
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := player.ReadHeader(bytes.NewReader(data))
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := player.WriteHeader(&b, h); err != nil {
			t.Fatal(err)
		}
		again, err := player.ReadHeader(&b)
		if err != nil || again != h {
			t.Errorf("%+v is read back as %+v, %v", h, again, err)
		}
	})
}
