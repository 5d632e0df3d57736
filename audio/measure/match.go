package measure

import (
	"math"
	"time"

	"github.com/checky-dev/checky/alerts/tone"
)

// How far a pulse may be from the table, both ways. A player that is late, or stumbles, is to be seen: the pulses of two
// patterns are further apart than this.
const (
	lengthTolerance    = 12 * time.Millisecond // of a pulse, and of the gap after it
	frequencyTolerance = 0.02                  // in parts of the frequency
)

// name is the pattern that the pulses are.
func name(pulses []Pulse) string {
	if p, ok := whole(pulses); ok {
		return p.Name
	}
	flood, _ := tone.ByName(tone.FloodName)
	before := len(pulses) - len(flood.Pulses)
	if before < 1 || !matches(pulses[before:], flood) {
		return ""
	}
	// Whatever is before flood ends with a ramp of its own: at half level the gap is longer by half of both.
	first, ok := whole(pulses[:before])
	if !ok {
		return "+" + tone.FloodName
	}
	expected := tone.FloodGap + first.Ramp/2 + flood.Ramp/2
	if !near(pulses[before].Start-pulses[before-1].End(), expected) {
		return ""
	}
	return first.Name + "+" + tone.FloodName
}

// whole is the pattern that all of the pulses are.
func whole(pulses []Pulse) (tone.Pattern, bool) {
	for _, p := range tone.Patterns() {
		if matches(pulses, p) {
			return p, true
		}
	}
	return tone.Pattern{}, false
}

// matches tells whether the pulses are a pattern's, each by its length, its fundamental and the gap after it. At half
// level a pulse is shorter by one ramp than in the table, and a gap longer.
func matches(pulses []Pulse, p tone.Pattern) bool {
	if len(pulses) != len(p.Pulses) {
		return false
	}
	for i, want := range p.Pulses {
		got := pulses[i]
		if !near(got.Length, want.Length-p.Ramp) ||
			math.Abs(got.Frequency-want.Frequency) > frequencyTolerance*want.Frequency {
			return false
		}
		if i < len(pulses)-1 && !near(pulses[i+1].Start-got.End(), want.Gap+p.Ramp) {
			return false
		}
	}
	return true
}

func near(got, want time.Duration) bool {
	return (got - want).Abs() <= lengthTolerance
}
