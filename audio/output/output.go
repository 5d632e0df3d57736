//go:build linux

package output

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/ebitengine/oto/v3"

	"github.com/checky-dev/checky/alerts/tone"
)

// ErrNoDevice is returned where there is no device to play on, or no more.
var ErrNoDevice = errors.New("no sound device")

const (
	// Silence follows every sound. oto cannot say when a device has played what it was given, and the end of the process cuts
	// off what is left; so the silence has to be longer than the device's buffer.
	Silence = 300 * time.Millisecond
	// deviceBuffer is how much sound waits in the device: in two halves, each written while the other plays.
	deviceBuffer = 100 * time.Millisecond
	// pollInterval is how often the end of the sound is looked for.
	pollInterval = time.Millisecond
)

// Play plays a sound to its end, and the silence after it. It calls started when samples begin to go to the device. The
// error is ErrNoDevice where the device could not be opened, or failed while it played.
//
// The whole sound is in oto's hands before the first sample goes out, so that it has no gaps even on a device that takes it
// faster than it sounds, such as a file.
func Play(pcm tone.PCM, started func()) error {
	context, ready, err := oto.NewContext(&oto.NewContextOptions{
		SampleRate:   tone.SampleRate,
		ChannelCount: 1,
		Format:       oto.FormatSignedInt16LE,
		BufferSize:   deviceBuffer,
	})
	if err != nil {
		return fmt.Errorf("oto: %w", err)
	}
	<-ready
	// A missing card is no error of NewContext's, but one of the context's from here on. Until the sound is there, nothing is written.
	if err := context.Suspend(); err != nil {
		return fmt.Errorf("%w: %w", ErrNoDevice, err)
	}
	sound := append(pcm.Bytes(), make([]byte, 2*int(Silence.Seconds()*tone.SampleRate))...)
	player := context.NewPlayer(bytes.NewReader(sound))
	player.SetBufferSize(len(sound) + 2) // beyond its end, so that the end is seen as well
	player.Play()
	for player.BufferedSize() < len(sound) {
		time.Sleep(pollInterval)
	}
	started()
	if err := context.Resume(); err != nil {
		return fmt.Errorf("%w: %w", ErrNoDevice, err)
	}
	for player.IsPlaying() {
		if err := errors.Join(context.Err(), player.Err()); err != nil {
			return fmt.Errorf("%w: it failed while it played: %w", ErrNoDevice, err)
		}
		time.Sleep(pollInterval)
	}
	// Without this, a file would go on to grow.
	if err := context.Suspend(); err != nil {
		return fmt.Errorf("%w: it failed while it played: %w", ErrNoDevice, err)
	}
	return nil
}
