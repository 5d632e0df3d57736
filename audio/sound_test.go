//go:build linux

package audio

import (
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

func TestSubstituteSaysTheSame(t *testing.T) {
	cases := map[string]struct {
		reason string
		a      dispatch.Announcement
		want   v1alpha1.TonePattern
	}{
		"failure":  {"the pattern of its severity", dispatch.Announcement{Kind: dispatch.First, Severity: v1alpha1.SeverityCritical}, v1alpha1.TonePatternHigh},
		"repeat":   {"the pattern of its severity", dispatch.Announcement{Kind: dispatch.Repeat, Severity: v1alpha1.SeverityWarning}, v1alpha1.TonePatternLow},
		"recovery": {"good news is no alarm", dispatch.Announcement{Kind: dispatch.Recovery, Severity: v1alpha1.SeverityCritical}, v1alpha1.TonePatternRecovery},
	}
	for name, c := range cases {
		if got := substitute(&c.a); got != c.want {
			t.Errorf("%s: %s: got %s, want %s", name, c.reason, got, c.want)
		}
	}
}
