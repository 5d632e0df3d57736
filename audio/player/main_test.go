//go:build linux

package player_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/device"
	"github.com/checky-dev/checky/audio/measure"
	"github.com/checky-dev/checky/audio/player"
)

var (
	alertd string // the real program
	base   string // a folder that every user can enter
)

// What this program is when it is not the tests; see the functions.
const (
	roleWithout = "without"
	roleOwner   = "owner"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case roleWithout:
			fmt.Fprintln(os.Stderr, without(os.Args[2], os.Args[3:]))
			os.Exit(1)
		case roleOwner:
			own(os.Args[2], os.Args[3])
			return
		}
	}
	flag.Parse()
	os.Exit(build(m))
}

// build makes the program, runs the tests, and sees that they leave no goroutine behind.
func build(m *testing.M) int {
	var err error
	if base, err = os.MkdirTemp("", "checky-player-"); err == nil {
		err = os.Chmod(base, 0o755)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(base)
	alertd = filepath.Join(base, "checky-alertd")
	text, err := exec.Command("go", "build", "-o", alertd, "github.com/checky-dev/checky/cmd/checky-alertd").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s\n%v\n", text, err)
		return 1
	}
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		return code // fuzzing leaves goroutines of its own
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// newPlayer runs the real program.
func newPlayer() *player.Player { return &player.Player{Command: []string{alertd, "player"}} }

// folder makes one in base for recordings.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(base, "recordings-") //nolint:usetesting // nobody else could enter that one
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func parse(t *testing.T, name string) device.Device {
	t.Helper()
	d, err := device.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// play plays a job and returns what was recorded.
func play(t *testing.T, p *player.Player, j player.Job) (player.Report, []int16) {
	t.Helper()
	dir := folder(t)
	j.Device = parse(t, "record:"+dir)
	report, err := p.Play(t.Context(), j)
	if err != nil {
		t.Fatal(err)
	}
	return report, recorded(t, filepath.Join(dir, "burst-0001.raw"))
}

func recorded(t *testing.T, path string) []int16 {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	samples, err := measure.ReadRaw(file, 1)
	if err != nil {
		t.Fatal(err)
	}
	return samples
}

// holds says whether a recording is silence, a sound, and silence. Samples pass through ALSA as floating point numbers.
func holds(samples []int16, want tone.PCM) error {
	samples, want = samples[loud(samples):], want[loud(want):]
	if len(samples) < len(want) {
		return fmt.Errorf("there are %d samples from its beginning, want %d", len(samples), len(want))
	}
	for i, v := range samples {
		expected := int16(0)
		if i < len(want) {
			expected = want[i]
		}
		if difference := int(v) - int(expected); difference < -1 || difference > 1 {
			return fmt.Errorf("sample %d is %d, want %d", i, v, expected)
		}
	}
	return nil
}

// loud is the first sample that is not silence.
func loud(samples []int16) int {
	for i, v := range samples {
		if v < -1 || v > 1 {
			return i
		}
	}
	return len(samples)
}

// waitFor polls until done.
func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !done() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-deadline:
			t.Fatal("still not so: " + what)
		}
	}
}

// processes lists those whose command line contains a text, zombies left out.
func processes(t *testing.T, text string) []int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, file := range files {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(bytes.ReplaceAll(line, []byte{0}, []byte(" ")), []byte(text)) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			found = append(found, pid)
		}
	}
	return found
}

// children lists this process', zombies as well.
func children(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		text, _ := os.ReadFile(file)
		_, rest, ok := strings.Cut(string(text), ") ")
		if fields := strings.Fields(rest); ok && len(fields) > 1 && fields[1] == strconv.Itoa(os.Getpid()) {
			found = append(found, string(text))
		}
	}
	return found
}

// descriptors lists this process', except those of the tests' own.
func descriptors(t *testing.T) []string {
	t.Helper()
	return descriptorsOf(t, os.Getpid())
}

func descriptorsOf(t *testing.T, pid int) []string {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, link := range links {
		if target, err := os.Readlink(link); err == nil {
			found = append(found, filepath.Base(link)+" "+target)
		}
	}
	return found
}

// leavesNothing returns a function that checks that no child and no descriptor is left since.
func leavesNothing(t *testing.T) func() {
	t.Helper()
	before := len(descriptors(t))
	return func() {
		t.Helper()
		if left := children(t); len(left) > 0 {
			t.Errorf("children are left: %q", left)
		}
		if after := descriptors(t); len(after) != before {
			t.Errorf("%d descriptors, before %d: %q", len(after), before, after)
		}
	}
}

// own plays a long sound, so that it can be killed meanwhile: it is the owner of a player.
func own(program, dir string) {
	d, err := device.Parse("record-realtime:" + dir)
	if err == nil {
		p := &player.Player{Command: []string{program, "player"}}
		_, err = p.Play(context.Background(), player.Job{Pattern: "high", Flood: true, Volume: 50, Device: d})
	}
	fmt.Fprintln(os.Stderr, errors.Join(err, errors.New("the player ended before its owner")))
	os.Exit(1)
}
