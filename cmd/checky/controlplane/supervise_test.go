package controlplane

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSupervise(t *testing.T) {
	dir := t.TempDir()
	cases := map[string]struct {
		reason string
		args   []string
		gone   bool // the owner is gone from the start
		code   int
		output string
	}{
		"Ends":       {reason: "output and exit code are the command's", args: []string{"--", "sh", "-c", "echo done; exit 7"}, code: 7, output: "done\n"},
		"Succeeds":   {reason: "a command that ends well ends its supervisor well", args: []string{"--", "true"}},
		"Signalled":  {reason: "a command that was killed has no exit code of its own", args: []string{"--", "sh", "-c", "kill -9 $$"}, code: 1},
		"OwnerGone":  {reason: "the command is stopped", args: []string{"--", "sleep", "600"}, gone: true},
		"Stubborn":   {reason: "a command whose data is temporary is killed at once, whatever it thinks of that", args: []string{"-temporary", dir, "--", "sh", "-c", "trap '' TERM; exec sleep 600"}, gone: true},
		"NoMark":     {reason: "its children don't take themselves for supervisors", args: []string{"--", "sh", "-c", "echo ${" + superviseEnv + "-unset}"}, output: "unset\n"},
		"NoCommand":  {reason: "nothing to run", args: []string{"--"}, code: 2, output: "supervise: name the command to run after --\n"},
		"NotThere":   {reason: "a command that can't be run is said", args: []string{"--", filepath.Join(dir, "missing")}, code: 2, output: "supervise: fork/exec " + filepath.Join(dir, "missing") + ": no such file or directory\n"},
		"BadLogFile": {reason: "a log that can't be written is said", args: []string{"-log", filepath.Join(dir, "no", "log"), "--", "true"}, code: 2, output: "supervise: open " + filepath.Join(dir, "no", "log") + ": no such file or directory\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv(superviseEnv, "1")
			alive, owner := io.Pipe()
			defer owner.Close()
			if tc.gone {
				owner.Close()
			}
			var output bytes.Buffer
			if code := Supervise(tc.args, alive, &output); code != tc.code {
				t.Errorf("%s: exit code %d, want %d", tc.reason, code, tc.code)
			}
			if diff := cmp.Diff(tc.output, output.String()); diff != "" {
				t.Errorf("%s: %s", tc.reason, diff)
			}
		})
	}
}

func TestSuperviseRemovesOnlyForAnOwnerThatIsGone(t *testing.T) {
	for name, tc := range map[string]struct {
		command []string
		said    string // by the owner, which then ends
		kept    bool
	}{
		"owner gone":    {command: []string{"sleep", "600"}},
		"owner stopped": {command: []string{"sleep", "600"}, said: "stop", kept: true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			args := append([]string{"-log", filepath.Join(dir, "log"), "-temporary", dir, "--"}, tc.command...)
			if code := Supervise(args, strings.NewReader(tc.said), io.Discard); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if _, err := os.Stat(dir); (err == nil) != tc.kept {
				t.Errorf("kept: %v, want %v", err == nil, tc.kept)
			}
		})
	}
}

func TestLaunchRefusesInsideASupervisor(t *testing.T) {
	t.Setenv(superviseEnv, "1")
	_, err := launch(launchOptions{name: "etcd", command: []string{"true"}})
	if err == nil || !strings.Contains(err.Error(), "ExitIfSupervisor") {
		t.Fatalf("got %v", err)
	}
}

func TestBoundedLog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	l, err := openBoundedLog(path)
	if err != nil {
		t.Fatal(err)
	}
	line := []byte(strings.Repeat("x", 1023) + "\n")
	for range 3 * maxLogBytes / len(line) {
		if _, err := l.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Write([]byte("last\n")); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + ".1"} {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxLogBytes {
			t.Errorf("%s has %d bytes, and the bound is %d", filepath.Base(file), info.Size(), maxLogBytes)
		}
	}
	if got := tail(path); !strings.HasSuffix(got, "\n  last") && got != "  last" {
		t.Errorf("the tail ends in %q", got[max(0, len(got)-20):])
	}
	if got := len(tail(path + ".1")); got > 2*maxTailBytes {
		t.Errorf("the tail has %d bytes", got)
	}
}
