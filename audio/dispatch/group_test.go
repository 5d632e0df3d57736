package dispatch

import (
	"testing"
	"time"

	"github.com/checky-dev/checky/alerts"
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
