package dispatch

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

const (
	info     = v1alpha1.SeverityInfo
	warning  = v1alpha1.SeverityWarning
	failing  = v1alpha1.SeverityError
	critical = v1alpha1.SeverityCritical
)

func TestFailureIsAnnouncedOnceAfterGroupWait(t *testing.T) {
	r := newRoom(t, alerts.Default())
	a := r.alert("a", failing)
	r.observe(a)
	r.run(time.Hour)
	r.expect("one tone, a second later", "1s First error a")
	for range 50 { // evaluated again, with other prose and times
		a.Completed = r.now.Wall
		r.observe(a)
		r.run(time.Minute)
	}
	r.expect("the same facts are the same failure")
}

func TestPassesWithinGroupWaitIsNeverAnnounced(t *testing.T) {
	r := newRoom(t, policy(t, "p", wait(10*time.Second)))
	r.observe(r.alert("a", critical))
	r.run(9 * time.Second)
	r.gone("a")
	r.run(time.Hour)
	r.expect("it passed in time")
}

func TestGroupIsOneTone(t *testing.T) {
	r := newRoom(t, policy(t, "p", wait(time.Second)))
	r.observe(r.alert("a", warning))
	r.run(500 * time.Millisecond)
	r.observe(r.alert("b", critical), r.alert("c", failing))
	r.run(time.Minute)
	r.expect("by the worst, which is listed first", "1s First critical b c a")
}

func TestGroupIntervalHoldsWhatIsNotWorse(t *testing.T) {
	r := newRoom(t, policy(t, "p", wait(time.Second), interval(10*time.Second)))
	r.observe(r.alert("a", failing))
	r.run(3 * time.Second) // heard at 1.5 s
	r.observe(r.alert("b", failing), r.alert("c", warning))
	r.run(3 * time.Second)
	r.expect("the interval is not over", "1s First error a")
	r.run(time.Minute)
	r.expect("at its end", "11.5s First error b c")
}

func TestWorseDoesNotWaitForGroupInterval(t *testing.T) {
	r := newRoom(t, policy(t, "p", wait(time.Second), interval(time.Minute)))
	r.observe(r.alert("a", failing))
	r.run(3 * time.Second)
	r.observe(r.alert("b", failing))
	r.run(time.Second)
	r.observe(r.alert("c", critical))
	r.run(time.Hour)
	r.expect("after groupWait, and the one that waits goes with it", "1s First error a", "5s First critical c b")
}

func TestChangedVerdictSoundsAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change func(*Alert)
		again  bool
	}{
		"Key":    {"other facts are another failure", func(a *Alert) { a.Key = "other" }, true},
		"Since":  {"a success was between", func(a *Alert) { a.Since = a.Since.Add(time.Hour) }, true},
		"Phase":  {"a phase is no identity", func(a *Alert) { a.Phase = v1alpha1.PhaseError }, false},
		"Labels": {"nor are labels", func(a *Alert) { a.Labels = map[string]string{"x": "y"} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t, alerts.Default())
			a := r.alert("a", failing)
			r.observe(a)
			r.run(time.Hour)
			r.expect("the first", "1s First error a")
			tc.change(&a)
			r.observe(a)
			r.run(time.Hour)
			if tc.again {
				r.expect(tc.reason, "1h0m1s First error a")
			} else {
				r.expect(tc.reason)
			}
		})
	}
}

func TestFailsAgainAfterItWasGone(t *testing.T) {
	r := newRoom(t, alerts.Default())
	a := r.alert("a", failing)
	r.observe(a)
	r.run(time.Minute)
	r.gone("a")
	if r.run(time.Minute); len(r.journal) != 0 {
		t.Errorf("the journal keeps %v", r.journal)
	}
	r.observe(a)
	r.run(time.Minute)
	r.expect("it was gone: another failure, even if it looks the same", "1s First error a", "2m1s First error a")
}

func TestRepeatInterval(t *testing.T) {
	r := newRoom(t, policy(t, "p", repeats(5*time.Minute), interval(time.Minute)))
	r.observe(r.alert("a", failing))
	r.run(30 * time.Second)
	r.observe(r.alert("b", critical))
	r.run(11 * time.Minute)
	r.expect("what would be due within groupInterval goes along",
		"1s First error a", "31s First critical b", "5m1.5s Repeat critical b a", "10m2s Repeat critical b a")
	r.gone("a", "b")
	r.run(time.Hour)
	r.expect("nothing lasts")
}

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
	a := r.alert("a", failing, func(a *Alert) { a.AcknowledgedBy = "ann" })
	r.observe(a)
	r.run(time.Minute)
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

func TestRestartAnnouncesNothingTwice(t *testing.T) {
	r := newRoom(t, alerts.Default())
	a := r.alert("a", failing)
	r.observe(a)
	r.run(time.Minute)
	r.expect("the first", "1s First error a")
	r.restart(24*time.Hour, alerts.Default())
	r.list(a)
	r.run(time.Hour)
	r.expect("the journal knows it")
	a.Key = "other"
	r.restart(time.Minute, alerts.Default())
	a.Completed = r.now.Wall
	r.list(a)
	r.run(time.Hour)
	r.expect("it knows another failure", "1s First error a")
}

func TestWhatFailedLongBeforeTheStartIsStale(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		age    time.Duration
		first  bool
		heard  []string
	}{
		"Young":  {"it failed while the daemon was down", 14 * time.Minute, true, []string{"1s First error a"}},
		"Old":    {"nobody needs to hear it", 16 * time.Minute, true, nil},
		"Later":  {"only what the first list brings is stale", 16 * time.Minute, false, []string{"1s First error a"}},
		"Future": {"a clock was set back", -time.Hour, true, []string{"1s First error a"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy(t, "p", repeats(24*time.Hour))
			r := newRoom(t, p)
			a := r.alert("a", failing, func(a *Alert) { a.Completed = noon.Add(-tc.age) })
			r.s.Observe(r.now, a, tc.first)
			r.s.Synced(r.now)
			r.run(time.Hour)
			r.expect(tc.reason, tc.heard...)
			if tc.heard != nil {
				return
			}
			r.expectSuppressed("a stale")
			r.restart(48*time.Hour, p)
			r.list(a)
			r.run(48 * time.Hour)
			r.expect("neither after the next start, nor as a repeat")
			a.Key = "other"
			r.observe(a)
			r.run(time.Minute)
			r.expect("a changed verdict sounds", "48h0m1s First error a")
		})
	}
}

func TestHeldIsNotStaleAfterRestart(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	long := []*alerts.Silence{silence(t, noon, noon.Add(48*time.Hour))}
	r.s.SetSilences(r.now, long)
	a := r.alert("a", failing)
	r.observe(a)
	r.run(time.Minute)
	r.restart(24*time.Hour, policy(t, "p"))
	r.s.SetSilences(r.now, long)
	r.list(a)
	r.run(24 * time.Hour)
	r.expect("at the end of the silence", "23h59m0s First error a")
}

func TestUnplayableIsNotStaleAfterRestart(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.results = []Result{Failed, Failed}
	a := r.alert("a", failing)
	r.observe(a)
	r.run(2 * time.Second)
	r.restart(24*time.Hour, policy(t, "p"))
	r.results = nil
	r.list(a)
	r.run(time.Minute)
	r.expect("the speaker was mended meanwhile", "1s First error a")
}

func TestRepeatIsDueByTheJournalAfterRestart(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		down   time.Duration
		heard  string
	}{
		"Soon":     {"one hour after the announcement", 30 * time.Minute, "30m0s Repeat error a"},
		"Overdue":  {"now", 5 * time.Hour, "0s Repeat error a"},
		"Set back": {"no later than in one interval", -5 * time.Hour, "1h0m0s Repeat error a"},
	} {
		t.Run(name, func(t *testing.T) {
			p := policy(t, "p", repeats(time.Hour))
			r := newRoom(t, p)
			a := r.alert("a", failing)
			r.observe(a)
			r.run(2 * time.Second) // it was played at 1.5 s
			r.heard = nil
			r.restart(tc.down-500*time.Millisecond, p)
			r.list(a)
			r.run(time.Hour + time.Second)
			if len(r.heard) == 0 {
				t.Fatal("nothing was heard:", tc.reason)
			}
			r.heard = r.heard[:1]
			r.expect(tc.reason, tc.heard)
		})
	}
}

func TestSyncedForgetsWhatFailsNoMore(t *testing.T) {
	r := newRoom(t, alerts.Default())
	r.observe(r.alert("a", failing), r.alert("b", failing))
	r.run(time.Minute)
	a := r.s.alerts["a"].alert
	r.restart(time.Minute, alerts.Default())
	r.list(a)
	r.run(time.Minute)
	if _, ok := r.journal["b"]; ok || len(r.journal) != 1 {
		t.Errorf("journal: %v", r.journal)
	}
}

func TestFloodIsOneSignal(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	var count int
	for i := range 500 {
		r.observe(r.alert(fmt.Sprintf("%03d", i), failing))
		r.run(10 * time.Millisecond)
	}
	r.run(time.Hour)
	r.expect("within 5 s", "1s Flood error 100")
	for _, e := range r.journal {
		if e.State == Announced {
			count++
		}
	}
	if count != 500 || len(r.suppressed) != 400 {
		t.Errorf("%d journaled as announced, %d covered", count, len(r.suppressed))
	}
	if got := len(r.plays[0].Alerts); got != MaxListed {
		t.Errorf("lists %d", got)
	}
	r.observe(r.alert("later", failing))
	r.run(time.Minute)
	r.expect("the flood is over", "1h0m6s First error later")
}

func TestFloodOfSeveralGroupsIsOne(t *testing.T) {
	r := newRoom(t, policy(t, "p", selecting("team", "p")), policy(t, "q", selecting("team", "q")))
	for i := range 30 {
		team := map[string]string{"team": "pq"[i%2 : i%2+1]}
		severity := failing
		if i == 17 {
			severity = critical
		}
		r.observe(r.alert(fmt.Sprint(i), severity, func(a *Alert) { a.Labels = team }))
	}
	r.run(time.Hour)
	r.expect("by the worst of both", "1s Flood critical 30")
	if got := r.plays[0]; got.Alerts[0].Name != "17" || got.Policy.Name != "q" {
		t.Errorf("%s first, of policy %s", got.Alerts[0].Name, got.Policy.Name)
	}
}

func TestWorseThanTheFloodSoundsByItself(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	for i := range 30 {
		r.observe(r.alert(fmt.Sprint(i), failing))
	}
	r.run(5 * time.Second)
	r.observe(r.alert("c", critical), r.alert("d", failing))
	r.run(5 * time.Second)
	r.observe(r.alert("e", critical))
	r.run(time.Minute)
	r.expect("once: then the flood is as bad", "1s Flood error 30", "6s First critical c")
	r.expectSuppressed("d flood", "e flood")
}

func TestFloodWhoseSignalFailsIsAFloodAgain(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.results = []Result{Failed, Failed, Failed, Failed, Failed, Failed}
	for i := range 30 {
		r.observe(r.alert(fmt.Sprint(i), failing))
	}
	r.run(10 * time.Minute)
	r.expect("after attempts at 1, 2.5, 5, 9.5, 18 and 78.5 s", "2m19s Flood error 30")
}

func TestRepeatOfAWorseOneDoesNotWorsenTheFlood(t *testing.T) {
	r := newRoom(t, policy(t, "p", repeats(time.Minute)))
	r.observe(r.alert("old", critical))
	r.run(45 * time.Second)
	for i := range 30 {
		r.observe(r.alert(fmt.Sprint(i), failing))
	}
	r.run(30 * time.Second)
	r.observe(r.alert("new", critical))
	r.run(5 * time.Second)
	r.heard[1] = "" // the order of the others is of no interest here
	r.expect("a new critical failure is heard in a flood of others", "1s First critical old", "", "1m1.5s Repeat critical old", "1m16s First critical new")
}

func TestWhatWasNotHeardIsNotCountedForAFlood(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.results = []Result{Failed}
	for i := range 30 {
		r.observe(r.alert(fmt.Sprint(i), failing))
	}
	r.run(2 * time.Second)
	for i := range 30 {
		r.gone(fmt.Sprint(i))
	}
	r.observe(r.alert("a", failing))
	r.run(time.Minute)
	r.expect("one failure is no flood", "3s First error a")
}

func TestFloodLastsAtLeastAsLongAsItsSignal(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	for i := range 20 {
		r.observe(r.alert(fmt.Sprint(i), failing))
	}
	r.run(55 * time.Second)
	r.sound = 10 * time.Second
	r.observe(r.alert("a", failing))
	r.run(7 * time.Second)
	r.observe(r.alert("b", failing))
	r.run(time.Minute)
	r.expect("b fails while it plays", "1s First error 20", "56s Flood error a")
	r.expectSuppressed("b flood")
}

func TestSlowFailuresAreNoFlood(t *testing.T) {
	r := newRoom(t, policy(t, "p", interval(time.Second)))
	for i := range 40 {
		r.observe(r.alert(fmt.Sprint(i), failing))
		r.run(3100 * time.Millisecond)
	}
	if len(r.heard) != 40 {
		t.Errorf("%d of 40 were heard: 19 a minute are no flood", len(r.heard))
	}
}

func TestWorseInterruptsLower(t *testing.T) {
	r := newRoom(t, policy(t, "p", selecting("team", "p")), policy(t, "q"))
	r.sound = 10 * time.Second
	r.observe(r.alert("a", warning, func(a *Alert) { a.Labels = map[string]string{"team": "p"} }))
	r.run(2 * time.Second)
	r.observe(r.alert("b", critical))
	r.run(time.Minute)
	r.expect("and what it cut short is announced after it", "3s First critical b", "13s First warning a")
}

func TestEqualWaitsForWhatPlays(t *testing.T) {
	r := newRoom(t, policy(t, "p", selecting("team", "p")), policy(t, "q"))
	r.sound = 10 * time.Second
	r.observe(r.alert("a", failing, func(a *Alert) { a.Labels = map[string]string{"team": "p"} }))
	r.run(2 * time.Second)
	r.observe(r.alert("b", failing))
	r.run(time.Minute)
	r.expect("one at a time", "1s First error a", "11s First error b")
}

func TestInterruptedOfTheSameGroupGoesAlong(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.sound = 10 * time.Second
	r.observe(r.alert("a", warning))
	r.run(2 * time.Second)
	r.observe(r.alert("b", critical))
	r.run(time.Minute)
	r.expect("one tone for both", "3s First critical b a")
}

func TestRepeatInterruptsNothing(t *testing.T) {
	r := newRoom(t, policy(t, "p", selecting("team", "p"), repeats(time.Minute)), policy(t, "q"))
	r.observe(r.alert("a", critical, func(a *Alert) { a.Labels = map[string]string{"team": "p"} }))
	r.run(55 * time.Second)
	r.sound = 20 * time.Second
	r.observe(r.alert("b", info))
	r.run(30 * time.Second)
	r.expect("the repeat, due at 61.5 s, waits", "1s First critical a", "56s First info b")
	r.run(30 * time.Second)
	r.expect("for its turn", "1m16s Repeat critical a")
}

func TestWorstFirst(t *testing.T) {
	r := newRoom(t,
		policy(t, "p", selecting("team", "p")), policy(t, "q", selecting("team", "q")), policy(t, "r", selecting("team", "r")))
	team := func(name string) func(*Alert) {
		return func(a *Alert) { a.Labels = map[string]string{"team": name} }
	}
	r.observe(r.alert("a", warning, team("p")), r.alert("b", critical, team("q")), r.alert("c", failing, team("r")))
	r.run(time.Minute)
	r.expect("then the next", "1s First critical b", "1.5s First error c", "2s First warning a")
}

func TestFailedIsTriedAgainForAsLongAsItLasts(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.sound = 0
	for range 8 {
		r.results = append(r.results, Failed)
	}
	r.observe(r.alert("a", failing))
	r.run(time.Hour)
	seconds := func(n int) time.Duration { return time.Duration(n) * time.Second }
	want := []time.Duration{seconds(1), seconds(2), seconds(4), seconds(8), seconds(16), seconds(76), seconds(136), seconds(196), seconds(256)}
	if diff := cmp.Diff(want, r.attempts); diff != "" {
		t.Errorf("attempts (-want +got):\n%s", diff)
	}
	r.expect("in the end", "4m16s First error a")
}

func TestNewOneWaitsForTheRetryOfOneAsBad(t *testing.T) {
	r := newRoom(t, policy(t, "p", wait(0)))
	r.results = []Result{Failed}
	r.observe(r.alert("a", failing))
	r.run(600 * time.Millisecond) // it failed at 0.5 s
	r.observe(r.alert("b", failing))
	r.run(time.Minute)
	r.expect("they are tried together", "1.5s First error a b")
}

func TestWorseDoesNotWaitForTheRetryOfALower(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	for range 6 {
		r.results = append(r.results, Failed)
	}
	r.observe(r.alert("a", failing))
	r.run(25 * time.Second) // the sixth attempt is a minute after the fifth
	r.results = nil
	r.observe(r.alert("b", critical))
	r.run(time.Minute)
	r.expect("and both are heard", "26s First critical b a")
}

func TestUnaskedInterruptionIsAFailure(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.sound = 0
	r.results = []Result{Interrupted, Interrupted}
	r.observe(r.alert("a", failing))
	r.run(time.Minute)
	r.expect("it is not tried again at once", "4s First error a")
}

func TestGoneWhileItsTonePlays(t *testing.T) {
	r := newRoom(t, policy(t, "p", recovers))
	r.observe(r.alert("a", failing))
	r.run(1200 * time.Millisecond)
	r.gone("a")
	r.run(time.Minute)
	r.expect("the tone is not cut", "1s First error a")
	if len(r.journal) != 0 {
		t.Errorf("journal: %v", r.journal)
	}
	if diff := cmp.Diff([]string{"a"}, r.inquired); diff != "" {
		t.Errorf("it was heard, so its recovery is news:\n%s", diff)
	}
}

func TestChangesWhileItsTonePlays(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	a := r.alert("a", failing)
	r.observe(a)
	r.run(1200 * time.Millisecond)
	a.Key = "other"
	r.observe(a)
	r.run(time.Minute)
	r.expect("another failure, which waits anew", "1s First error a", "11.5s First error a")
}

func TestPolicyIsRemovedWhileItsTonePlays(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.observe(r.alert("a", failing))
	r.run(1200 * time.Millisecond)
	r.s.SetPolicies(r.now, []*alerts.Policy{policy(t, "q")})
	r.run(time.Minute)
	r.expect("it was heard, and is not heard again", "1s First error a")
	if r.journal["a"].State != Announced {
		t.Errorf("journal: %v", r.journal)
	}
}

func TestPoliciesChange(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.observe(r.alert("a", failing))
	r.run(10 * time.Minute)
	r.expect("once", "1s First error a")
	r.s.SetPolicies(r.now, []*alerts.Policy{policy(t, "p", repeats(5*time.Minute))})
	r.run(6 * time.Minute)
	r.expect("a changed policy announces nothing at once", "15m0s Repeat error a")
	r.s.SetPolicies(r.now, nil)
	r.observe(r.alert("b", failing))
	r.run(time.Hour)
	r.expect("none selects them")
	r.expectSuppressed("a unmatched", "b unmatched")
	r.s.SetPolicies(r.now, []*alerts.Policy{policy(t, "q")})
	r.run(time.Minute)
	r.expect("b was never announced", "1h16m0s First error b")
}

func TestNamespaceLabelsDecide(t *testing.T) {
	p := policy(t, "p", func(s *v1alpha1.AlertPolicySpec) {
		selecting("tier", "gold")(s)
		s.NamespaceSelector, s.Selector = s.Selector, nil
	})
	r := newRoom(t, p)
	r.observe(r.alert("a", failing))
	r.run(time.Minute)
	r.expect("its labels are not known")
	r.s.SetNamespace(r.now, "default", map[string]string{"tier": "gold"})
	r.run(time.Minute)
	r.expect("now they are", "1m0s First error a")
	r.s.SetNamespace(r.now, "default", nil)
	r.gone("a")
	r.run(time.Minute)
	if len(r.s.namespaces) != 0 {
		t.Errorf("knows namespaces %v", r.s.namespaces)
	}
}

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

func TestMoreThanMaxAlertsAreTold(t *testing.T) {
	r := newRoom(t)
	r.s = New(Options{MaxAlerts: 2})
	r.s.SetPolicies(r.now, []*alerts.Policy{policy(t, "p")})
	r.observe(r.alert("a", failing), r.alert("b", failing), r.alert("c", failing))
	r.run(time.Minute)
	r.expect("two are followed", "1s First error a b")
	r.expectSuppressed("c overflow")
	r.gone("a")
	r.observe(r.alert("c", failing))
	r.run(time.Minute)
	r.expect("there is room again", "1m1s First error c")
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
