//go:build linux

package alertd_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/audio/trace"
)

// A flood, and how fast it comes where the machine can do it.
const (
	floodSize = 500
	perSecond = 100
	writers   = 8 // clients at a time
)

// floodMemory is what a daemon may take more, in KiB, after a flood: the 500 failures, which are some 3 KiB each, and what the garbage
// collector leaves over of the messages that told of them.
const floodMemory = 24 << 10

// allSeverities has the worst last.
var allSeverities = []v1alpha1.Severity{v1alpha1.SeverityInfo, v1alpha1.SeverityWarning, v1alpha1.SeverityError, v1alpha1.SeverityCritical}

// each calls f for 0 to n-1, from several goroutines.
func each(t testing.TB, n int, f func(ctx context.Context, i int) error) {
	t.Helper()
	group, ctx := errgroup.WithContext(t.Context())
	group.SetLimit(writers)
	for i := range n {
		group.Go(func() error { return f(ctx, i) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
}

// manyPending creates Checks with no verdict, each changed before.
func (c *cluster) manyPending(n int, changes ...func(*v1alpha1.Check)) []*v1alpha1.Check {
	c.t.Helper()
	checks := make([]*v1alpha1.Check, n)
	each(c.t, n, func(ctx context.Context, i int) error {
		checks[i] = &v1alpha1.Check{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("check-%d", i), Namespace: c.namespace},
			Spec:       v1alpha1.CheckSpec{InputJSON: order(99999, "EUR"), RuleSets: []v1alpha1.RuleSetReference{{Name: "orders"}}},
		}
		for _, change := range changes {
			change(checks[i])
		}
		return c.Create(ctx, checks[i])
	})
	return checks
}

// order is a payload.
func order(amount int, currency string) string {
	return fmt.Sprintf(`{"amount": %d, "currency": %q}`, amount, currency)
}

// floodPolicy is the defaults' waits, for failures of every severity.
func (c *cluster) floodPolicy() {
	c.t.Helper()
	c.policy(func(p *v1alpha1.AlertPolicySpec) {
		p.MinSeverity = v1alpha1.SeverityInfo
		p.GroupWait, p.GroupInterval = &metav1.Duration{Duration: time.Second}, &metav1.Duration{Duration: 10 * time.Second}
	})
}

// flood has the Checks fail, with severities in a random order, and returns how long that took.
func (c *cluster) flood(checks []*v1alpha1.Check, facts string, severities ...v1alpha1.Severity) time.Duration {
	c.t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	shuffled := random.Perm(len(checks))
	pace := rate.NewLimiter(perSecond, 1)
	began := time.Now()
	each(c.t, len(checks), func(ctx context.Context, i int) error {
		if err := pace.Wait(ctx); err != nil {
			return err
		}
		return c.verdict(ctx, checks[shuffled[i]], severities[shuffled[i]%len(severities)], facts)
	})
	return time.Since(began)
}

// account is how many failures were announced one by one or in small groups, by a flood signal, and covered by one.
type account struct{ first, signal, covered int }

func (d *daemon) account() account {
	d.t.Helper()
	var a account
	for _, l := range d.logged("Announced") {
		if count, _ := l["count"].(float64); l.text("kind") == "First" {
			a.first += int(count)
		}
	}
	metrics := d.metrics()
	a.signal = int(metrics.sum(d.t, "checky_alertd_flood_alerts_total"))
	a.covered = int(metrics.sum(d.t, "checky_alertd_suppressed_total", `reason="flood"`))
	return a
}

// accountsFor waits until so many failures, in all, were heard or covered, and no player is left.
func (d *daemon) accountsFor(n int) account {
	d.t.Helper()
	var a account
	until(d.t, "all failures are heard or covered", func() bool {
		a = d.account()
		return a.first+a.signal+a.covered == n && len(d.children()) == 0
	})
	return a
}

// isOneSignal waits until all failures of a flood are accounted for, and judges what was heard of them.
func (d *daemon) isOneSignal(n int, worst v1alpha1.Severity, tone string) account {
	d.t.Helper()
	a := d.accountsFor(n)
	var signals []line
	lines := d.logged("Announced")
	for _, l := range lines {
		if l.text("kind") == "Flood" {
			signals = append(signals, l)
		}
	}
	// On a machine that is so slow that few have failed when the first of them is due, these are announced before the flood.
	if len(signals) != 1 || len(lines) > 2 || a.first > 20 {
		d.t.Fatalf("announced: %v, want one flood signal, and one announcement of up to 20 before it at most", lines)
	}
	if got := signals[0]; got.text("severity") != string(worst) || got.text("tone") != tone || got["count"] != float64(a.signal) {
		d.t.Errorf("the flood signal is %v, want %s of all", got, worst)
	}
	heard := d.heard()
	if last := heard[len(heard)-1].Pattern; len(heard) != len(lines) || last != tone+"+flood" {
		d.t.Errorf("heard %d sounds, the last of them %q", len(heard), last)
	}
	return a
}

// floodEvents counts the Events on the Checks.
func (c *cluster) floodEvents() (flood, all int) {
	c.t.Helper()
	for _, e := range c.allEvents() {
		if all++; e.Reason == "FloodAnnounced" {
			flood++
		}
	}
	return flood, all
}

// TestFloodIsOneSignal has 500 Checks fail in 5 seconds, with all severities in a random order.
func TestFloodIsOneSignal(t *testing.T) {
	c := newCluster(t)
	c.floodPolicy()
	checks := c.manyPending(floodSize)
	r := c.room()
	d := r.start(serving)
	d.quietly(func() {
		took := c.flood(checks, "x", allSeverities...)
		a := d.isOneSignal(floodSize, v1alpha1.SeverityCritical, "high")
		t.Logf("%d failures within %v: one flood signal (critical) for %d, %d more covered by it, %d announced before it",
			floodSize, took.Round(time.Millisecond), a.signal, a.covered, a.first)
	})
	d.quietly(func() {
		c.flood(checks, "y", allSeverities...)
		d.accountsFor(2 * floodSize)
		t.Logf("as many more, which are no worse, are covered as well")
	})
	d.stop()
	if n := len(d.logged("Announced")); n > 2 {
		t.Errorf("%d announcements; those that followed are no worse than the flood", n)
	}
	flood, all := c.floodEvents()
	if flood != trace.MaxEvents || all > 2*trace.MaxEvents {
		t.Errorf("%d Events of the flood, %d in all; want %d of the flood", flood, all, trace.MaxEvents)
	}
	t.Logf("%d Events on Checks", all)
}

// quietly does something that is to take no memory of the daemon, nor leave anything open.
func (d *daemon) quietly(do func()) {
	d.t.Helper()
	before := d.usage()
	do()
	after := d.usage()
	if after.resident > before.resident+floodMemory {
		d.t.Errorf("resident memory grew from %d to %d KiB", before.resident, after.resident)
	}
	d.t.Logf("before: %v", before)
	d.t.Logf("after:  %v", after)
}

// TestWorseThanTheFlood: what is worse than a flood that lasts sounds by itself, and what is not is covered.
func TestWorseThanTheFlood(t *testing.T) {
	c := newCluster(t)
	c.floodPolicy()
	const size = 60
	checks := c.manyPending(size)
	d := c.room().start(serving)
	c.flood(checks, "x", allSeverities[:3]...)
	before := d.isOneSignal(size, v1alpha1.SeverityError, "medium")
	known := len(d.logged("Announced"))

	c.fail("worse", v1alpha1.SeverityCritical, "x")
	worse := d.announced(known + 1)[known]
	if worse.text("kind") != "First" || worse.text("first") != c.namespace+"/worse" || worse["count"] != 1.0 {
		t.Errorf("announced %v, want the worse one alone", worse)
	}
	c.fail("another", v1alpha1.SeverityCritical, "x")
	c.fail("lesser", v1alpha1.SeverityInfo, "x")
	d.accountsFor(size + 3)
	d.stop()
	if now := d.logged("Announced"); len(now) != known+1 {
		t.Errorf("announced %v; two are no worse than what was heard", now[known+1:])
	}
	heard := d.heard()
	if last := heard[len(heard)-1].Pattern; last != "high" {
		t.Errorf("the worse one was heard as %q", last)
	}
	t.Logf("a flood signal (error) for %d, %d covered; a critical failure after it was heard by itself", before.signal, before.covered)
}

// TestFloodByTheController has the real controller judge 500 payloads that fail, as one rule set's change or one bad import has them.
func TestFloodByTheController(t *testing.T) {
	c := newCluster(t)
	c.startController()
	c.floodPolicy()
	d := c.room().start(serving)
	checks := c.manyPending(floodSize)
	each(t, floodSize, func(ctx context.Context, i int) error { // every fourth fails critically
		if i%4 != 0 {
			return nil
		}
		patch := client.MergeFrom(checks[i].DeepCopy())
		checks[i].Spec.InputJSON = order(1, "USD")
		return c.Patch(ctx, checks[i], patch)
	})
	began := time.Now()
	d.quietly(func() {
		c.orders() // all of them wait for it
		a := d.isOneSignal(floodSize, v1alpha1.SeverityCritical, "high")
		t.Logf("%d Checks evaluated by the controller within %v: one flood signal (critical) for %d, %d more covered by it, %d announced before it",
			floodSize, time.Since(began).Round(time.Millisecond), a.signal, a.covered, a.first)
	})
	d.stop()
}
