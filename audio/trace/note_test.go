package trace

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/dispatch"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestNotes(t *testing.T) {
	ward := &alerts.Policy{Name: "ward"}
	high := v1alpha1.Tone{Pattern: v1alpha1.TonePatternHigh}
	check := []dispatch.Alert{{UID: "uid-1", Namespace: "lab", Name: "freezer"}}
	cases := map[string]struct {
		reason       string
		announcement dispatch.Announcement
		want         string // reason, type, related and note
	}{
		"one":      {"the plain case", dispatch.Announcement{Kind: dispatch.First, Policy: ward, Tone: high, Count: 1}, "Announced Warning ward: tone high on node lab-3, policy ward"},
		"default":  {"there is no object to relate to", dispatch.Announcement{Kind: dispatch.First, Policy: alerts.Default(), Tone: high, Count: 1}, "Announced Warning : tone high on node lab-3, policy default"},
		"two":      {"one other", dispatch.Announcement{Kind: dispatch.Repeat, Policy: ward, Tone: high, Count: 2}, "AnnouncedAgain Warning ward: tone high on node lab-3, policy ward, with 1 other"},
		"group":    {"how many others", dispatch.Announcement{Kind: dispatch.First, Policy: ward, Tone: high, Count: 13}, "Announced Warning ward: tone high on node lab-3, policy ward, with 12 others"},
		"flood":    {"the count is all there is to say", dispatch.Announcement{Kind: dispatch.Flood, Policy: ward, Tone: high, Count: 500}, "FloodAnnounced Warning ward: tone high and the flood signal on node lab-3, policy ward, one for 500 failures (only the worst 20 have an Event)"},
		"recovery": {"nothing to warn of", dispatch.Announcement{Kind: dispatch.Recovery, Policy: ward, Tone: v1alpha1.Tone{Pattern: v1alpha1.TonePatternRecovery}, Count: 1}, "RecoveryAnnounced Normal ward: tone recovery on node lab-3, policy ward"},
		"file":     {"a sound by its file", dispatch.Announcement{Kind: dispatch.First, Policy: ward, Tone: v1alpha1.Tone{File: "bell.ogg"}, Count: 1}, "Announced Warning ward: tone bell.ogg on node lab-3, policy ward"},
		"ConfigMap": {
			"a sound by its key", dispatch.Announcement{
				Kind: dispatch.First, Policy: ward, Count: 1,
				Tone: v1alpha1.Tone{ConfigMapKeyRef: &v1alpha1.KeyReference{Name: "sounds", Key: "bell.wav"}},
			}, "Announced Warning ward: tone bell.wav of ConfigMap sounds on node lab-3, policy ward",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			e := NewEvents(nil, "lab-3", EventOptions{})
			c.announcement.Alerts = check
			events := e.announced(&c.announcement)
			if len(events) != 1 {
				t.Fatalf("%d events, want 1", len(events))
			}
			related := ""
			if events[0].Related != nil {
				related = events[0].Related.Name
			}
			if diff := cmp.Diff(c.want, events[0].Reason+" "+events[0].Type+" "+related+": "+events[0].Note); diff != "" {
				t.Errorf("%s: %s", c.reason, diff)
			}
		})
	}
}

func TestEventsInFull(t *testing.T) {
	e := NewEvents(nil, "lab-3", EventOptions{Clock: clocktesting.NewFakeClock(noon)})
	got := e.announced(&dispatch.Announcement{
		Kind: dispatch.First, Policy: &alerts.Policy{Name: "ward"}, Tone: v1alpha1.Tone{Pattern: "high"}, Count: 1,
		Alerts: []dispatch.Alert{{UID: "uid-1", Namespace: "lab", Name: "freezer"}},
	})[0]
	want := &eventsv1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: "lab", Name: "freezer.1898c0306cab8000"},
		EventTime:  metav1.NewMicroTime(noon), Type: corev1.EventTypeWarning, Reason: "Announced", Action: "Play",
		ReportingController: "checky.dev/alertd", ReportingInstance: "lab-3", Note: "tone high on node lab-3, policy ward",
		Regarding: corev1.ObjectReference{APIVersion: "checky.dev/v1alpha1", Kind: "Check", Namespace: "lab", Name: "freezer", UID: "uid-1"},
		Related:   &corev1.ObjectReference{APIVersion: "checky.dev/v1alpha1", Kind: "AlertPolicy", Name: "ward"},
	}
	want.Name = got.Name // tested below
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestOfManyTheWorstHaveEvents bounds what one announcement writes.
func TestOfManyTheWorstHaveEvents(t *testing.T) {
	e := NewEvents(nil, "lab-3", EventOptions{})
	a := dispatch.Announcement{Kind: dispatch.First, Count: 300}
	for n := range 100 {
		a.Alerts = append(a.Alerts, dispatch.Alert{Name: strings.Repeat("x", n+1), Namespace: "lab"})
	}
	events := e.announced(&a)
	if len(events) != MaxEvents || events[0].Regarding.Name != "x" || !strings.Contains(events[0].Note, "with 299 others") {
		t.Errorf("%d events; the first is %v", len(events), events[0])
	}
}

// TestAnyEventIsOneThatIsTaken has names and texts of any length and bytes.
func TestAnyEventIsOneThatIsTaken(t *testing.T) {
	name := rapid.StringMatching(`[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?(\.[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?){0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		node := name.Draw(t, "node")
		node = strings.TrimRight(node[:min(len(node), validation.DNS1123SubdomainMaxLength)], "-.")
		check := name.Draw(t, "check")
		check = strings.TrimRight(check[:min(len(check), validation.DNS1123SubdomainMaxLength)], "-.")
		e := NewEvents(nil, node, EventOptions{Clock: clocktesting.NewFakeClock(noon)})
		text := string(rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "text"))
		about := rapid.SampledFrom([]corev1.ObjectReference{e.nodeReference(), {Namespace: "lab", Name: check, UID: types.UID(check)}}).Draw(t, "about")
		names := make(map[string]bool)
		for range 3 {
			event := e.event(about, corev1.EventTypeWarning, text, text)
			if errs := validation.IsDNS1123Subdomain(event.Name); len(errs) > 0 || names[event.Name] {
				t.Fatalf("name %q: %v", event.Name, errs)
			}
			names[event.Name] = true
			if len(event.Note) > 1024 || len(event.Reason) > 128 || len(event.ReportingInstance) > 128 || !utf8.ValidString(event.Note) {
				t.Fatalf("too long or no UTF-8: %v", event)
			}
		}
	})
	if got := clip("aä", 2); got != "a" {
		t.Errorf("cut within a character: %q", got)
	}
}
