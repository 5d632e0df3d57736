package steady

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestFit looks for lines that are known, with noise that is not.
func TestFit(t *testing.T) {
	cases := map[string]struct {
		reason string
		slope  float64 // per hour
		noise  float64
	}{
		"Flat":  {reason: "what only goes up and down grows by nothing that can be told from it", noise: 5},
		"Grows": {reason: "a leak is found through the noise", slope: 100, noise: 5},
		"Exact": {reason: "without noise the line is the series", slope: -30},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			source := rand.New(rand.NewPCG(1, 2))
			var minutes, values []float64
			for second := range 1800 {
				m := float64(second) / 60
				value := 1000 + tc.slope*m/60 + tc.noise*source.NormFloat64()
				if m < 3 {
					value += 500 // it warms up
				}
				minutes, values = append(minutes, m), append(values, value)
			}
			got := fit(minutes, values)
			if math.Abs(got.slope-tc.slope) > got.error+1e-6 {
				t.Errorf("%s: slope %v ± %v, want %v", tc.reason, got.slope, got.error, tc.slope)
			}
			if got.error > 20 {
				t.Errorf("%s: ± %v tells nothing", tc.reason, got.error)
			}
		})
	}
}

func TestFitOfLittle(t *testing.T) {
	for _, minutes := range [][]float64{nil, {0}, {0, 1}} {
		if got := fit(minutes, make([]float64, len(minutes))); !math.IsInf(got.error, 1) {
			t.Errorf("%d samples tell nothing, and got %+v", len(minutes), got)
		}
	}
}

func TestThinned(t *testing.T) {
	var x, y []float64
	for i := range 1000 {
		x, y = append(x, float64(i)), append(y, 7)
	}
	tx, ty := thinned(x, y)
	if len(tx) != len(ty) || len(tx) > points || len(tx) < points/2 {
		t.Fatalf("%d points", len(tx))
	}
	for i := range ty {
		if ty[i] != 7 || i > 0 && tx[i] <= tx[i-1] {
			t.Fatalf("point %d is %v, %v", i, tx[i], ty[i])
		}
	}
	if tx, _ := thinned(nil, nil); len(tx) != 0 {
		t.Error("none are none")
	}
}
