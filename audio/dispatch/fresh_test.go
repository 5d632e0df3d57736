package dispatch

import (
	"testing"
	"time"

	"github.com/checky-dev/checky/alerts"
)

func TestChangedVerdictSoundsAgain(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change func(*Alert)
		again  bool
	}{
		"Key":    {"other facts are another failure", func(a *Alert) { a.Key = "other" }, true},
		"Since":  {"a success was between", func(a *Alert) { a.Since = a.Since.Add(time.Hour) }, true},
		"Labels": {"labels are no identity", func(a *Alert) { a.Labels = map[string]string{"x": "y"} }, false},
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
