//go:build linux

package alertd_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
)

var soak = flag.Int("soak", 60, "how many failures TestSoak has, one after the other and in bursts")

// What a daemon may differ by from a third of the failures to the end of them.
const (
	soakMemory      = 16 << 10 // KiB resident
	soakDescriptors = 2        // a connection to the API server that is being replaced
	soakGoroutines  = 10       // likewise
	soakJournal     = 64 << 10 // bytes: its pages are used again
)

// TestSoak has failures come and go for as long as is asked for: single ones of each severity, and bursts
// of ten in which the worse interrupt the others. Each is heard, or covered by a flood signal; afterwards the daemon is as it was.
func TestSoak(t *testing.T) {
	c := newCluster(t)
	c.policy(func(p *v1alpha1.AlertPolicySpec) { p.MinSeverity = v1alpha1.SeverityInfo })
	const burst = 10
	checks := c.manyPending(burst)
	r := c.room()
	d := r.start(serving, "--flood-threshold=1000") // nearly all are heard
	var early usage
	var failed int
	began := time.Now()
	for round := 0; failed < *soak; round++ {
		n := 1
		if round%burst == burst-1 {
			n = burst
		}
		// From round to round they get worse, and so wait for no groupInterval, save after the worst.
		each(t, n, func(ctx context.Context, i int) error {
			check := checks[(round+i)%burst]
			return c.verdict(ctx, check, allSeverities[(round+i)%len(allSeverities)], fmt.Sprint(round))
		})
		failed += n
		d.accountsFor(failed)
		if round%3 == 0 { // what does not pass, fails in another way the next time
			c.judge(checks[round%burst], "", "")
		}
		r.empty()
		if early == (usage{}) && failed >= *soak/3 {
			early = d.settled()
		}
	}
	took := time.Since(began)
	late, a := d.settled(), d.account()
	t.Logf("%d failures in %v: %d heard in %d announcements, %d of them by a flood signal, %d covered by one; %d announcements were interrupted",
		failed, took.Round(time.Second), a.first+a.signal, len(d.logged("Announced")), a.signal, a.covered,
		len(d.logged("Interrupted; it is announced later")))
	t.Logf("after a third: %v", early)
	t.Logf("at the end:    %v", late)
	if late.resident > early.resident+soakMemory || late.descriptors > early.descriptors+soakDescriptors ||
		late.goroutines > early.goroutines+soakGoroutines || late.journal > early.journal+soakJournal {
		t.Error("the daemon has grown")
	}
	for _, metric := range []string{"checky_alertd_journal_errors_total", "checky_alertd_unusable_tones_total"} {
		if n := d.metric(metric); n != 0 {
			t.Errorf("%s is %v", metric, n)
		}
	}
	if failures := d.logged("Could not announce; it is tried again"); len(failures) > 0 {
		t.Errorf("%d announcements failed: %v", len(failures), failures)
	}
	d.stop()
}

// settled measures a daemon when it has nothing to do.
func (d *daemon) settled() usage {
	d.t.Helper()
	until(d.t, "there is no player", func() bool { return len(d.children()) == 0 })
	return d.usage()
}

// empty removes the room's recordings: there is a limit to how many a folder may hold.
func (r *room) empty() {
	r.t.Helper()
	for _, name := range r.files("*.raw") {
		if err := os.Remove(name); err != nil {
			r.t.Fatal(err)
		}
	}
}
