//go:build linux

package player_test

import (
	"cmp"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/checky-dev/checky/audio/player"
)

// TestPlayersThatFail: whatever becomes of a player is one error, and nothing is left of it.
func TestPlayersThatFail(t *testing.T) {
	cases := map[string]struct {
		reason   string
		deadline time.Duration
		do       func(cancel context.CancelFunc, pid int) // once the sound is there
		want     error
		text     string
	}{
		"Hangs": {
			reason:   "a driver may never answer",
			deadline: 3 * time.Second,
			do:       func(_ context.CancelFunc, pid int) { syscall.Kill(pid, syscall.SIGSTOP) },
			want:     player.ErrDeadline,
		},
		"Slow": {
			reason:   "the sound is longer than its time",
			deadline: 2 * time.Second,
			want:     player.ErrDeadline,
		},
		"Killed": {
			reason: "as by the kernel, for want of memory",
			do:     func(_ context.CancelFunc, pid int) { syscall.Kill(pid, syscall.SIGKILL) },
			want:   player.ErrDied,
			text:   "killed",
		},
		"Crashes": {
			reason: "a decoder in C may",
			do:     func(_ context.CancelFunc, pid int) { syscall.Kill(pid, syscall.SIGSEGV) },
			want:   player.ErrDied,
			text:   "SIGSEGV",
		},
		"Interrupted": {
			reason: "something worse has happened",
			do:     func(cancel context.CancelFunc, _ int) { cancel() },
			want:   player.ErrInterrupted,
		},
		"InterruptedWhileItHangs": {
			reason: "a stopped process cannot be asked",
			do: func(cancel context.CancelFunc, pid int) {
				syscall.Kill(pid, syscall.SIGSTOP)
				cancel()
			},
			want: player.ErrInterrupted,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			defer leavesNothing(t)()
			dir := folder(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			p := newPlayer()
			p.Deadline = tc.deadline
			var report player.Report
			go func() {
				var err error
				report, err = p.Play(ctx, player.Job{Pattern: "high", Flood: true, Volume: 50, Device: parse(t, "record-realtime:"+dir)})
				done <- err
			}()
			if tc.do != nil {
				waitFor(t, "a player plays", func() bool { return plays(dir) })
				tc.do(cancel, processes(t, alertd+" player")[0])
			}
			err := <-done
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
				t.Errorf("%s: error %v, want %v with %q", tc.reason, err, tc.want, tc.text)
			}
			if report.Started.IsZero() {
				t.Errorf("%s: it did not start", tc.reason)
			}
			if left := processes(t, alertd+" player"); len(left) > 0 {
				t.Errorf("%s: processes are left: %v", tc.reason, left)
			}
			if files, _ := filepath.Glob(dir + "/*"); len(files) != 1 || filepath.Base(files[0]) != "burst-0001.raw.cut" {
				t.Errorf("%s: files %v, want burst-0001.raw.cut alone", tc.reason, files)
			}
		})
	}
}

// TestThePlayerGoesFirst: where memory runs out, the kernel is to end the player, and not the daemon.
func TestThePlayerGoesFirst(t *testing.T) {
	dir := folder(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := newPlayer().Play(ctx, player.Job{Pattern: "high", Flood: true, Volume: 50, Device: parse(t, "record-realtime:"+dir)})
		done <- err
	}()
	waitFor(t, "a player plays", func() bool { return plays(dir) })
	score, err := os.ReadFile("/proc/" + itoa(processes(t, alertd+" player")[0]) + "/oom_score_adj")
	if err != nil || strings.TrimSpace(string(score)) != "1000" {
		t.Errorf("oom_score_adj is %q, %v", score, err)
	}
	cancel()
	if err := <-done; !errors.Is(err, player.ErrInterrupted) {
		t.Error(err)
	}
}

// plays says whether the first recording of a folder holds a sound of a tenth of a second.
func plays(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, "burst-0001.raw.part"))
	return err == nil && info.Size() > 48000*2/10
}

func TestAlreadyInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newPlayer().Play(ctx, player.Job{Pattern: "low", Volume: 50, Device: parse(t, "record:"+folder(t))})
	if !errors.Is(err, player.ErrInterrupted) {
		t.Errorf("error %v, want ErrInterrupted", err)
	}
}

// TestStrangePlayers: what runs in a player's place may be broken in every way.
func TestStrangePlayers(t *testing.T) {
	cases := map[string]struct {
		reason   string
		script   string
		deadline time.Duration // 0: a minute
		want     error
		text     string
	}{
		"Missing":       {reason: "an image without the program", want: player.ErrDied, text: "could not be started"},
		"Silent":        {reason: "it ends, and says nothing", script: "exit 0", want: player.ErrDied, text: "did not say why"},
		"Fails":         {reason: "its complaint is the reason", script: "echo out of ideas >&2; exit 7", want: player.ErrDied, text: "out of ideas"},
		"Garbles":       {reason: "that is no message", script: `echo '{"sandbox":'; exit 0`, want: player.ErrDied, text: "no message"},
		"Chatters":      {reason: "it says too much on both pipes", script: `yes | head -c 3000000; yes 'no end' | head -c 3000000 >&2; exit 1`, want: player.ErrDied},
		"LongLine":      {reason: "it never ends a line", script: `head -c 3000000 /dev/zero | tr '\0' x; exit 1`, want: player.ErrDied},
		"Lies":          {reason: "it has not played, and failed", script: `echo '{"ended":true}'; exit 1`, want: player.ErrDied},
		"ControlsATerm": {reason: "logs are read in terminals", script: `printf '\033[2Jbeware\n' >&2; exit 1`, want: player.ErrDied, text: "beware"},
		"LeavesAnother": {reason: "somebody else holds its pipes", script: "sleep 98765.4321 & exit 0", want: player.ErrDied},
		"Deaf":          {reason: "it does not read its job", script: "exec sleep 98765.4321", deadline: time.Second, want: player.ErrDeadline},
		"Many":          {reason: "all of its group ends", script: "sleep 98765.4321 & sleep 98765.4321 & wait", deadline: time.Second, want: player.ErrDeadline},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			defer leavesNothing(t)()
			handedOn := 0
			p := &player.Player{
				Command:  []string{"/bin/sh", "-c", "PATH=/usr/bin:/bin; " + tc.script},
				Deadline: cmp.Or(tc.deadline, time.Minute),
				Stderr:   func(string) { handedOn++ },
			}
			if tc.script == "" {
				p.Command = []string{filepath.Join(base, "no-such-program")}
			}
			_, err := p.Play(t.Context(), player.Job{File: make([]byte, 1<<20), Volume: 50})
			if !errors.Is(err, tc.want) || !strings.Contains(err.Error(), tc.text) {
				t.Fatalf("%s: error %v, want %v with %q", tc.reason, err, tc.want, tc.text)
			}
			if text := err.Error(); len(text) > 8<<10 || strings.ContainsAny(text, "\n\x1b") {
				t.Errorf("%s: %d bytes are no line for a log: %.100q", tc.reason, len(text), text)
			}
			if handedOn > 100 {
				t.Errorf("%s: %d lines were handed on", tc.reason, handedOn)
			}
			waitFor(t, "nothing is left", func() bool { return len(processes(t, "98765.4321")) == 0 })
		})
	}
}

// TestKilledOwnerLeavesNoPlayer: nothing but the kernel, or the player itself, can clean up after a parent that was killed.
func TestKilledOwnerLeavesNoPlayer(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	owner := exec.Command(self, roleOwner, alertd, dir)
	owner.Stderr = os.Stderr
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a player plays", func() bool { return plays(dir) })
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	owner.Wait()
	waitFor(t, "the player is gone", func() bool { return len(processes(t, alertd+" player")) == 0 })
	if _, err := os.Stat(filepath.Join(dir, "burst-0001.raw.part")); err != nil {
		t.Errorf("a recording that was cut off looks whole: %v", err)
	}
}

// TestPlayerHasNoneOfTheParentsDescriptors: three pipes, the recording, and what it opened itself.
func TestPlayerHasNoneOfTheParentsDescriptors(t *testing.T) {
	careless, err := syscall.Open("/etc/passwd", syscall.O_RDONLY, 0) // inheritable
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(careless)
	dir, pid := playing(t)
	found := descriptorsOf(t, pid)
	environment, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "environ"))
	if err != nil || len(environment) > 0 {
		t.Errorf("its environment at the start is %q, %v; want none", environment, err)
	}
	own := map[string]int{}
	for _, d := range found {
		number, target, _ := strings.Cut(d, " ")
		switch {
		case strings.Contains("0 1 2", number) && strings.HasPrefix(target, "pipe:"):
		case number == "3" && target == filepath.Join(dir, "burst-0001.raw.part"):
		case strings.HasPrefix(target, "/memfd:asound.conf"), target == "/dev/null", target == "anon_inode:[eventpoll]", target == "anon_inode:[eventfd]":
		case strings.HasPrefix(target, "/sys/fs/cgroup/"): // Go looks how many processors it may use
		case strings.HasPrefix(target, "pipe:"):
			own[target]++
		default:
			t.Errorf("descriptor %s is %s", number, target)
		}
	}
	for target, ends := range own { // ALSA writes a recording to a pipe within the player
		if ends != 2 || len(own) != 1 {
			t.Errorf("%d ends of %s are there", ends, target)
		}
	}
	if len(found) < 5 {
		t.Errorf("descriptors are %q", found)
	}
}

// TestAllThreadsAreInTheSandbox reads what the kernel says of them.
func TestAllThreadsAreInTheSandbox(t *testing.T) {
	_, pid := playing(t)
	files, err := filepath.Glob(filepath.Join("/proc", itoa(pid), "task/*/status"))
	if err != nil || len(files) < 2 {
		t.Fatalf("threads: %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		for _, line := range []string{"NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
			if !strings.Contains(string(text), line) {
				t.Errorf("%s lacks %q", file, line)
			}
		}
	}
	text, err := os.ReadFile(filepath.Join("/proc", itoa(pid), "limits"))
	if err != nil {
		t.Fatal(err)
	}
	limits := strings.Join(strings.Fields(string(text)), " ")
	for _, limit := range []string{"cpu time 10 10", "file size 16777216 16777216", "data size 536870912 536870912", "core file size 0 0", "open files 64 64"} {
		if !strings.Contains(limits, limit) {
			t.Errorf("limits lack %q: %s", limit, limits)
		}
	}
}

// playing starts a player that plays until the test ends.
func playing(t *testing.T) (dir string, pid int) {
	t.Helper()
	dir = folder(t)
	job := player.Job{Pattern: "high", Flood: true, Volume: 50, Device: parse(t, "record-realtime:"+dir)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = newPlayer().Play(ctx, job)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	waitFor(t, "a player plays", func() bool { return plays(dir) })
	return dir, processes(t, alertd+" player")[0]
}
