package measure

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"time"
)

// MaxFrames is how many samples of each channel ReadRaw takes: five minutes at 48 kHz.
const MaxFrames = 5 * 60 * 48000

// ErrTooLong is that of a recording with more than MaxFrames.
var ErrTooLong = fmt.Errorf("the recording has more than %d samples a channel", MaxFrames)

// Pulse is one sounding part of a recording.
type Pulse struct {
	Start     time.Duration // from the beginning of the recording, where the level is half of the recording's
	Length    time.Duration // to where it was last half of it
	Frequency float64       // the strongest, in Hz
	Level     float64       // of the largest sample, in dB; 0 is full scale
}

// End is where the pulse ends, from the beginning of the recording.
func (p Pulse) End() time.Duration {
	return p.Start + p.Length
}

// Recording is what was found in one.
type Recording struct {
	Pulses []Pulse

	// Dominant is the strongest frequency of all pulses together, in Hz.
	Dominant float64

	// Start and Length are of the whole sound, from the first pulse to the last.
	Start, Length time.Duration

	// Pattern is the name of the pattern that the pulses are; followed by +flood if the pattern flood comes after it, and
	// +flood alone if it comes after what is no pattern. Empty: none.
	Pattern string
}

const (
	// silence is the largest sample, in parts of full scale, of what counts as no sound: -54 dB. A pattern at a volume of 1 %
	// is at -40.
	silence = 0.002

	// hop and width are the steps of the envelope, and what each of them looks at: more than a period of the lowest
	// fundamental, 150 Hz.
	hop   = time.Millisecond
	width = 8 * time.Millisecond

	// begins and ends are the shares of the recording's highest envelope between which a pulse is told from a ripple.
	begins, ends = 0.5, 0.25

	// shortest is what a pulse lasts at least; below it is a click.
	shortest = 20 * time.Millisecond

	// maxPulses are looked at. A recording with more holds no pattern, and is cut off there.
	maxPulses = 200
)

// ReadRaw reads signed 16 bit samples, little endian, of so many interleaved channels, to the end, and returns the
// first channel. What is left of an incomplete frame at the end is dropped: a player that is killed leaves one.
func ReadRaw(r io.Reader, channels int) ([]int16, error) {
	if channels < 1 || channels > 32 {
		return nil, fmt.Errorf("a recording of %d channels: 1 to 32 were expected", channels)
	}
	frame := 2 * channels
	var samples []int16
	block := make([]byte, 4096*frame)
	for {
		n, err := io.ReadFull(r, block)
		for at := 0; at+frame <= n; at += frame {
			samples = append(samples, int16(binary.LittleEndian.Uint16(block[at:]))) //nolint:gosec // two's complement
		}
		switch {
		case len(samples) > MaxFrames:
			return nil, ErrTooLong
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return samples, nil
		case err != nil:
			return nil, err
		}
	}
}

// Analyse measures one sound, sampled rate times a second. Without one, or below 8 kHz, which no frequency can be told
// from, the recording is empty.
func Analyse(samples []int16, rate int) Recording {
	if rate < 8000 {
		return Recording{}
	}
	var r Recording
	spectrum := newSpectrum(rate)
	for _, s := range spans(envelope(samples, rate)) {
		from, to := s.from*rate/perSecond, min(s.to*rate/perSecond, len(samples))
		if to <= from {
			continue
		}
		r.Pulses = append(r.Pulses, Pulse{
			Start:     time.Duration(s.from) * hop,
			Length:    time.Duration(s.to-s.from) * hop,
			Frequency: spectrum.add(samples[from:to]),
			Level:     20 * math.Log10(peak(samples[from:to])),
		})
	}
	if len(r.Pulses) == 0 {
		return r
	}
	r.Dominant = spectrum.dominant()
	r.Start = r.Pulses[0].Start
	r.Length = r.Pulses[len(r.Pulses)-1].End() - r.Start
	r.Pattern = name(r.Pulses)
	return r
}

// perSecond is how many steps of the envelope a second has.
const perSecond = int(time.Second / hop)

// envelope is the level around every step, as root of the mean square.
func envelope(samples []int16, rate int) []float64 {
	if peak(samples) < silence {
		return nil
	}
	half := int(width) * rate / int(time.Second) / 2
	levels := make([]float64, 0, len(samples)*perSecond/rate+1)
	sum, from, to := 0.0, 0, 0 // of the squares from from to to
	for step := 0; step*rate/perSecond < len(samples); step++ {
		center := step * rate / perSecond
		for ; to < min(center+half, len(samples)); to++ {
			sum += float64(samples[to]) * float64(samples[to])
		}
		for ; from < center-half; from++ {
			sum -= float64(samples[from]) * float64(samples[from])
		}
		levels = append(levels, math.Sqrt(max(sum, 0)/float64(2*half)))
	}
	return levels
}

// span is a pulse in steps of the envelope.
type span struct{ from, to int }

// spans finds the pulses, by the two thresholds that the package's picture shows.
func spans(levels []float64) []span {
	highest := 0.0
	for _, level := range levels {
		highest = max(highest, level)
	}
	var found []span
	current, inside := span{}, false
	finish := func() {
		if inside && time.Duration(current.to-current.from)*hop >= shortest {
			found = append(found, current)
		}
		inside = false
	}
	for step, level := range levels {
		switch {
		case level >= begins*highest && highest > 0:
			if !inside {
				current, inside = span{from: step}, true
			}
			current.to = step + 1
		case level < ends*highest:
			if finish(); len(found) == maxPulses {
				return found
			}
		}
	}
	finish()
	return found
}

// peak is the largest sample, in parts of full scale.
func peak(samples []int16) float64 {
	highest := 0
	for _, sample := range samples {
		highest = max(highest, int(sample), -int(sample))
	}
	return float64(highest) / math.MaxInt16
}
