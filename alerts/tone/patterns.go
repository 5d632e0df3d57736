package tone

import (
	"slices"
	"time"
)

// FloodName is the pattern that follows a tone which stands for many failures.
const FloodName = "flood"

// FloodGap is the silence between a tone and the pattern flood after it.
const FloodGap = 300 * time.Millisecond

// Pulse is one sounding part of a pattern.
type Pulse struct {
	Frequency float64       // of the fundamental, in Hz
	Length    time.Duration // from silence to silence, both ramps included
	Gap       time.Duration // the silence before the next pulse; 0 in the last one
}

// Pattern is a tone that ships with Checky.
type Pattern struct {
	Name   string
	Pulses []Pulse

	// Harmonics are the amplitudes of the fundamental, which is the first, and of its multiples, relative to one
	// another.
	Harmonics []float64

	// Ramp is how long a pulse takes to rise, and to fall: half a period of a raised cosine each. Where it has half of its
	// amplitude a pulse is shorter by one ramp than its Length.
	Ramp time.Duration

	// Source says what the timing is taken from.
	Source string
}

// The sources of timings. The figures of IEC 60601-1-8 are those published with alarm chips: high priority 10 pulses (5 and 5)
// of 80-150 ms with gaps of 15-80 ms; medium 3 pulses of 130-200 ms with gaps of 40-100 ms; low 1 or 2 pulses; a
// fundamental of 150-1000 Hz, and at least 4 harmonics within 300-4000 Hz.
const (
	sourceIEC  = "inspired by IEC 60601-1-8"
	sourceOurs = "Checky's own"
)

// timbre is what all patterns share: a fundamental that is the strongest component, and four more harmonics within
// 15 dB of it, so that the ear places the sound even where a room swallows some of them.
var timbre = []float64{1, 0.6, 0.5, 0.35, 0.25}

const ramp = 20 * time.Millisecond

// patterns is the table of what is heard. A pulse's length and the gap after it, in milliseconds, are within the limits
// of their source both from silence to silence and between the points of half amplitude.
var patterns = []Pattern{
	{Name: "low", Harmonics: timbre, Ramp: ramp, Source: sourceIEC, Pulses: pulses(200, 200, 349, 349)},
	{Name: "medium", Harmonics: timbre, Ramp: ramp, Source: sourceIEC, Pulses: pulses(190, 65, 523, 523, 523)},
	{Name: "high", Harmonics: timbre, Ramp: ramp, Source: sourceIEC, Pulses: slices.Concat(
		last(400*time.Millisecond, pulses(140, 50, 784, 784, 784, 784, 784)),
		pulses(140, 50, 784, 784, 784, 784, 784),
	)},
	{Name: "recovery", Harmonics: timbre, Ramp: ramp, Source: sourceOurs, Pulses: pulses(120, 40, 523, 659, 784)},
	{Name: FloodName, Harmonics: timbre, Ramp: 10 * time.Millisecond, Source: sourceOurs,
		Pulses: pulses(70, 30, 988, 880, 784, 698, 659, 587, 523, 494)},
}

// pulses are of one length and with one gap between them, in milliseconds, at each of the frequencies.
func pulses(length, gap int, frequencies ...float64) []Pulse {
	run := make([]Pulse, 0, len(frequencies))
	for _, f := range frequencies {
		run = append(run, Pulse{
			Frequency: f,
			Length:    time.Duration(length) * time.Millisecond,
			Gap:       time.Duration(gap) * time.Millisecond,
		})
	}
	return last(0, run)
}

// last sets the gap after the last pulse of a run.
func last(gap time.Duration, run []Pulse) []Pulse {
	run[len(run)-1].Gap = gap
	return run
}

// Patterns are all patterns: low, medium, high, recovery, flood. The caller may change what it gets.
func Patterns() []Pattern {
	copied := make([]Pattern, 0, len(patterns))
	for _, p := range patterns {
		copied = append(copied, p.clone())
	}
	return copied
}

// ByName is the pattern of that name, and whether there is one.
func ByName(name string) (Pattern, bool) {
	for _, p := range patterns {
		if p.Name == name {
			return p.clone(), true
		}
	}
	return Pattern{}, false
}

func (p Pattern) clone() Pattern {
	p.Pulses, p.Harmonics = slices.Clone(p.Pulses), slices.Clone(p.Harmonics)
	return p
}

// Length is how long the pattern lasts.
func (p Pattern) Length() time.Duration {
	var sum time.Duration
	for _, pulse := range p.Pulses {
		sum += pulse.Length + pulse.Gap
	}
	return sum
}
