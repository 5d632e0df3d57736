//go:build linux

package child

import (
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/output"
	"github.com/checky-dev/checky/audio/player"
)

// recorder takes what ALSA writes, and keeps what belongs to the sound. Where nothing paces it, ALSA is handed silence
// as fast as it can write, before and after the sound, by the megabyte.
//
//	ALSA's file plugin --pipe--> recorder --> the recording
type recorder struct {
	from, to *os.File
	pipe     int // what ALSA writes to
	realtime bool
	begins   chan int64 // takes the most bytes to keep, once
	ended    chan error
}

const (
	bytesPerSecond = 2 * tone.SampleRate
	// recordingSlack is more than what a pipe and ALSA hold back, before and after the sound: 1.3 s.
	recordingSlack = 128 << 10
)

// newRecorder makes one that drops everything until begin. realtime: it then takes no more than a card would.
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

// begin keeps what follows: a sound of some length, and the silence after it.
func (r *recorder) begin(length time.Duration) {
	r.begins <- int64((length+output.Silence).Seconds()*bytesPerSecond) + recordingSlack
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
			if err != io.EOF && failed == nil {
				failed = fmt.Errorf("%w: recording: %w", output.ErrNoDevice, err)
			}
			return failed
		}
		select {
		case most = <-r.begins:
			begun = time.Now()
		default:
		}
		part := block[:min(int64(n), most-kept)]
		if len(part) == 0 || failed != nil {
			continue // ALSA is never kept waiting
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
