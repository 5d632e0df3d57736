//go:build linux

package child

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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
func (c *child) say(m player.Message) { _ = c.messages.Encode(m) }

func (c *child) run() error {
	h, err := player.ReadHeader(c.stdin)
	if err != nil {
		return err
	}
	time.AfterFunc(h.Deadline+deadlineGrace, func() { os.Exit(exitLate) })
	plan, err := prepare(h)
	if err != nil {
		return err
	}

	report := sandbox.Enforce(plan.Paths...)
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
	return c.play(pcm, plan.Realtime)
}

// watch ends this process when the parent is gone. The parent says nothing more, and leaves stdin open.
func (c *child) watch() {
	_, _ = c.stdin.Read(make([]byte, 1))
	os.Exit(exitOrphaned)
}

// play reports when it begins, so that a sound that is cut off is known to have been heard.
func (c *child) play(pcm tone.PCM, realtime bool) error {
	length := pcm.Length()
	var started time.Time
	err := output.Play(pcm, func() {
		started = time.Now()
		c.say(player.Message{Started: &length})
	})
	if err != nil {
		return err
	}
	if realtime {
		time.Sleep(time.Until(started.Add(length + output.Silence)))
	}
	c.say(player.Message{Ended: true})
	return nil
}

// prepare does what needs more of the system than the sandbox leaves: it finds the device, and writes ALSA's configuration
// to memory, so that there is no file to clean up.
func prepare(h player.Header) (device.Plan, error) {
	d, err := device.Parse(h.Device)
	if err != nil {
		return device.Plan{}, err
	}
	if d.Recording() != "" {
		var info unix.Stat_t
		if err := unix.Fstat(player.RecordingDescriptor, &info); err != nil || info.Mode&unix.S_IFMT != unix.S_IFREG {
			return device.Plan{}, fmt.Errorf("descriptor %d is no file to record to", player.RecordingDescriptor)
		}
	}
	plan, err := d.Plan(player.RecordingDescriptor)
	if err != nil {
		return device.Plan{}, err
	}
	fd, err := unix.MemfdCreate("asound.conf", unix.MFD_CLOEXEC)
	if err != nil {
		return device.Plan{}, fmt.Errorf("memory for ALSA's configuration: %w", err)
	}
	if _, err := unix.Write(fd, []byte(plan.Config)); err != nil {
		return device.Plan{}, fmt.Errorf("ALSA's configuration: %w", err)
	}
	return plan, os.Setenv("ALSA_CONFIG_PATH", fmt.Sprintf("/proc/self/fd/%d", fd))
}

// sound is what the header asks for.
func sound(h player.Header, file []byte) (tone.PCM, error) {
	var pcm tone.PCM
	if len(file) > 0 {
		decoded, err := tone.Decode(file)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", player.ErrBadFile, err)
		}
		pcm = decoded.Scale(h.Volume)
	} else {
		pattern, _ := tone.ByName(h.Pattern) // the header was validated
		pcm = pattern.Render(h.Volume)
	}
	if !h.Flood {
		return pcm, nil
	}
	flood, ok := tone.ByName("flood")
	if !ok {
		return nil, errors.New("there is no flood pattern")
	}
	return tone.Join(tone.FloodGap, pcm, flood.Render(h.Volume)), nil
}
