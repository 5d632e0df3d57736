package measure

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/alerts/tone"
)

// recorded is sound as it comes off a recording, with silence at both ends.
func recorded(lead time.Duration, pcm tone.PCM) []int16 {
	silence := make(tone.PCM, lead*tone.SampleRate/time.Second)
	return slices.Concat(silence, pcm, silence)
}

func TestPatternsAreMeasuredBackToTheTable(t *testing.T) {
	for _, p := range tone.Patterns() {
		for _, volume := range []int{1, 25, 80, 100} {
			lead := 137 * time.Millisecond
			r := Analyse(recorded(lead, p.Render(volume)), tone.SampleRate)
			if r.Pattern != p.Name {
				t.Errorf("%s at %d %% is measured as %q: %+v", p.Name, volume, r.Pattern, r.Pulses)
				continue
			}
			start := lead
			for i, want := range p.Pulses {
				got := r.Pulses[i]
				const slack = 4 * time.Millisecond
				if d := (got.Start - start - p.Ramp/2).Abs(); d > slack {
					t.Errorf("%s at %d %%: pulse %d begins at %v, %v from the table", p.Name, volume, i, got.Start, d)
				}
				if d := (got.Length - want.Length + p.Ramp).Abs(); d > slack {
					t.Errorf("%s at %d %%: pulse %d lasts %v, %v from the table", p.Name, volume, i, got.Length, d)
				}
				if d := math.Abs(got.Frequency - want.Frequency); d > 2 {
					t.Errorf("%s at %d %%: pulse %d has %.1f Hz, %v in the table", p.Name, volume, i, got.Frequency, want.Frequency)
				}
				if level := 20 * math.Log10(float64(volume)/100); got.Level > level+0.2 || got.Level < level-1.5 {
					t.Errorf("%s at %d %%: pulse %d is at %.1f dB; %.1f was expected", p.Name, volume, i, got.Level, level)
				}
				start += want.Length + want.Gap
			}
			if d := (r.Length - p.Length() + p.Ramp).Abs(); d > 4*time.Millisecond {
				t.Errorf("%s at %d %%: all of it lasts %v", p.Name, volume, r.Length)
			}
		}
	}
}

func TestDominantIsAFundamental(t *testing.T) {
	for _, p := range tone.Patterns() {
		r := Analyse(p.Render(80), tone.SampleRate)
		if !slices.ContainsFunc(p.Pulses, func(pulse tone.Pulse) bool { return math.Abs(pulse.Frequency-r.Dominant) < 3 }) {
			t.Errorf("%s: %.1f Hz is no fundamental of it", p.Name, r.Dominant)
		}
	}
}

// Fundamental and harmonics are where the table has them, and as strong.
func TestHarmonicsOfTheTableAreFound(t *testing.T) {
	for _, p := range tone.Patterns() {
		pcm := p.Render(80)
		at := time.Duration(0)
		for i, pulse := range p.Pulses {
			s := newSpectrum(tone.SampleRate)
			from := int(at * tone.SampleRate / time.Second)
			s.add(pcm[from : from+int(pulse.Length*tone.SampleRate/time.Second)])
			at += pulse.Length + pulse.Gap
			line := func(f float64) float64 {
				center := int(math.Round(f * fftSize / tone.SampleRate))
				return slices.Max(s.total[center-2 : center+3])
			}
			fundamental, found := line(pulse.Frequency), 0
			for h, amplitude := range p.Harmonics {
				f := pulse.Frequency * float64(h+1)
				got, want := 10*math.Log10(line(f)/fundamental), 20*math.Log10(amplitude/p.Harmonics[0])
				if math.Abs(got-want) > 1 {
					t.Errorf("%s, pulse %d: %.0f Hz is at %.1f dB; %.1f was expected", p.Name, i, f, got, want)
				}
				if f >= 300 && f <= 4000 {
					found++
				}
			}
			if found < 4 {
				t.Errorf("%s, pulse %d: %d harmonics within 300 to 4000 Hz", p.Name, i, found)
			}
		}
	}
}

func TestFloodAfterATone(t *testing.T) {
	flood, _ := tone.ByName("flood")
	for _, p := range tone.Patterns() {
		pcm := tone.Join(tone.FloodGap, p.Render(60), flood.Render(60))
		if got := Analyse(recorded(time.Second, pcm), tone.SampleRate).Pattern; got != p.Name+"+flood" {
			t.Errorf("%s and then flood is measured as %q", p.Name, got)
		}
		pcm = tone.Join(2*tone.FloodGap, p.Render(60), flood.Render(60))
		if got := Analyse(recorded(time.Second, pcm), tone.SampleRate).Pattern; got != "" {
			t.Errorf("%s and flood too late is measured as %q", p.Name, got)
		}
	}
	pcm := tone.Join(tone.FloodGap, sine(600, 2*time.Second, 0.6), flood.Render(60))
	if got := Analyse(pcm, tone.SampleRate).Pattern; got != "+flood" {
		t.Errorf("a sound of one's own and then flood is measured as %q", got)
	}
}

func sine(frequency float64, length time.Duration, level float64) tone.PCM {
	pcm := make(tone.PCM, length*tone.SampleRate/time.Second)
	for i := range pcm {
		pcm[i] = int16(level * 32767 * math.Sin(2*math.Pi*frequency*float64(i)/tone.SampleRate))
	}
	return pcm
}

func TestOthersAreNoPattern(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make(tone.PCM, 2*tone.SampleRate)
	for i := range noise {
		noise[i] = int16(random.IntN(40000) - 20000)
	}
	high, _ := tone.ByName("high")
	medium, _ := tone.ByName("medium")
	slow, raised, short := high, medium, high
	slow.Pulses, raised.Pulses = slices.Clone(high.Pulses), slices.Clone(medium.Pulses)
	slow.Pulses[3].Gap += 30 * time.Millisecond
	for i := range raised.Pulses {
		raised.Pulses[i].Frequency *= 1.06 // a semitone
	}
	short.Pulses = high.Pulses[:9]
	evacuation := tone.Join(500*time.Millisecond,
		sine(520, 500*time.Millisecond, 0.8), sine(520, 500*time.Millisecond, 0.8), sine(520, 500*time.Millisecond, 0.8))
	cases := map[string]struct {
		reason  string
		samples tone.PCM
		pulses  int
	}{
		"nothing":       {"there are no samples", nil, 0},
		"silence":       {"no sample is above the noise of a card", make(tone.PCM, tone.SampleRate), 0},
		"hiss":          {"a card's noise is no sound", noise.Scale(1).Scale(20), 0},
		"noise":         {"noise has no pulses", noise, 1},
		"a long sine":   {"one pulse is no pattern", sine(523, time.Second, 0.8), 1},
		"a click":       {"too short for a pulse", append(tone.PCM{20000, -20000}, make(tone.PCM, 4800)...), 0},
		"evacuation":    {"the reserved signal is none of ours", evacuation, 3},
		"high, stumble": {"a gap is longer than in the table", slow.Render(80), 10},
		"high, cut":     {"a pulse is missing", short.Render(80), 9},
		"a semitone up": {"the fundamental is another", raised.Render(80), 3},
		"high twice":    {"twenty pulses are two bursts", tone.Join(time.Second, high.Render(80), high.Render(80)), 20},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			r := Analyse(c.samples, tone.SampleRate)
			if r.Pattern != "" || len(r.Pulses) != c.pulses {
				t.Errorf("%s: %d pulses, measured as %q", c.reason, len(r.Pulses), r.Pattern)
			}
		})
	}
	if r := Analyse(high.Render(80), 4000); len(r.Pulses) != 0 {
		t.Error("a rate at which no pattern can be told is measured")
	}
}

func TestAnalyseBoundsPulses(t *testing.T) {
	pcm := tone.Join(40*time.Millisecond, slices.Repeat([]tone.PCM{sine(600, 40*time.Millisecond, 0.5)}, 3*maxPulses)...)
	if r := Analyse(pcm, tone.SampleRate); len(r.Pulses) != maxPulses || r.Pattern != "" {
		t.Errorf("%d pulses, %q", len(r.Pulses), r.Pattern)
	}
}

// Silence at both ends, of any length, and the volume change nothing.
func TestSilenceAndVolumeDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(tone.Patterns()).Draw(t, "pattern")
		volume := rapid.IntRange(1, 100).Draw(t, "volume")
		lead := rapid.IntRange(0, 20000).Draw(t, "lead")
		tail := rapid.IntRange(0, 20000).Draw(t, "tail")
		samples := slices.Concat(make(tone.PCM, lead), p.Render(volume), make(tone.PCM, tail))
		if r := Analyse(samples, tone.SampleRate); r.Pattern != p.Name {
			t.Errorf("%s is measured as %q", p.Name, r.Pattern)
		}
	})
}

func TestAnyRecordingIsMeasured(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Int16(), 0, 3000).Draw(t, "samples")
		rate := rapid.IntRange(-1, 200000).Draw(t, "rate")
		if r := Analyse(samples, rate); r.Pattern != "" {
			t.Errorf("measured as %q", r.Pattern)
		}
	})
}

func TestReadRaw(t *testing.T) {
	left, right := tone.PCM{1, -2, 32767}, tone.PCM{-32768, 5, 6}
	var both tone.PCM
	for i := range left {
		both = append(both, left[i], right[i])
	}
	cases := map[string]struct {
		reason   string
		in       io.Reader
		channels int
		want     []int16
		fails    bool
	}{
		"mono":         {"all of it", bytes.NewReader(left.Bytes()), 1, left, false},
		"stereo":       {"the first channel", bytes.NewReader(both.Bytes()), 2, left, false},
		"in pieces":    {"a reader may give one byte at a time", iotest.OneByteReader(bytes.NewReader(both.Bytes())), 2, left, false},
		"cut off":      {"a frame that isn't whole is dropped", bytes.NewReader(both.Bytes()[:11]), 2, left[:2], false},
		"empty":        {"nothing was recorded", bytes.NewReader(nil), 1, nil, false},
		"no channels":  {"frames of no bytes", bytes.NewReader(nil), 0, nil, true},
		"33 channels":  {"more than any card has", bytes.NewReader(nil), 33, nil, true},
		"broken":       {"what the reader says is passed on", iotest.ErrReader(io.ErrClosedPipe), 1, nil, true},
		"without ends": {"a recording that never ends", endless{}, 32, nil, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := ReadRaw(c.in, c.channels)
			if diff := cmp.Diff(c.want, got); diff != "" || (err != nil) != c.fails {
				t.Errorf("%s: %v %s", c.reason, err, diff)
			}
		})
	}
	if _, err := ReadRaw(endless{}, 1); !errors.Is(err, ErrTooLong) {
		t.Errorf("a recording that never ends: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func BenchmarkAnalyse(b *testing.B) {
	p, _ := tone.ByName("high")
	pcm := p.Render(80)
	b.ReportAllocs()
	for b.Loop() {
		Analyse(pcm, tone.SampleRate)
	}
}
