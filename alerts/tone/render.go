package tone

import "math"

// Render synthesises the pattern at volume percent of full scale, from 1 to 100; numbers outside count as the nearest
// of these. The largest sample is exactly that share of the full scale. The last sample belongs to the last ramp.
//
// The bytes are the same on every processor. The language lets a compiler fuse a product and a sum, which rounds once
// instead of twice, and some do on arm64: a product is converted to float64 explicitly, which forbids it, and the sine
// is our own, since that of package math has such sums.
func (p Pattern) Render(volume int) PCM {
	var wave []float64
	for _, pulse := range p.Pulses {
		wave = append(wave, p.pulse(pulse)...)
		wave = append(wave, make([]float64, samplesIn(pulse.Gap))...)
	}
	peak := 0.0
	for _, sample := range wave {
		peak = max(peak, math.Abs(sample))
	}
	if peak == 0 {
		return nil
	}
	scale := math.Round(float64(fullScale*clampVolume(volume))/100) / peak
	pcm := make(PCM, len(wave))
	for i, sample := range wave {
		pcm[i] = int16(math.Round(sample * scale))
	}
	return pcm
}

// pulse adds the harmonics up. Those at half the sample rate and above are left out: they would fold back.
func (p Pattern) pulse(pulse Pulse) []float64 {
	n, edge := samplesIn(pulse.Length), samplesIn(p.Ramp)
	wave := make([]float64, n)
	for h, amplitude := range p.Harmonics {
		frequency := float64(pulse.Frequency * float64(h+1))
		if frequency >= SampleRate/2 {
			break
		}
		for i := range wave {
			wave[i] += float64(amplitude * sine(float64(frequency*float64(i))/SampleRate))
		}
	}
	for i := range min(edge, n/2) {
		s := sine(float64(i) / float64(4*edge)) // the square of a sine's first quarter is half a raised cosine
		gain := float64(s * s)
		wave[i] = float64(wave[i] * gain)
		wave[n-1-i] = float64(wave[n-1-i] * gain)
	}
	return wave
}

// sine of a number of turns, to 10^-11: a Taylor series over a quarter turn to either side.
func sine(turns float64) float64 {
	turns -= math.Floor(turns + 0.5) // now from -1/2 to 1/2
	switch {
	case turns > 0.25:
		turns = 0.5 - turns
	case turns < -0.25:
		turns = -0.5 - turns
	}
	x := float64(2 * math.Pi * turns)
	square := float64(x * x)
	sum, term := x, x
	for k := 2; k <= 14; k += 2 {
		term = -float64(term*square) / float64(k*(k+1))
		sum += term
	}
	return sum
}
