package dispatch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

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

func TestFloodThatIsOverTellsWhatItCovered(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.sound = 2 * time.Second
	for i := range 30 {
		r.observe(r.alert(fmt.Sprint(i), failing))
	}
	r.run(1200 * time.Millisecond)
	r.gone("3")                                           // it was heard all the same
	r.observe(r.alert("while its signal plays", failing)) // due before that is over
	r.run(10 * time.Second)
	r.observe(r.alert("after it", info), r.alert("c", critical)) // the worse one sounds by itself
	r.run(time.Hour)
	r.expect("one signal", "1s Flood error 30", "12.2s First critical c")
	want := []string{"1m1s 32 since 12:00:01 for 11.2s"}
	if diff := cmp.Diff(want, r.over); diff != "" {
		t.Errorf("told once, as soon as 20 or fewer came within a minute (-want +got):\n%s", diff)
	}
}

// TestFloodThatLastsIsSignalledAgain: somebody makes Checks of a namespace fail without end, and somebody else's critical failure is among them.
func TestFloodThatLastsIsSignalledAgain(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	for i := range 16 * 30 { // 30 a minute
		r.observe(r.alert(fmt.Sprint(i), critical))
		if i == 10*30 {
			r.observe(r.alert("another's", critical))
		}
		r.run(2 * time.Second)
	}
	r.run(time.Hour)
	var signals []string
	for _, heard := range r.heard {
		if strings.Contains(heard, "Flood") {
			signals = append(signals, heard)
		}
	}
	if len(signals) < 3 || len(signals) > 4 {
		t.Errorf("in 16 minutes there are %d signals, want one in about five minutes: %q", len(signals), r.heard)
	}
	if !slices.Contains(r.suppressed, "another's flood") {
		t.Error("the other's failure is not covered: the test tests nothing")
	}
}

func TestFloodOfWhichNothingWasHeardIsNotTold(t *testing.T) {
	r := newRoom(t, policy(t, "p"))
	r.results = []Result{Failed}
	for i := range 30 {
		r.observe(r.alert(fmt.Sprint(i), failing))
	}
	r.run(2 * time.Second)
	for i := range 30 {
		r.gone(fmt.Sprint(i))
	}
	r.run(time.Hour)
	if r.over != nil {
		t.Errorf("told: %q", r.over)
	}
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
