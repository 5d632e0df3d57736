package tone

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
)

// SampleRate is how many samples a second of sound has, in Hz.
const SampleRate = 48000

// fullScale is the largest sample.
const fullScale = math.MaxInt16

// PCM is sound: mono, signed 16 bit, at SampleRate.
type PCM []int16

// Length is how long the sound lasts.
func (p PCM) Length() time.Duration {
	return time.Duration(len(p)) * time.Second / SampleRate
}

// Scale returns the sound at volume percent of its own level, from 1 to 100; numbers outside count as the nearest of
// these.
func (p PCM) Scale(volume int) PCM {
	volume = clampVolume(volume)
	scaled := make(PCM, len(p))
	for i, sample := range p {
		scaled[i] = int16(math.Round(float64(int(sample)*volume) / 100))
	}
	return scaled
}

// Bytes are the samples, little endian.
func (p PCM) Bytes() []byte {
	encoded := make([]byte, 0, 2*len(p))
	for _, sample := range p {
		encoded = binary.LittleEndian.AppendUint16(encoded, uint16(sample)) //nolint:gosec // two's complement, as S16_LE wants it
	}
	return encoded
}

// WriteWAV writes the sound as a WAV file.
func (p PCM) WriteWAV(w io.Writer) error {
	if _, err := w.Write(wavHeader(wavFormat{channels: 1, rate: SampleRate, bits: 16}, 2*len(p))); err != nil {
		return err
	}
	_, err := w.Write(p.Bytes())
	return err
}

// Join is one sound after the other, with a silence of gap between any two.
func Join(gap time.Duration, parts ...PCM) PCM {
	var joined PCM
	for i, part := range parts {
		if i > 0 {
			joined = append(joined, make(PCM, samplesIn(gap))...)
		}
		joined = append(joined, part...)
	}
	return joined
}

// Sound is what is heard of an announcement: the pattern of a name or, where there is one, a file, at volume percent of full scale, and if flood is
// set the flood signal after it. The error is Decode's, or of a name that the table does not have.
func Sound(name string, file []byte, volume int, flood bool) (PCM, error) {
	var pcm PCM
	if len(file) > 0 {
		decoded, err := Decode(file)
		if err != nil {
			return nil, err
		}
		pcm = decoded.Scale(volume)
	} else {
		pattern, ok := ByName(name)
		if !ok {
			return nil, fmt.Errorf("there is no pattern of the name %q", name)
		}
		pcm = pattern.Render(volume)
	}
	if flood {
		signal, _ := ByName(FloodName) // the table has it
		pcm = Join(FloodGap, pcm, signal.Render(volume))
	}
	return pcm, nil
}

// samplesIn is how many samples last d; none if it is negative.
func samplesIn(d time.Duration) int {
	return int(max(d, 0) * SampleRate / time.Second)
}

func clampVolume(volume int) int {
	return min(max(volume, 1), 100)
}
