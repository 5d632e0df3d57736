package dispatch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

const (
	info     = v1alpha1.SeverityInfo
	warning  = v1alpha1.SeverityWarning
	failing  = v1alpha1.SeverityError
	critical = v1alpha1.SeverityCritical
)

// noon is when tests begin: a Wednesday.
var noon = time.Date(2026, 5, 20, 12, 0, 0, 0, time.UTC)

// room is the daemon without its daemon: it asks when Next wants to be asked, and plays what it is told, in simulated
// time.
type room struct {
	t       *testing.T
	s       *State
	began   time.Time
	now     Moment
	sound   time.Duration // how long one lasts
	results []Result      // of the next plays; Played when there are none

	playing *Announcement
	ends    time.Duration
	wake    time.Duration

	heard      []string        // what was played, and when: "1s First error a b"
	plays      []*Announcement // the same
	attempts   []time.Duration // when something was started
	suppressed []string        // "a quiet"
	inquired   []string        // names
	over       []string        // floods that are over, and when that was told: "1m1s 30 since 12:00:01 for 5s"
	journal    map[types.UID]Entry
}

func newRoom(t *testing.T, policies ...*alerts.Policy) *room {
	t.Helper()
	r := &room{t: t, s: New(Options{}), began: noon, sound: time.Second / 2, journal: map[types.UID]Entry{}}
	r.now.Wall = r.began
	r.s.SetPolicies(r.now, policies)
	return r
}

// restart throws the state away and begins again from the journal, after so long.
func (r *room) restart(after time.Duration, policies ...*alerts.Policy) {
	r.now = Moment{Wall: r.now.Wall.Add(after)}
	r.began, r.playing, r.wake = r.now.Wall, nil, 0
	r.s = New(Options{})
	var entries []Entry
	for _, e := range r.journal {
		entries = append(entries, e)
	}
	r.s.Restore(entries)
	r.s.SetPolicies(r.now, policies)
}

// run lets time pass.
func (r *room) run(length time.Duration) {
	r.t.Helper()
	end := r.now.Mono + length
	for turns := 0; ; turns++ {
		if turns > 100_000 {
			r.t.Fatal("time does not go on")
		}
		r.turn()
		next := min(end, r.wake)
		if r.playing != nil {
			next = min(next, r.ends)
		}
		if next < r.now.Mono {
			r.t.Fatalf("asked to be asked in the past: %v at %v", next, r.now.Mono)
		}
		r.now = Moment{Mono: next, Wall: r.now.Wall.Add(next - r.now.Mono)}
		if r.playing != nil && r.ends <= next {
			r.done()
			continue
		}
		if next == end {
			r.turn()
			return
		}
	}
}

// turn asks until nothing is to be done at once.
func (r *room) turn() {
	r.t.Helper()
	for turns := 0; ; turns++ {
		if turns > 10 {
			r.t.Fatal("Next does not come to rest")
		}
		d := r.s.Next(r.now)
		r.wake = d.Wake
		for _, e := range d.Remember {
			r.journal[e.UID] = e
		}
		for _, uid := range d.Forget {
			delete(r.journal, uid)
		}
		for _, x := range d.Suppressed {
			r.suppressed = append(r.suppressed, fmt.Sprint(x.Alert.Name, " ", x.Reason))
		}
		for _, x := range d.Inquire {
			r.inquired = append(r.inquired, x.Name)
		}
		if d.Over != nil {
			r.over = append(r.over, fmt.Sprintf("%s %d since %s for %s", r.now.Mono, d.Over.Count, d.Over.Began.Format(time.TimeOnly), d.Over.Lasted))
		}
		switch {
		case d.Interrupt:
			if r.playing == nil || d.Play != nil {
				r.t.Fatal("interrupts nothing, or starts at the same time")
			}
			id := r.playing.ID
			r.playing = nil
			r.s.Done(r.now, id, Interrupted)
		case d.Play != nil:
			if r.playing != nil {
				r.t.Fatal("two play at a time")
			}
			r.playing, r.ends = d.Play, r.now.Mono+r.sound
			r.attempts = append(r.attempts, r.now.Mono)
		default:
			return
		}
	}
}

func (r *room) done() {
	a, result := r.playing, Played
	if len(r.results) > 0 {
		result, r.results = r.results[0], r.results[1:]
	}
	r.playing = nil
	if result == Played {
		line := []string{fmt.Sprint(r.attempts[len(r.attempts)-1]), string(a.Kind), string(a.Severity)}
		if a.Count > 3 {
			line = append(line, fmt.Sprint(a.Count))
		} else {
			for _, x := range a.Alerts {
				line = append(line, x.Name)
			}
		}
		r.heard = append(r.heard, strings.Join(line, " "))
		r.plays = append(r.plays, a)
	}
	r.s.Done(r.now, a.ID, result)
}

func (r *room) observe(alerts ...Alert) {
	for _, a := range alerts {
		r.s.Observe(r.now, a, false)
	}
}

func (r *room) list(alerts ...Alert) {
	for _, a := range alerts {
		r.s.Observe(r.now, a, true)
	}
	r.s.Synced(r.now)
}

func (r *room) gone(names ...string) {
	for _, name := range names {
		r.s.Gone(r.now, types.UID(name))
	}
}

// expect compares what was heard since it was last asked.
func (r *room) expect(why string, want ...string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.heard); diff != "" {
		r.t.Errorf("%s\nheard (-want +got):\n%s", why, diff)
	}
	r.heard = nil
}

// expectSuppressed compares what was told to make no sound since it was last asked, in alphabetical order.
func (r *room) expectSuppressed(want ...string) {
	r.t.Helper()
	slices.Sort(r.suppressed)
	if diff := cmp.Diff(want, r.suppressed); diff != "" {
		r.t.Errorf("suppressed (-want +got):\n%s", diff)
	}
	r.suppressed = nil
}

// alert is a failure that has just happened.
func (r *room) alert(name string, severity v1alpha1.Severity, change ...func(*Alert)) Alert {
	a := Alert{
		UID: types.UID(name), Namespace: "default", Name: name, Key: "key", Since: r.now.Wall.Truncate(time.Second),
		Severity: severity, Completed: r.now.Wall.Truncate(time.Second),
	}
	for _, c := range change {
		c(&a)
	}
	return a
}

// policy compiles one of every severity that sounds once.
func policy(t testing.TB, name string, change ...func(*v1alpha1.AlertPolicySpec)) *alerts.Policy {
	t.Helper()
	object := &v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.AlertPolicySpec{
		MinSeverity: v1alpha1.SeverityInfo, RepeatInterval: &metav1.Duration{},
	}}
	for _, c := range change {
		c(&object.Spec)
	}
	p, problems := alerts.Compile(object)
	if len(problems) > 0 {
		t.Fatal(problems.ToAggregate())
	}
	return p
}

func wait(d time.Duration) func(*v1alpha1.AlertPolicySpec) {
	return func(s *v1alpha1.AlertPolicySpec) { s.GroupWait = &metav1.Duration{Duration: d} }
}

func interval(d time.Duration) func(*v1alpha1.AlertPolicySpec) {
	return func(s *v1alpha1.AlertPolicySpec) { s.GroupInterval = &metav1.Duration{Duration: d} }
}

func repeats(d time.Duration) func(*v1alpha1.AlertPolicySpec) {
	return func(s *v1alpha1.AlertPolicySpec) { s.RepeatInterval = &metav1.Duration{Duration: d} }
}

func recovers(s *v1alpha1.AlertPolicySpec) {
	s.RecoveryTone = &v1alpha1.Tone{Pattern: v1alpha1.TonePatternRecovery}
}

func quiet(start, end, zone string, sounds ...v1alpha1.Severity) func(*v1alpha1.AlertPolicySpec) {
	return func(s *v1alpha1.AlertPolicySpec) {
		s.QuietHours = append(s.QuietHours, v1alpha1.QuietHours{Start: start, End: end, TimeZone: zone, Severities: sounds})
	}
}

func selecting(label, value string) func(*v1alpha1.AlertPolicySpec) {
	return func(s *v1alpha1.AlertPolicySpec) {
		s.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{label: value}}
	}
}

func silence(t testing.TB, start, end time.Time, checks ...string) *alerts.Silence {
	t.Helper()
	s, problems := alerts.CompileSilence(&v1alpha1.Silence{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "s"},
		Spec:       v1alpha1.SilenceSpec{Checks: checks, StartsAt: &metav1.Time{Time: start}, EndsAt: metav1.Time{Time: end}},
	})
	if len(problems) > 0 {
		t.Fatal(problems.ToAggregate())
	}
	return s
}
