package measure

import (
	"math"

	"gonum.org/v1/gonum/dsp/fourier"
	"gonum.org/v1/gonum/dsp/window"
)

// fftSize is how many samples are transformed: at 48 kHz a third of a second, so that lines are 3 Hz apart. Of a longer pulse
// the middle is taken, a shorter one is followed by zeros.
const fftSize = 1 << 14

// The frequencies looked at, in Hz.
const lowestFrequency, highestFrequency = 100, 5000

// spectrum sums up the power of pulses by frequency.
type spectrum struct {
	rate  int
	fft   *fourier.FFT
	total []float64
}

func newSpectrum(rate int) *spectrum {
	return &spectrum{rate: rate, fft: fourier.NewFFT(fftSize), total: make([]float64, fftSize/2+1)}
}

// add takes a pulse in, and returns its strongest frequency.
func (s *spectrum) add(pulse []int16) float64 {
	if over := len(pulse) - fftSize; over > 0 {
		pulse = pulse[over/2 : over/2+fftSize]
	}
	samples := make([]float64, fftSize)
	for i, sample := range pulse {
		samples[i] = float64(sample)
	}
	window.Hann(samples[:len(pulse)])
	power := make([]float64, 0, len(s.total))
	for _, c := range s.fft.Coefficients(nil, samples) {
		power = append(power, real(c)*real(c)+imag(c)*imag(c))
	}
	for i, p := range power {
		s.total[i] += p
	}
	return s.strongest(power)
}

func (s *spectrum) dominant() float64 {
	return s.strongest(s.total)
}

// strongest is the frequency of the highest line, or of the top of the parabola through it and its neighbours, on a scale
// of decibels.
func (s *spectrum) strongest(power []float64) float64 {
	first := max(lowestFrequency*fftSize/s.rate, 1)
	best := first
	for i := first; i < min(highestFrequency*fftSize/s.rate, len(power)-1); i++ {
		if power[i] > power[best] {
			best = i
		}
	}
	if power[best] == 0 {
		return 0
	}
	// A thousandth of a millionth below the top there is nothing to be told, and the logarithm stays finite.
	level := func(i int) float64 { return math.Log(power[i] + 1e-9*power[best]) }
	left, middle, right := level(best-1), level(best), level(best+1)
	shift := 0.0
	if curve := left - 2*middle + right; curve < 0 {
		shift = (left - right) / (2 * curve)
	}
	return (float64(best) + shift) * float64(s.rate) / fftSize
}
