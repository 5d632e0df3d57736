package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/alerts/tone"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/measure"
	"github.com/checky-dev/checky/test/install/node"
)

// heard has a critical Check fail, and measures what the alert daemon's Pod played to ALSA's file plugin.
func (c *cluster) heard() {
	c.t.Helper()
	ctx := c.t.Context()
	room := map[string]string{"e2e.example.com/room": "server"}
	policy := &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: "room"}, Spec: v1alpha1.AlertPolicySpec{
		Priority: 100, Selector: &metav1.LabelSelector{MatchLabels: room},
	}}
	check := &v1alpha1.Check{ObjectMeta: metav1.ObjectMeta{Name: "cooling", Namespace: "default", Labels: room}, Spec: v1alpha1.CheckSpec{
		InputJSON: `{"celsius": 61}`,
		Rules: []v1alpha1.Rule{{
			Name: "celsius", Severity: v1alpha1.SeverityCritical, CEL: &v1alpha1.CELRule{Expression: "input.celsius < 45"},
		}},
	}}
	for _, object := range []client.Object{policy, check} {
		if err := c.Create(ctx, object); err != nil {
			c.t.Fatal(err)
		}
	}
	c.await("the announcement", func(ctx context.Context) error {
		var events eventsv1.EventList
		if err := c.List(ctx, &events, client.InNamespace("default")); err != nil {
			return err
		}
		for i := range events.Items {
			e := &events.Items[i]
			if e.Reason == "Announced" && e.Regarding.Name == check.Name && strings.Contains(e.Note, node.Name) {
				return nil
			}
		}
		return errors.New("no Event Announced")
	})
	recordings, err := filepath.Glob(filepath.Join(c.Logs(), "../kubelet/pods", string(c.pods("alertd")[0].UID),
		"volumes/kubernetes.io~empty-dir/state/sounds/*.raw"))
	if err != nil || len(recordings) == 0 {
		c.t.Fatalf("recordings: %v, %v", recordings, err)
	}
	patterns := make([]string, len(recordings))
	for i, path := range recordings {
		file, err := os.Open(path)
		if err != nil {
			c.t.Fatal(err)
		}
		samples, err := measure.ReadRaw(file, 1)
		_ = file.Close()
		if err != nil {
			c.t.Fatal(err)
		}
		patterns[i] = measure.Analyse(samples, tone.SampleRate).Pattern
		if patterns[i] == string(v1alpha1.TonePatternHigh) {
			did(c.t, "a tone recorded in the alert daemon's Pod: %s", describe(measure.Analyse(samples, tone.SampleRate)))
			return
		}
	}
	c.t.Errorf("a critical failure sounds high; recorded was %q", patterns)
}

func describe(r measure.Recording) string {
	return fmt.Sprintf("pattern %s, %d pulses, %.0f Hz", r.Pattern, len(r.Pulses), r.Dominant)
}
