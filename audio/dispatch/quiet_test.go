package dispatch

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/checky-dev/checky/alerts"
)

func TestAcknowledgementStopsRepeats(t *testing.T) {
	r := newRoom(t, policy(t, "p", repeats(5*time.Minute)))
	a := r.alert("a", failing)
	r.observe(a)
	r.run(time.Minute)
	a.AcknowledgedBy = "ann"
	r.observe(a)
	r.run(time.Hour)
	r.expect("somebody is at it", "1s First error a")
	r.expectSuppressed("a acknowledged")

	a.Key = "worse"
	r.observe(a)
	r.run(time.Minute)
	r.expect("the acknowledgement was of another verdict", "1h1m1s First error a")
	r.run(time.Hour)
	r.expect("but it stops its repeats")

	a.AcknowledgedBy = ""
	r.observe(a)
	r.run(time.Minute)
	r.expect("withdrawn: the repeat is overdue", "2h2m0s Repeat error a")
}

func TestAcknowledgementBeforeTheFirstSoundHoldsIt(t *testing.T) {
	slow := policy(t, "p", wait(time.Minute), interval(time.Minute))
	r := newRoom(t, slow)
	a := r.alert("a", failing)
	r.observe(a)
	r.run(time.Second)
	a.AcknowledgedBy = "ann"
	r.observe(a)
	r.run(time.Hour)
	r.expect("it was acknowledged while it waited")
	if e := r.journal["a"]; e.State != Held {
		t.Errorf("journal has %v", e)
	}
	r.restart(time.Hour, slow)
	r.list(a)
	r.run(time.Hour)
	r.expect("and still is after a restart")
	a.AcknowledgedBy = ""
	r.observe(a)
	r.run(time.Second / 2)
	r.expect("withdrawn", "1h0m0s First error a")
}

func TestOldAcknowledgementHoldsNothingAfterRestart(t *testing.T) {
	night := policy(t, "p", quiet("11:00", "13:00", "UTC"))
	r := newRoom(t, night)
	a := r.alert("a", failing, func(a *Alert) { a.AcknowledgedBy = "ann" + strings.Repeat("ä", 300) })
	r.observe(a)
	r.run(time.Minute)
	if kept := r.journal["a"].Acknowledged; len(kept) != MaxAcknowledged-1 || !utf8.ValidString(kept) {
		t.Errorf("the journal is to keep %q, of %d bytes", kept, len(kept))
	}
	r.restart(time.Minute, night)
	r.list(a)
	r.run(2 * time.Hour)
	r.expect("the acknowledgement was there before the failure", "58m0s First error a")
}

func TestQuietHoursHoldAndThenAnnounce(t *testing.T) {
	r := newRoom(t, policy(t, "p", quiet("11:00", "14:00", "UTC", critical)))
	r.observe(r.alert("a", failing), r.alert("b", warning), r.alert("c", failing))
	r.run(time.Hour)
	r.gone("c")
	r.observe(r.alert("d", critical))
	r.run(30 * time.Minute)
	r.expect("critical sounds nevertheless", "1h0m1s First critical d")
	r.expectSuppressed("a quiet", "b quiet", "c quiet")
	r.run(time.Hour)
	r.expect("what still fails", "2h0m0s First error a b")
}

func TestQuietHoursOverDaylightSavingHoldAndThenAnnounce(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		night  time.Time // 21:00 UTC of the evening before
		heard  string
	}{
		"Spring": {"22:00 to 06:00 is seven hours: until 04:00 UTC", time.Date(2026, 3, 28, 21, 0, 0, 0, time.UTC), "7h0m0s First error a"},
		"Autumn": {"22:00 to 06:00 is nine hours: until 05:00 UTC", time.Date(2026, 10, 24, 21, 0, 0, 0, time.UTC), "8h0m0s First error a"},
		"Winter": {"22:00 to 06:00 is eight hours: until 05:00 UTC", time.Date(2026, 1, 10, 21, 0, 0, 0, time.UTC), "8h0m0s First error a"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			r.now.Wall = tc.night
			r.s.SetPolicies(r.now, []*alerts.Policy{policy(t, "p", quiet("22:00", "06:00", "Europe/Berlin"))})
			r.run(30 * time.Minute)
			a := r.alert("a", failing)
			r.run(30 * time.Minute)
			r.observe(a)
			r.run(12 * time.Hour)
			r.expect(tc.reason, tc.heard)
		})
	}
}

func TestQuietHoursDoNotStopWhatPlays(t *testing.T) {
	r := newRoom(t, policy(t, "p", quiet("12:01", "13:00", "UTC")))
	r.sound = 10 * time.Second
	r.run(55 * time.Second)
	r.observe(r.alert("a", failing))
	r.run(time.Hour)
	r.expect("it began before", "56s First error a")
}

func TestQuietHoursHoldRepeats(t *testing.T) {
	r := newRoom(t, policy(t, "p", repeats(5*time.Minute), quiet("12:04", "13:00", "UTC")))
	r.observe(r.alert("a", failing))
	r.run(time.Hour + time.Minute)
	r.expect("the overdue repeat comes at their end", "1s First error a", "1h0m0s Repeat error a")
	r.expectSuppressed("a quiet")
}

func TestSilenceEndsAndWhatStillFailsSounds(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.s.SetSilences(r.now, []*alerts.Silence{silence(t, noon, noon.Add(time.Hour), "a", "b")})
	r.observe(r.alert("a", failing), r.alert("b", failing), r.alert("c", failing))
	if got := r.s.Waiting(); got != 1 {
		t.Errorf("%d wait; those that are silenced do not", got)
	}
	r.run(30 * time.Minute)
	r.expect("c is not silent", "1s First error c")
	r.expectSuppressed("a silenced", "b silenced")
	r.gone("b")
	r.run(time.Hour)
	r.expect("only a still fails", "1h0m0s First error a")
}

func TestSilenceBeginsBeforeTheFirstSound(t *testing.T) {
	r := newRoom(t, policy(t, "p", wait(time.Minute), interval(time.Minute)))
	r.s.SetSilences(r.now, []*alerts.Silence{silence(t, noon.Add(30*time.Second), noon.Add(time.Hour))})
	r.observe(r.alert("a", failing))
	r.run(2 * time.Hour)
	r.expect("it began while a waited", "1h0m0s First error a")
}

func TestSilenceEndsBetweenFullMinutes(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.s.SetSilences(r.now, []*alerts.Silence{silence(t, noon, noon.Add(75*time.Second))})
	r.observe(r.alert("a", failing))
	r.run(3 * time.Minute)
	r.expect("it is heard at the second", "1m15s First error a")
}

func TestSilenceIsWithdrawn(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.s.SetSilences(r.now, []*alerts.Silence{silence(t, noon, noon.Add(time.Hour))})
	r.observe(r.alert("a", failing))
	r.run(time.Minute)
	r.s.SetSilences(r.now, nil)
	r.run(time.Minute)
	r.expect("at once", "1m0s First error a")
}

func TestWallClockThatIsSet(t *testing.T) {
	for name, jump := range map[string]time.Duration{"Forward": 7 * time.Hour, "Back": -7 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, policy(t, "p", repeats(5*time.Minute)), policy(t, "q"))
			r.observe(r.alert("a", failing))
			r.run(time.Minute)
			r.now.Wall = r.now.Wall.Add(jump)
			r.observe(r.alert("b", failing))
			r.run(4*time.Minute + 30*time.Second)
			r.expect("waits and repeats go on by the other clock", "1s First error a", "1m1s First error b", "5m1.5s Repeat error a")
		})
	}
}

func TestWallClockThatLeavesQuietHoursIsSeenWithinAMinute(t *testing.T) {
	r := newRoom(t, policy(t, "p", quiet("11:00", "14:00", "UTC")))
	r.observe(r.alert("a", failing))
	r.run(time.Minute)
	r.now.Wall = noon.Add(6 * time.Hour)
	r.run(time.Minute)
	if len(r.heard) != 1 {
		t.Errorf("heard %v", r.heard)
	}
}
