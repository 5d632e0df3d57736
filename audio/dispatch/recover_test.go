package dispatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/alerts"
)

func TestRecoveryIsAnnouncedOncePerGroupInterval(t *testing.T) {
	r := newRoom(t, policy(t, "p", recovers, interval(time.Minute)))
	r.observe(r.alert("a", failing), r.alert("b", critical), r.alert("c", failing), r.alert("d", failing))
	r.run(10 * time.Second)
	r.heard = nil
	r.gone("a", "b", "c")
	r.run(time.Second)
	if diff := cmp.Diff([]string{"a", "b", "c"}, r.inquired); diff != "" {
		t.Errorf("inquired:\n%s", diff)
	}
	r.s.Recovered(r.now, "a")
	r.s.Recovered(r.now, "b") // c was deleted
	r.run(10 * time.Second)
	r.expect("together", "12s Recovery critical b a")
	r.gone("d")
	r.run(time.Second)
	r.s.Recovered(r.now, "d")
	r.run(2 * time.Minute)
	r.expect("a minute later", "1m12.5s Recovery error d")
	r.s.Recovered(r.now, "c")
	r.run(time.Minute)
	r.expect("an answer that comes after two minutes is no news")
	if len(r.s.recoveries.of)+len(r.s.recoveries.asked) != 0 {
		t.Error("keeps recoveries")
	}
}

func TestRecoveryIsNotAnnounced(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		then   func(r *room)
	}{
		"Quiet":    {"in quiet hours", func(r *room) { r.now.Wall = noon.Add(90 * time.Minute) }},
		"Silenced": {"in a silence", func(r *room) { r.s.SetSilences(r.now, []*alerts.Silence{silence(t, noon, noon.Add(time.Hour))}) }},
		"Fails":    {"it fails again", func(r *room) { r.observe(r.alert("a", failing)) }},
		"Policy":   {"its policy went", func(r *room) { r.s.SetPolicies(r.now, []*alerts.Policy{alerts.Default()}) }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, policy(t, "p", recovers, wait(0), quiet("13:00", "14:00", "UTC")))
			r.observe(r.alert("a", failing))
			r.run(5 * time.Second)
			r.heard = nil
			r.gone("a")
			r.run(time.Second)
			r.s.Recovered(r.now, "a")
			tc.then(r)
			r.run(time.Second)
			for _, a := range r.plays {
				if a.Kind == Recovery {
					t.Error("a recovery was announced:", tc.reason)
				}
			}
		})
	}
}

func TestRecoveryThatIsCutShortIsPlayedLater(t *testing.T) {
	r := newRoom(t, policy(t, "p", recovers))
	r.observe(r.alert("a", failing))
	r.run(30 * time.Second)
	r.gone("a")
	r.run(0)
	r.s.Recovered(r.now, "a")
	r.sound = 10 * time.Second
	r.run(3 * time.Second)
	r.observe(r.alert("b", info))
	r.run(time.Minute)
	r.expect("a failure of any severity comes first", "1s First error a", "34s First info b", "44s Recovery error a")
}

func TestRecoveryThatCannotBePlayedIsDroppedInTheEnd(t *testing.T) {
	r := newRoom(t, policy(t, "p", recovers))
	r.observe(r.alert("a", failing))
	r.run(30 * time.Second)
	r.attempts = nil
	r.gone("a")
	r.run(0)
	r.s.Recovered(r.now, "a")
	for range 5 {
		r.results = append(r.results, Failed)
	}
	r.run(time.Hour)
	r.expect("it was not heard", "1s First error a")
	if len(r.attempts) != maxAttempts || len(r.s.recoveries.of) != 0 {
		t.Errorf("%d attempts, keeps %d", len(r.attempts), len(r.s.recoveries.of))
	}
}
