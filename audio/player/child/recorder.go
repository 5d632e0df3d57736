//go:build linux

package child

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/output"
	"github.com/checky-dev/checky/audio/player"
)

// recorder takes what ALSA writes, and keeps the sound. Where nothing paces it, ALSA is handed silence as fast as it can write, before and
// after the sound, by the megabyte: a recording begins where the sound is no longer silent, and ends a little after it.
//
//	ALSA's file plugin --pipe--> recorder --> the recording
type recorder struct {
	from, to *os.File
	pipe     int // what ALSA writes to
	realtime bool
	begins   chan int64 // takes the most bytes to keep, once
	ended    chan error
}

const bytesPerSecond = 2 * tone.SampleRate

// newRecorder makes one that drops everything until begin, and silence after that. realtime: it then takes no more than a card would.
func newRecorder(realtime bool) (*recorder, error) {
	// os.Pipe's ends do not block, and ALSA takes that for an error.
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		return nil, fmt.Errorf("recording: %w", err)
	}
	r := &recorder{
		from:     os.NewFile(uintptr(ends[0]), "sound"),
		to:       os.NewFile(player.RecordingDescriptor, "recording"),
		pipe:     ends[1],
		realtime: realtime,
		begins:   make(chan int64, 1),
		ended:    make(chan error, 1),
	}
	go func() { r.ended <- r.record() }()
	return r, nil
}

// begin says how long the sound is that follows.
func (r *recorder) begin(length time.Duration) {
	r.begins <- int64((length+output.Silence).Seconds()*tone.SampleRate) * 2
}

// finish waits until all is written. ALSA must have come to rest.
func (r *recorder) finish() error {
	if err := unix.Close(r.pipe); err != nil {
		return fmt.Errorf("%w: recording: %w", output.ErrNoDevice, err)
	}
	return <-r.ended
}

func (r *recorder) record() error {
	block := make([]byte, 4096)
	var begun time.Time
	var kept, most int64
	var failed error
	for {
		n, err := r.from.Read(block)
		if err != nil { // as a rule io.EOF: ALSA's end was closed
			if !errors.Is(err, io.EOF) && failed == nil {
				failed = fmt.Errorf("%w: recording: %w", output.ErrNoDevice, err)
			}
			return failed
		}
		if most == 0 {
			select {
			case most = <-r.begins:
			default:
			}
		}
		part := block[:min(int64(n), most-kept)]
		if len(part) == 0 || failed != nil || kept == 0 && silent(part) {
			continue // ALSA is kept waiting by the pace alone
		}
		if kept == 0 {
			begun = time.Now()
		}
		if _, err := r.to.Write(part); err != nil {
			failed = fmt.Errorf("%w: recording: %w", output.ErrNoDevice, err)
		}
		kept += int64(len(part))
		if r.realtime {
			time.Sleep(time.Until(begun.Add(time.Duration(kept) * time.Second / bytesPerSecond)))
		}
	}
}

func silent(block []byte) bool { return bytes.Count(block, []byte{0}) == len(block) }
