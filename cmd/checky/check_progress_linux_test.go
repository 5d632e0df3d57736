package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/checky-dev/checky/cmd/program"
)

// terminal is a pseudo-terminal: what a program writes to it is kept.
type terminal struct {
	*os.File // the program's end
	t        *testing.T
	seen     chan string
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = far.Close() })
	if err := unix.IoctlSetPointerInt(int(far.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(far.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	near, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	terminal := &terminal{File: near, t: t, seen: make(chan string, 1)}
	go func() {
		text, _ := io.ReadAll(far) // it ends by an error once nobody has the other end
		terminal.seen <- string(text)
	}()
	return terminal
}

// end is all that was written.
func (m *terminal) end() string {
	m.t.Helper()
	if err := m.Close(); err != nil {
		m.t.Fatal(err)
	}
	return <-m.seen
}

// screen is what a person sees in the end of what was written: of escape sequences it knows the one that clears a line.
func screen(written string) string {
	var lines []string
	var line []rune
	at := 0
	for runes := []rune(strings.ReplaceAll(written, "\x1b[2K", "\x1b")); len(runes) > 0; runes = runes[1:] {
		switch r := runes[0]; r {
		case '\r':
			at = 0
		case '\x1b':
			line = nil
		case '\n':
			lines, line = append(lines, strings.TrimRight(string(line), " ")), nil
		default:
			for len(line) <= at {
				line = append(line, ' ')
			}
			line[at] = r
			at++
		}
	}
	return strings.Join(append(lines, strings.TrimRight(string(line), " ")), "\n")
}

// TestProgress: on a terminal a bar tells how far a file is, and is gone when the report comes; elsewhere there is none.
func TestProgress(t *testing.T) {
	path := filepath.Join(t.TempDir(), "orders.ndjson")
	if err := os.WriteFile(path, []byte(strings.Repeat(`{"items": []}`+"\n", 3*chunkItems)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Chdir(checkFixtures)
	args := []string{"check", knowledge, "-f", path, "-r", "orders.yaml", "--color", "never"}

	_, want, _ := runChecky(t, "", args...)
	shown := newTerminal(t)
	if !program.Terminal(shown.File) {
		t.Fatal("it is no terminal")
	}
	if code := run(args, strings.NewReader(""), shown.File, shown.File); code != 0 {
		t.Errorf("exit code %d", code)
	}
	written := shown.end()
	if !strings.Contains(written, "orders.ndjson  0/0 MB  256 payloads, ") {
		t.Errorf("there was no bar: %q", written)
	}
	if got := screen(written); got != want {
		t.Errorf("in the end the terminal shows\n%q\nwant\n%q", got, want)
	}

	// A pipe, a file and the like have no use for it.
	code, _, errOut := runChecky(t, "", args...)
	if code != 0 || errOut != "" {
		t.Errorf("exit code %d, standard error %q", code, errOut)
	}
}

// TestProgressOfAPipe: where the length is not known, the bar goes all the same.
func TestProgressOfAPipe(t *testing.T) {
	t.Chdir(checkFixtures)
	args := []string{"check", knowledge, "-f", "-", "--input-format", "ndjson", "-r", "orders.yaml", "--color", "never"}
	stdin := strings.Repeat(`{"items": []}`+"\n", 3*chunkItems)
	_, want, _ := runChecky(t, stdin, args...)
	shown := newTerminal(t)
	if code := run(args, strings.NewReader(stdin), shown.File, shown.File); code != 0 {
		t.Errorf("exit code %d", code)
	}
	written := shown.end()
	if got := screen(written); !strings.Contains(written, "stdin  0 MB  256 payloads, ") || got != want {
		t.Errorf("the terminal shows\n%q\nof\n%q", got, written)
	}
}
