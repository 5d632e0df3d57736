//go:build linux

package alertd_test

import (
	"strings"
	"testing"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// TestAFailureIsHeardOnce has a critical failure heard, measured, and leave its traces.
func TestAFailureIsHeardOnce(t *testing.T) {
	c := newCluster(t)
	c.policy(nil)
	r := c.room()
	d := r.start()
	check := c.fail("a", v1alpha1.SeverityCritical, "x")
	line := d.announced(1)[0]
	if line.text("kind") != "First" || line.text("severity") != "critical" || line.text("policy") != c.namespace || line.text("tone") != "high" {
		t.Errorf("the log says %v", line)
	}
	heard := r.heard()
	if len(heard) != 1 || heard[0].Pattern != "high" {
		t.Fatalf("heard %+v", heard)
	}
	d.stop()
	if notes := c.events(check); len(notes) != 1 || !strings.HasPrefix(notes[0], "Announced: ") {
		t.Errorf("events: %q", notes)
	}
	t.Log(c.events(check), heard[0].Pattern, heard[0].Dominant)
}
