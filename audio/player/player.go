//go:build linux

package player

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"

	"github.com/checky-dev/checky/audio/device"
	"github.com/checky-dev/checky/audio/sandbox"
)

// Job is a sound to be played.
type Job struct {
	Pattern string        // of alerts/tone
	File    []byte        // instead of a pattern: WAV or Ogg Vorbis, decoded in the sandbox
	Silent  bool          // instead of either: open the device, and play a moment of silence
	Flood   bool          // the flood pattern follows
	Volume  int           // 1 to 100, in percent of full scale
	Device  device.Device // the zero value is "default"
	Probe   bool          // try what is forbidden, and report what came of it
}

// Report is what a player did.
type Report struct {
	Sandbox sandbox.Report
	Started time.Time     // when the first samples were handed to the device; zero: they were not
	Length  time.Duration // of the sound, without the silence that follows it
	Probes  []Probe
}

// Player starts players.
type Player struct {
	// Command runs one: this program's own file, and the argument player, where it is empty.
	Command []string
	// Deadline is how long a player may live, the silence after its sound included; 0: DefaultDeadline.
	Deadline time.Duration
	// Stderr takes what a player, and ALSA in it, complain of, as lines of printable text; nil: nobody does. It is called
	// at most 100 times in a Play, before that returns.
	Stderr func(line string)
}

// DefaultDeadline has room for the longest sound, the flood signal after it, and a slow machine.
const DefaultDeadline = 20 * time.Second

// waitDelay is how long a process that a player left behind may hold its pipes.
const waitDelay = 2 * time.Second

// Play plays a sound, and returns when its player is gone. If the context ends, the player is killed. The error is, by
// errors.Is, one of
//
//	ErrNoDevice     there is no such device, it is busy or denied, or it failed while it played
//	ErrBadFile      the sound cannot be decoded, or is too long
//	ErrDeadline     the player hung
//	ErrDied         the player could not be started, crashed, or was killed by somebody
//	ErrInterrupted  the context ended
//
// or another one, where the job is none that a player takes. The report tells how far it came also beside an error.
func (p *Player) Play(ctx context.Context, j Job) (Report, error) {
	h := Header{
		Pattern: j.Pattern, FileBytes: len(j.File), Silent: j.Silent, Flood: j.Flood, Volume: j.Volume, Device: j.Device.String(), Probe: j.Probe,
		Deadline: p.deadline(),
	}
	if err := h.validate(); err != nil {
		return Report{}, err
	}
	if ctx.Err() != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrInterrupted, context.Cause(ctx))
	}
	if j.Device.Recording() == "" {
		return p.play(ctx, h, j.File, nil)
	}
	recording, err := device.Record(j.Device.Recording())
	if err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrNoDevice, err)
	}
	report, err := p.play(ctx, h, j.File, recording.File)
	if finishing := recording.Finish(err == nil); finishing != nil && err == nil {
		err = fmt.Errorf("%w: recording: %w", ErrNoDevice, finishing)
	}
	return report, err
}

func (p *Player) deadline() time.Duration {
	if p.Deadline == 0 {
		return DefaultDeadline
	}
	return p.Deadline
}

func (p *Player) play(ctx context.Context, h Header, file []byte, recording *os.File) (Report, error) {
	// The kernel kills the player when the thread that started it ends: this one stays as long as the player does.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	limited, cancel := context.WithTimeout(ctx, h.Deadline)
	defer cancel()
	heard, complained := &said{}, &complaints{handOn: p.Stderr}
	stdout := &lines{take: heard.take, most: maxMessageBytes}
	stderr := &lines{take: complained.take, most: maxTextBytes}
	cmd, err := p.command(limited)
	if err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrDied, err)
	}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if recording != nil {
		cmd.ExtraFiles = []*os.File{recording}
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return Report{}, fmt.Errorf("%w: %w", ErrDied, err)
	}
	if err := cmd.Start(); err != nil {
		return Report{}, unstarted(ctx, err)
	}
	told := make(chan struct{})
	go func() {
		defer close(told)
		tell(stdin, h, file)
	}()
	err = cmd.Wait() // this closes stdin, too, which ends what may still wait to write there
	<-told
	if errors.Is(err, exec.ErrWaitDelay) {
		_ = killGroup(cmd) // somebody in the group lives, or the pipes would have been closed
	}
	stdout.end()
	stderr.end()
	return heard.report, heard.verdict(ctx, limited, err, complained.String())
}

// unstarted is why there is no player: the context may have ended on the way to it.
func unstarted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", ErrInterrupted, context.Cause(ctx))
	}
	return fmt.Errorf("%w: it could not be started: %w", ErrDied, err)
}

// tell hands a player its job. An error is that the player is gone, and is told by its end.
func tell(stdin io.Writer, h Header, file []byte) {
	if WriteHeader(stdin, h) == nil {
		_, _ = stdin.Write(file)
	}
}

func (p *Player) command(ctx context.Context) (*exec.Cmd, error) {
	command := p.Command
	if len(command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		command = []string{self, "player"}
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // it is this program, or what a test put in its place
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return killGroup(cmd) }
	cmd.WaitDelay = waitDelay
	return cmd, nil
}

// killGroup kills a player with all that it started.
func killGroup(cmd *exec.Cmd) error {
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// verdict is how a play ended. What the player said before it was killed goes first.
func (s *said) verdict(ctx, limited context.Context, exit error, complained string) error {
	switch {
	case s.failure != nil:
		return s.failure.err()
	case s.ended && exit == nil && !s.report.Started.IsZero():
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%w: %w", ErrInterrupted, context.Cause(ctx))
	case limited.Err() != nil:
		return ErrDeadline
	}
	err := fmt.Errorf("%w: it did not say why", ErrDied)
	switch {
	case s.garbled:
		err = fmt.Errorf("%w: what it said is no message of a player", ErrDied)
	case exit != nil:
		err = fmt.Errorf("%w: %w", ErrDied, exit)
	}
	if complained != "" {
		err = fmt.Errorf("%w: %s", err, complained)
	}
	return err
}
