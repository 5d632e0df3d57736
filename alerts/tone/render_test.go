package tone

import (
	"crypto/sha256"
	"encoding/hex"
	"math"
	"math/cmplx"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
)

func TestRenderPeaksAtTheVolume(t *testing.T) {
	for _, p := range Patterns() {
		for volume, peak := range map[int]int{1: 328, 37: 12124, 80: 26214, 100: 32767, 0: 328, 250: 32767} {
			if got := peakOf(p.Render(volume)); got != peak {
				t.Errorf("%s at %d %%: the largest sample is %d; %d was expected", p.Name, volume, got, peak)
			}
		}
		pcm := p.Render(80)
		if pcm.Length() != p.Length() {
			t.Errorf("%s lasts %v; %v was expected", p.Name, pcm.Length(), p.Length())
		}
	}
	if pcm := (Pattern{Pulses: pulses(100, 0, 440)}).Render(80); len(pcm) != 0 {
		t.Error("a pattern without harmonics makes samples")
	}
}

func peakOf(p PCM) int {
	peak := 0
	for _, sample := range p {
		peak = max(peak, int(math.Abs(float64(sample))))
	}
	return peak
}

// No step between two samples is larger than the steepest that the harmonics together can make, edges included: where a
// pulse began or ended at once there would be one, which clicks.
func TestRenderDoesNotClick(t *testing.T) {
	for _, p := range Patterns() {
		pcm := p.Render(100)
		steepest, sum := 0.0, 0.0
		for _, pulse := range p.Pulses {
			slope := 0.0
			for h, a := range p.Harmonics {
				slope += a * 2 * math.Pi * pulse.Frequency * float64(h+1) / SampleRate
			}
			steepest = max(steepest, slope)
		}
		for _, a := range p.Harmonics {
			sum += a
		}
		// The harmonics never peak together, so full scale stands for less than their sum: for 1.5 at least.
		limit := steepest * fullScale / 1.5
		for i := 1; i < len(pcm); i++ {
			if step := math.Abs(float64(pcm[i]) - float64(pcm[i-1])); step > limit {
				t.Fatalf("%s: a step of %v at sample %d; %.0f at most were expected (harmonics sum up to %v)", p.Name, step, i, limit, sum)
			}
		}
		if pcm[0] != 0 || pcm[len(pcm)-1] != 0 {
			t.Errorf("%s begins with %d and ends with %d", p.Name, pcm[0], pcm[len(pcm)-1])
		}
	}
}

func TestRenderIsBandLimited(t *testing.T) {
	for _, p := range Patterns() {
		pcm := p.Render(100)
		samples := make([]float64, len(pcm))
		for i, sample := range pcm {
			samples[i] = float64(sample)
		}
		spectrum := fourier.NewFFT(len(samples)).Coefficients(nil, samples)
		all, high := 0.0, 0.0
		for i, c := range spectrum {
			power := cmplx.Abs(c) * cmplx.Abs(c)
			all += power
			if float64(i)*SampleRate/float64(len(samples)) > 5000 {
				high += power
			}
		}
		if share := 10 * math.Log10(high/all); share > -50 {
			t.Errorf("%s: energy above 5 kHz is at %.1f dB; -50 at most were expected", p.Name, share)
		}
	}
}

// What is rendered is the same everywhere: these are the sums of the bytes on amd64.
func TestRenderIsTheSameEverywhere(t *testing.T) {
	sums := map[string]string{
		"low":      "a9a3ad8dd381bfdd",
		"medium":   "e50905fea64ce006",
		"high":     "717734c204bda2ff",
		"recovery": "9c2db7d686ed7def",
		"flood":    "fc1e87ff48094078",
	}
	for name, want := range sums {
		p, _ := ByName(name)
		sum := sha256.Sum256(p.Render(80).Bytes())
		if got := hex.EncodeToString(sum[:8]); got != want {
			t.Errorf("%s: the bytes have the sum %s; %s was expected", name, got, want)
		}
	}
}

func TestSine(t *testing.T) {
	for i := -4000; i <= 4000; i++ {
		turns := float64(i) / 997
		if diff := math.Abs(sine(turns) - math.Sin(2*math.Pi*turns)); diff > 1e-10 {
			t.Fatalf("sine(%v) is off by %v", turns, diff)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	p, _ := ByName("high")
	b.ReportAllocs()
	for b.Loop() {
		p.Render(80)
	}
}
