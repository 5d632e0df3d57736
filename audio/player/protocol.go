//go:build linux

package player

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/audio/device"
	"github.com/checky-dev/checky/audio/sandbox"
)

// Header tells a player what to do. On its stdin it follows its own length in four bytes, the highest first, as JSON; FileBytes bytes follow it.
type Header struct {
	Pattern   string        `json:"pattern,omitempty"`
	FileBytes int           `json:"fileBytes,omitempty"`
	Silent    bool          `json:"silent,omitempty"`
	Flood     bool          `json:"flood,omitempty"`
	Volume    int           `json:"volume"`
	Device    string        `json:"device"`
	Probe     bool          `json:"probe,omitempty"`
	Deadline  time.Duration `json:"deadline"`
}

const (
	// MaxHeaderBytes bounds a header: a device's path is its longest part.
	MaxHeaderBytes = 16 << 10
	// MaxDeadline is the longest time that a player can be given.
	MaxDeadline = time.Minute
	// RecordingDescriptor is the file that a player writes a recording to.
	RecordingDescriptor = 3
)

// WriteHeader writes the length and the header.
func WriteHeader(w io.Writer, h Header) error {
	text, err := json.Marshal(h)
	if err != nil {
		return err
	}
	_, err = w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...)) //nolint:gosec // a few hundred bytes
	return err
}

// ReadHeader reads what WriteHeader wrote, and no byte more. Fields that are not known, and values that cannot be, are errors.
func ReadHeader(r io.Reader) (Header, error) {
	var h Header
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	size := binary.BigEndian.Uint32(length[:])
	if size > MaxHeaderBytes {
		return h, fmt.Errorf("header: it has at most %d bytes", MaxHeaderBytes)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&h); err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return h, errors.New("header: something follows it")
	}
	return h, h.validate()
}

func (h Header) validate() error {
	switch {
	case h.Pattern != "" && h.FileBytes != 0, h.Silent && (h.Pattern != "" || h.FileBytes != 0 || h.Flood):
		return errors.New("one of a pattern, a file and silence is to be played")
	case h.Pattern == "" && h.FileBytes == 0 && !h.Silent:
		return fmt.Errorf("%w: it is empty", ErrBadFile)
	}
	if _, ok := tone.ByName(h.Pattern); !ok && h.Pattern != "" {
		return errors.New("there is no pattern of that name")
	}
	if h.FileBytes < 0 || h.FileBytes > tone.MaxFileBytes {
		return fmt.Errorf("%w: it has at most %d bytes", ErrBadFile, tone.MaxFileBytes)
	}
	if h.Volume < 1 || h.Volume > 100 {
		return errors.New("the volume is 1 to 100")
	}
	if h.Deadline <= 0 || h.Deadline > MaxDeadline {
		return fmt.Errorf("the deadline is at most %s", MaxDeadline)
	}
	_, err := device.Parse(h.Device)
	return err
}

// Message is a line of JSON on a player's stdout. One of its fields is set.
type Message struct {
	Sandbox *sandbox.Report `json:"sandbox,omitempty"` // first of all
	Probes  []Probe         `json:"probes,omitempty"`
	Started *time.Duration  `json:"started,omitempty"` // samples go to the device now, for so long
	Ended   bool            `json:"ended,omitempty"`   // all was played
	Failure *Failure        `json:"failure,omitempty"` // it will not be played, or not to its end
}

// Probe is something that a player must not be able to do, and tried.
type Probe struct {
	Action  string `json:"action"`
	Refused bool   `json:"refused"`
	Detail  string `json:"detail"` // the system's answer
}

// Failure is why a player did not play.
type Failure struct {
	Class Class  `json:"class"`
	Text  string `json:"text"`
}

// Class tells failures apart.
type Class string

// The classes.
const (
	NoDevice Class = "device"
	BadFile  Class = "file"
	BadJob   Class = "job" // the parent's mistake
)

// The errors of Play.
var (
	ErrNoDevice    = errors.New("no sound device")
	ErrBadFile     = errors.New("bad sound file")
	ErrDeadline    = errors.New("the player did not end in time, and was killed")
	ErrDied        = errors.New("the player ended before its time")
	ErrInterrupted = errors.New("playing was interrupted")
)

// err is the failure as an error of Play's.
func (f Failure) err() error {
	text := printable(f.Text)
	switch f.Class {
	case NoDevice:
		return fmt.Errorf("%w: %s", ErrNoDevice, text)
	case BadFile:
		return fmt.Errorf("%w: %s", ErrBadFile, text)
	default:
		return fmt.Errorf("%w: it refused its job: %s", ErrDied, text)
	}
}
