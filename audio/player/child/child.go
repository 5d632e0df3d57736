//go:build linux

package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/device"
	"github.com/checky-dev/checky/audio/output"
	"github.com/checky-dev/checky/audio/player"
	"github.com/checky-dev/checky/audio/sandbox"
)

// Exit codes.
const (
	exitFailed   = 1 // the last message says why
	exitOrphaned = 3 // stdin ended: the parent is gone
	exitLate     = 4 // the deadline is over, and nobody killed it
)

// processors is enough for ALSA's and the decoder's work. On a large machine, Go would start threads by the dozen, whose stacks count as
// data.
const processors = 2

// deadlineGrace is what a player lives longer than its parent lets it.
const deadlineGrace = 2 * time.Second

// Run does what the header on stdin says, and tells on stdout. It returns the exit code.
func Run(stdin io.Reader, stdout io.Writer) int {
	c := &child{stdin: stdin, messages: json.NewEncoder(stdout)}
	if err := c.run(); err != nil {
		c.say(player.Message{Failure: failure(err)})
		return exitFailed
	}
	return 0
}

// failure gives an error its class, whose words the parent adds.
func failure(err error) *player.Failure {
	for _, known := range []struct {
		err   error
		class player.Class
	}{
		{output.ErrNoDevice, player.NoDevice},
		{device.ErrNoCard, player.NoDevice},
		{player.ErrBadFile, player.BadFile},
	} {
		if errors.Is(err, known.err) {
			return &player.Failure{Class: known.class, Text: strings.TrimPrefix(err.Error(), known.err.Error()+": ")}
		}
	}
	return &player.Failure{Class: player.BadJob, Text: err.Error()}
}

type child struct {
	stdin    io.Reader
	messages *json.Encoder
}

// say tells the parent something. If nobody listens, then nobody is there, which the end of stdin tells as well.
func (c *child) say(m player.Message) {
	_ = c.messages.Encode(m) //nolint:errchkjson // a message can be encoded; what else fails is told by stdin
}

func (c *child) run() error {
	runtime.GOMAXPROCS(processors)
	// Where memory runs out, this process is the one to go, and not its parent. An error is that of a /proc that cannot be written to.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	h, err := player.ReadHeader(c.stdin)
	if err != nil {
		return err
	}
	time.AfterFunc(h.Deadline+deadlineGrace, func() { os.Exit(exitLate) })
	paths, recorder, err := prepare(h)
	if err != nil {
		return err
	}

	report := sandbox.Enforce(paths...)
	c.say(player.Message{Sandbox: &report})

	file := make([]byte, h.FileBytes)
	if _, err := io.ReadFull(c.stdin, file); err != nil {
		return fmt.Errorf("the sound file is not there: %w", err)
	}
	go c.watch()
	pcm, err := sound(h, file)
	if err != nil {
		return err
	}
	if h.Probe {
		c.say(player.Message{Probes: probe()})
	}
	return c.play(pcm, recorder)
}

// watch ends this process when the parent is gone. The parent says nothing more, and leaves stdin open.
func (c *child) watch() {
	_, _ = c.stdin.Read(make([]byte, 1))
	os.Exit(exitOrphaned)
}

// play reports when it begins, so that a sound that is cut off is known to have been heard.
func (c *child) play(pcm tone.PCM, recorder *recorder) error {
	length := pcm.Length()
	err := output.Play(pcm, func() {
		if recorder != nil {
			recorder.begin(length)
		}
		c.say(player.Message{Started: &length})
	})
	if err == nil && recorder != nil {
		err = recorder.finish()
	}
	if err != nil {
		return err
	}
	c.say(player.Message{Ended: true})
	return nil
}

// prepare does what needs more of the system than the sandbox leaves: it finds the device, and writes ALSA's configuration
// to memory, so that there is no file to clean up. It returns the files that ALSA opens, and for a device that records, a recorder.
func prepare(h player.Header) ([]string, *recorder, error) {
	d, err := device.Parse(h.Device)
	if err != nil {
		return nil, nil, err
	}
	if err := closeInherited(d.Recording() != ""); err != nil {
		return nil, nil, err
	}
	plan, recorder, err := planFor(d)
	if err != nil {
		return nil, nil, err
	}
	fd, err := unix.MemfdCreate("asound.conf", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, nil, fmt.Errorf("memory for ALSA's configuration: %w", err)
	}
	if _, err := unix.Write(fd, []byte(plan.Config)); err != nil {
		return nil, nil, fmt.Errorf("ALSA's configuration: %w", err)
	}
	return plan.Paths, recorder, os.Setenv("ALSA_CONFIG_PATH", fmt.Sprintf("/proc/self/fd/%d", fd))
}

// planFor says how to play on a device.
func planFor(d device.Device) (device.Plan, *recorder, error) {
	if d.Recording() == "" {
		plan, err := d.Plan(0)
		return plan, nil, err
	}
	// Go may have a file of its own at that number; it is not inheritable.
	var info unix.Stat_t
	flags, err := unix.FcntlInt(player.RecordingDescriptor, unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC != 0 || unix.Fstat(player.RecordingDescriptor, &info) != nil || info.Mode&unix.S_IFMT != unix.S_IFREG {
		return device.Plan{}, nil, fmt.Errorf("descriptor %d is no file to record to", player.RecordingDescriptor)
	}
	recorder, err := newRecorder(d.Realtime())
	if err != nil {
		return device.Plan{}, nil, err
	}
	plan, err := d.Plan(recorder.pipe)
	return plan, recorder, err
}

// closeInherited closes what a careless program before this one left open: what Go opens itself is not inheritable. The pipes
// stay, and the recording if there is one.
func closeInherited(recording bool) error {
	const directory = "/proc/self/fd"
	entries, err := os.ReadDir(directory)
	if err != nil {
		return fmt.Errorf("inherited descriptors: %w", err)
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd < player.RecordingDescriptor || fd == player.RecordingDescriptor && recording {
			continue
		}
		// An error is that of the descriptor by which the folder was read.
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
	return nil
}

// sound is what the header asks for.
func sound(h player.Header, file []byte) (tone.PCM, error) {
	if h.Silent {
		return nil, nil // what follows every sound is all
	}
	pcm, err := tone.Sound(h.Pattern, file, h.Volume, h.Flood)
	if err != nil { // of the file: the header was validated
		return nil, fmt.Errorf("%w: %w", player.ErrBadFile, err)
	}
	return pcm, nil
}
