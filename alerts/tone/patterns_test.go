package tone

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// limits are those that a pattern of one priority keeps: the figures of IEC 60601-1-8 as published with alarm chips.
type limits struct {
	pulses         []int // how many there may be
	minLength      time.Duration
	maxLength      time.Duration
	minGap, maxGap time.Duration
	groups         int // runs of pulses, with longer gaps between them
}

func TestPatternsKeepTheTimingOfTheirSource(t *testing.T) {
	const ms = time.Millisecond
	cases := map[string]struct {
		reason string
		limits limits
	}{
		"low": {
			reason: "one or two pulses; no limits of length are published",
			limits: limits{pulses: []int{1, 2}, minLength: 0, maxLength: time.Second, minGap: 0, maxGap: time.Second, groups: 1},
		},
		"medium": {
			reason: "three pulses of 130 to 200 ms, gaps of 40 to 100 ms",
			limits: limits{pulses: []int{3}, minLength: 130 * ms, maxLength: 200 * ms, minGap: 40 * ms, maxGap: 100 * ms, groups: 1},
		},
		"high": {
			reason: "ten pulses, five and five, of 80 to 150 ms, gaps of 15 to 80 ms, a longer one between the groups",
			limits: limits{pulses: []int{10}, minLength: 80 * ms, maxLength: 150 * ms, minGap: 15 * ms, maxGap: 80 * ms, groups: 2},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, ok := ByName(name)
			if !ok || p.Source != sourceIEC {
				t.Fatalf("%s: no such pattern, or not inspired by the standard: %+v", name, p)
			}
			if !slices.Contains(c.limits.pulses, len(p.Pulses)) {
				t.Errorf("%d pulses; %s", len(p.Pulses), c.reason)
			}
			groups := 1
			for i, pulse := range p.Pulses {
				// From silence to silence, and between the points of half amplitude.
				for _, length := range []time.Duration{pulse.Length, pulse.Length - p.Ramp} {
					if length < c.limits.minLength || length > c.limits.maxLength {
						t.Errorf("pulse %d: %v; %s", i, length, c.reason)
					}
				}
				if i == len(p.Pulses)-1 {
					continue
				}
				if pulse.Gap > 2*c.limits.maxGap {
					groups++
					if i != len(p.Pulses)/2-1 {
						t.Errorf("the groups part after pulse %d; %s", i, c.reason)
					}
					continue
				}
				for _, gap := range []time.Duration{pulse.Gap, pulse.Gap + p.Ramp} {
					if gap < c.limits.minGap || gap > c.limits.maxGap {
						t.Errorf("gap %d: %v; %s", i, gap, c.reason)
					}
				}
			}
			if groups != c.limits.groups {
				t.Errorf("%d groups; %s", groups, c.reason)
			}
		})
	}
}

func TestPatternsHaveHarmonicsThatCarry(t *testing.T) {
	for _, p := range Patterns() {
		for i, pulse := range p.Pulses {
			if pulse.Frequency < 150 || pulse.Frequency > 1000 {
				t.Errorf("%s, pulse %d: fundamental of %v Hz; 150 to 1000 were expected", p.Name, i, pulse.Frequency)
			}
			within := 0
			for h := range p.Harmonics {
				if f := pulse.Frequency * float64(h+1); f >= 300 && f <= 4000 {
					within++
				}
			}
			if within < 4 {
				t.Errorf("%s, pulse %d: %d harmonics within 300 to 4000 Hz; at least 4 were expected", p.Name, i, within)
			}
		}
		if last := p.Pulses[len(p.Pulses)-1]; last.Gap != 0 {
			t.Errorf("%s ends with a silence of %v", p.Name, last.Gap)
		}
		if p.Length() > 3*time.Second {
			t.Errorf("%s lasts %v: whoever hears it waits for its end", p.Name, p.Length())
		}
	}
}

// evacuates tells whether three pulses in a row are like those of ISO 8201: half a second each, half a second apart. It
// is generous: anything from 0.3 to 0.8 s counts.
func evacuates(pulses []Pulse) bool {
	like := func(d time.Duration) bool { return d >= 300*time.Millisecond && d <= 800*time.Millisecond }
	run := 0
	for i, pulse := range pulses {
		if !like(pulse.Length) {
			run = 0
			continue
		}
		if run == 0 || like(pulses[i-1].Gap) {
			run++
		} else {
			run = 1
		}
		if run == 3 {
			return true
		}
	}
	return false
}

func TestNoPatternIsLikeTheEvacuationSignal(t *testing.T) {
	if !evacuates(pulses(500, 500, 520, 520, 520)) {
		t.Fatal("the evacuation signal itself is not recognised")
	}
	flood, _ := ByName("flood")
	for _, p := range Patterns() {
		followed := slices.Concat(last(FloodGap, slices.Clone(p.Pulses)), flood.Pulses)
		twice := slices.Concat(last(500*time.Millisecond, slices.Clone(p.Pulses)), p.Pulses)
		if evacuates(p.Pulses) || evacuates(followed) || evacuates(twice) {
			t.Errorf("%s is like the evacuation signal", p.Name)
		}
	}
}

func TestRecoveryRisesAndFloodFalls(t *testing.T) {
	for name, rises := range map[string]bool{"recovery": true, "flood": false} {
		p, _ := ByName(name)
		for i := 1; i < len(p.Pulses); i++ {
			if up := p.Pulses[i].Frequency > p.Pulses[i-1].Frequency; up != rises {
				t.Errorf("%s: pulse %d goes the other way", name, i)
			}
		}
	}
}

func TestByName(t *testing.T) {
	var names []string
	for _, p := range Patterns() {
		names = append(names, p.Name)
		found, ok := ByName(p.Name)
		if diff := cmp.Diff(p, found); diff != "" || !ok {
			t.Errorf("ByName(%q): %s", p.Name, diff)
		}
		found.Pulses[0].Frequency, found.Harmonics[0] = 1, 0
	}
	if diff := cmp.Diff([]string{"low", "medium", "high", "recovery", "flood"}, names); diff != "" {
		t.Error(diff)
	}
	if _, ok := ByName("evacuation"); ok {
		t.Error("there is a pattern evacuation")
	}
	if low, _ := ByName("low"); low.Pulses[0].Frequency == 1 || low.Harmonics[0] == 0 {
		t.Error("who changes a pattern changes the table")
	}
}
