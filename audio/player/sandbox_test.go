//go:build linux

package player_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/player"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestProbesAreRefused(t *testing.T) {
	pattern, _ := tone.ByName("low")
	report, samples := play(t, newPlayer(), player.Job{Pattern: "low", Volume: 50, Probe: true})
	if len(report.Probes) < 7 {
		t.Errorf("%d probes", len(report.Probes))
	}
	for _, p := range report.Probes {
		if !p.Refused {
			t.Errorf("%s was not refused: %s", p.Action, p.Detail)
		}
	}
	if err := holds(samples, pattern.Render(50)); err != nil {
		t.Errorf("the tone is not heard: %v", err)
	}
}

// TestUnprivileged runs the program as a Pod does: as a user without rights, without capabilities, on a file system that cannot be written to.
func TestUnprivileged(t *testing.T) {
	dir := folder(t)
	command := []string{alertd, "sandbox", "--device", "record:" + dir}
	if os.Getuid() == 0 {
		if err := os.Chown(dir, 65532, 65532); err != nil {
			t.Fatal(err)
		}
		script := `set -e
mount --make-rprivate /
mount --bind "$0" "$0"
mount -o remount,bind,ro /
exec setpriv --reuid=65532 --regid=65532 --clear-groups --bounding-set=-all --inh-caps=-all --ambient-caps=-all "$@"`
		command = append([]string{"unshare", "--mount", "/bin/sh", "-c", script, dir}, command...)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if bytes.Contains(text, []byte("ALLOWED")) || !bytes.Contains(text, []byte("The tone was played.")) {
		t.Errorf("it printed\n%s", text)
	}
	if samples := recorded(t, filepath.Join(dir, "burst-0001.raw")); loud(samples) == len(samples) {
		t.Error("the tone is not heard")
	}
}

// TestKernelsThatLackParts has the system refuse parts of the sandbox, as older kernels do: that is told, and the tone is heard.
func TestKernelsThatLackParts(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason  string
		without string
		missing string
		allowed []string // probes that are not refused then
	}{
		"NoLandlock": {
			reason:  "files can then be read, and not made",
			without: "landlock",
			missing: "landlock: the kernel has none",
			allowed: []string{"read /etc/passwd"},
		},
		"NoSeccomp": {
			reason:  "Landlock still refuses files, TCP's connections, signals and programs; nobody is behind the unix socket's address",
			without: "seccomp",
			missing: "seccomp: ",
			allowed: []string{"open a unix socket", "start a process", "trace a process", "map memory for code"},
		},
		"Neither": {
			reason:  "nothing is refused, and the tone still plays",
			without: "landlock,seccomp",
			missing: "landlock: the kernel has none",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			defer leavesNothing(t)()
			p := &player.Player{Command: []string{self, roleWithout, tc.without, alertd, "player"}}
			report, samples := play(t, p, player.Job{Pattern: "low", Volume: 50, Probe: true})
			if loud(samples) == len(samples) {
				t.Errorf("%s: the tone is not heard", tc.reason)
			}
			s := report.Sandbox
			if (s.Landlock == 0) != strings.Contains(tc.without, "landlock") || s.Seccomp == strings.Contains(tc.without, "seccomp") || !s.NoNewPrivs || !s.Rlimits {
				t.Errorf("%s: sandbox %+v", tc.reason, s)
			}
			if len(s.Missing) == 0 || !strings.HasPrefix(s.Missing[0], tc.missing) {
				t.Errorf("%s: missing %q, want %q", tc.reason, s.Missing, tc.missing)
			}
			var allowed []string
			for _, probe := range report.Probes {
				if !probe.Refused {
					allowed = append(allowed, probe.Action)
				}
			}
			if tc.allowed != nil && strings.Join(allowed, ", ") != strings.Join(tc.allowed, ", ") {
				t.Errorf("%s: allowed are %q, want %q", tc.reason, allowed, tc.allowed)
			}
		})
	}
}

// without replaces this process by a program for which the kernel lacks parts: their system calls do not exist.
func without(parts string, command []string) error {
	numbers := map[string][]uint32{
		"landlock": {unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_LANDLOCK_ADD_RULE, unix.SYS_LANDLOCK_RESTRICT_SELF},
		"seccomp":  {unix.SYS_SECCOMP},
	}
	filter := []bpf.Instruction{bpf.LoadAbsolute{Off: 0, Size: 4}}
	for _, part := range strings.Split(parts, ",") {
		for _, number := range numbers[part] {
			filter = append(filter, bpf.JumpIf{Cond: bpf.JumpEqual, Val: number, SkipFalse: 1}, bpf.RetConstant{Val: 0x00050000 | uint32(unix.ENOSYS)})
		}
	}
	raw, err := bpf.Assemble(append(filter, bpf.RetConstant{Val: 0x7fff0000}))
	if err != nil {
		return err
	}
	var program []unix.SockFilter
	for _, r := range raw {
		program = append(program, unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K})
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&fprog)), 0, 0); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	return errors.Join(syscall.Exec(command[0], command, nil), errors.New(command[0]))
}
