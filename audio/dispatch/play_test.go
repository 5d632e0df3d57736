package dispatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

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
