package tone

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/gopxl/beep/v2"
)

// What a file may be. A sound that is short enough to be an alert's stays far below.
const (
	// MaxFileBytes is the size of a file. ErrTooLarge.
	MaxFileBytes = 4 << 20

	// MaxLength is how long a sound may last. ErrTooLong.
	MaxLength = 10 * time.Second

	minRate     = 8000   // Hz. ErrFormat.
	maxRate     = 192000 // Hz. ErrFormat.
	maxChannels = 8      // ErrFormat.
)

// Why a file is no sound that can be used. Decode's errors wrap one of them and say what was found.
var (
	// ErrFormat is that of what is no WAV or Ogg Vorbis file, is damaged, or is of a kind that isn't read.
	ErrFormat = errors.New("not a sound that can be read")

	// ErrTooLarge is that of a file above MaxFileBytes.
	ErrTooLarge = fmt.Errorf("the file is larger than %d MiB", MaxFileBytes>>20)

	// ErrTooLong is that of a sound that lasts longer than MaxLength.
	ErrTooLong = fmt.Errorf("the sound is longer than %v", MaxLength)
)

// resampleQuality is half the number of samples that one is interpolated from.
const resampleQuality = 4

// Decode reads a file: WAV of 8, 16 or 24 bit PCM, or Ogg Vorbis, told by its first bytes; of 1 to 8 channels at 8 to 192 kHz.
// The sound is resampled to SampleRate and mixed down to one channel; of more than two the front left and right are
// taken. Vorbis with a subwoofer's channel (5.1 and the like) is not read. Errors are ErrFormat, ErrTooLarge and ErrTooLong.
//
// A file may be anybody's. Its headers are checked before the libraries that decode it see them, so neither memory nor
// work follows from a number in a header, and a panic within a library is ErrFormat.
func Decode(data []byte) (pcm PCM, err error) {
	defer func() {
		if recover() != nil {
			pcm, err = nil, fmt.Errorf("%w: it is damaged: its contents contradict themselves", ErrFormat)
		}
	}()
	switch {
	case len(data) > MaxFileBytes:
		return nil, fmt.Errorf("%w: it has %d bytes", ErrTooLarge, len(data))
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WAVE":
		return decodeWAV(data)
	case bytes.HasPrefix(data, []byte(capturePattern)):
		return decodeVorbis(data)
	}
	return nil, fmt.Errorf("%w: a WAV or Ogg Vorbis file was expected, and it begins like neither", ErrFormat)
}

// checkRate refuses rates and numbers of channels that no sound has.
func checkRate(channels, rate int) error {
	if channels < 1 || channels > maxChannels {
		return fmt.Errorf("%w: it has %d channels; 1 to %d were expected", ErrFormat, channels, maxChannels)
	}
	if rate < minRate || rate > maxRate {
		return fmt.Errorf("%w: its sample rate is %d Hz; %d to %d were expected", ErrFormat, rate, minRate, maxRate)
	}
	return nil
}

// checkLength refuses what has no samples, or too many.
func checkLength(frames, rate int) error {
	if frames <= 0 {
		return fmt.Errorf("%w: it holds no sound", ErrFormat)
	}
	if frames > maxFrames(rate) {
		return ErrTooLong
	}
	return nil
}

// maxFrames is how many samples of each channel MaxLength has.
func maxFrames(rate int) int {
	return int(MaxLength/time.Second) * rate
}

// convert resamples what a library decoded, mixes it down and rounds it. The stream has frames samples of each channel
// at most.
func convert(source beep.Streamer, rate, frames int) (PCM, error) {
	stream := source
	if rate != SampleRate {
		stream = beep.Resample(resampleQuality, beep.SampleRate(rate), SampleRate, source)
	}
	expected := frames*SampleRate/rate + 1
	pcm := make(PCM, 0, expected)
	var block [512][2]float64
	for len(pcm) < expected {
		n, ok := stream.Stream(block[:])
		for _, frame := range block[:n] {
			pcm = append(pcm, quantise((frame[0]+frame[1])/2))
		}
		if !ok || n == 0 {
			break
		}
	}
	if err := stream.Err(); err != nil {
		return nil, fmt.Errorf("%w: it is damaged: %w", ErrFormat, err)
	}
	if len(pcm) == 0 {
		return nil, fmt.Errorf("%w: it holds no sound", ErrFormat)
	}
	return pcm[:min(len(pcm), maxFrames(SampleRate))], nil
}

// quantise is the sample for a level from -1 to 1; what is beyond is clipped. A sample of 16 bits comes out as it was.
func quantise(level float64) int16 {
	return int16(math.Round(min(max(level*-math.MinInt16, math.MinInt16), math.MaxInt16)))
}
