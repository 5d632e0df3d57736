package dispatch

import (
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// identity is that of a failure. In this world none comes back after it went.
type identity struct {
	uid   types.UID
	key   string
	since int64
}

func identityOf(a *Alert) identity { return identity{a.UID, a.Key, a.Since.Unix()} }

// world is the cluster, the daemon around the state, and what people hear; everything may go wrong in it. What it
// knows about what was heard it has from what was played, and not from the state.
type world struct {
	t *rapid.T

	// the cluster
	wall     time.Time
	checks   map[types.UID]*Alert    // those that fail
	since    map[types.UID]time.Time // of the last failure of each
	news     map[types.UID][]*Alert  // not delivered yet, in order; nil: gone
	policies []*alerts.Policy
	silences []*alerts.Silence
	faulty   bool // players fail, and so on

	// the daemon
	s       *State
	mono    time.Duration
	wake    time.Duration
	journal map[types.UID]Entry
	playing *Announcement
	ends    time.Duration
	result  Result
	stopped bool

	// what happened
	heard   map[identity]int           // as First or Flood
	last    map[identity]time.Duration // when, in this life
	excused map[identity]int           // crashes between its sound and the journal
	stale   map[identity]bool
	covered map[identity]bool // by a flood whose signal was played
	signals map[uint64]bool   // of floods that were played, in this life
}

func newWorld(t *rapid.T) *world {
	w := &world{
		t: t, wall: noon, faulty: true,
		checks: map[types.UID]*Alert{}, since: map[types.UID]time.Time{}, news: map[types.UID][]*Alert{},
		journal: map[types.UID]Entry{}, heard: map[identity]int{}, excused: map[identity]int{}, stale: map[identity]bool{},
		covered: map[identity]bool{},
	}
	w.policies = []*alerts.Policy{w.drawPolicy("p0")}
	w.start()
	return w
}

func (w *world) now() Moment { return Moment{Mono: w.mono, Wall: w.wall} }

// start begins a life of the daemon, from the journal and what fails now, in any order.
func (w *world) start() {
	w.mono, w.wake, w.playing, w.stopped = 0, 0, nil, false
	w.last, w.signals = map[identity]time.Duration{}, map[uint64]bool{}
	w.news = map[types.UID][]*Alert{}
	w.s = New(Options{FloodThreshold: 3})
	w.s.Restore(slices.Collect(maps.Values(w.journal)))
	w.s.SetPolicies(w.now(), w.policies)
	w.s.SetSilences(w.now(), w.silences)
	for _, uid := range w.shuffled(slices.Sorted(maps.Keys(w.checks))) {
		a := *w.checks[uid]
		if e, ok := w.journal[uid]; (!ok || !e.of(a)) && w.wall.Sub(a.Completed) > DefaultMaxAge {
			w.stale[identityOf(&a)] = true
		}
		w.s.Observe(w.now(), a, true)
		if rapid.Bool().Draw(w.t, "next during list") {
			w.turn()
		}
	}
	w.s.Synced(w.now())
	w.turn()
}

func (w *world) shuffled(uids []types.UID) []types.UID {
	if len(uids) < 2 {
		return uids
	}
	return rapid.Permutation(uids).Draw(w.t, "order")
}

// turn does what Next says until it says nothing more.
func (w *world) turn() {
	for turns := 0; ; turns++ {
		if turns > 4 {
			w.t.Fatal("Next does not come to rest")
		}
		d := w.s.Next(w.now())
		w.keep(d)
		w.wake = d.Wake
		switch {
		case d.Interrupt:
			if w.playing == nil || d.Play != nil || w.stopped {
				w.t.Fatal("interrupts nothing, or twice, or starts at the same time")
			}
			w.stopped = true
			w.ends = min(w.ends, w.mono+w.duration("stops within", time.Second))
			w.result = rapid.SampledFrom([]Result{Interrupted, Interrupted, Played}).Draw(w.t, "stopped")
			if w.wake != w.mono {
				w.t.Fatal("an interruption is to be asked about at once")
			}
			w.end()
		case d.Play != nil:
			w.begin(d.Play)
		default:
			if d.Wake <= w.mono || d.Wake > w.mono+time.Minute {
				w.t.Fatalf("wake %v at %v", d.Wake, w.mono)
			}
			if len(d.Remember)+len(d.Forget)+len(d.Suppressed)+len(d.Inquire) == 0 {
				w.rest()
				return
			}
		}
	}
}

func (w *world) keep(d Decision) {
	for _, e := range d.Remember {
		w.journal[e.UID] = e
		id := identity{e.UID, e.Key, e.Since.Unix()}
		if e.State == Held || w.heard[id] > 0 || w.stale[id] || w.covered[id] {
			continue
		}
		if w.s.flood == nil || !w.signals[w.s.flood.id] {
			w.t.Fatalf("%v is taken for announced, and nobody heard of it", id)
		}
		w.covered[id] = true
	}
	for _, uid := range d.Forget {
		delete(w.journal, uid)
	}
	for _, a := range d.Inquire {
		if w.checks[a.UID] == nil && rapid.Bool().Draw(w.t, "recovered") {
			w.s.Recovered(w.now(), a.UID)
		}
	}
}

func (w *world) duration(label string, most time.Duration) time.Duration {
	return time.Duration(rapid.Int64Range(0, int64(most/time.Millisecond)).Draw(w.t, label)) * time.Millisecond
}

// begin starts playing: one thing at a time, of what may sound.
func (w *world) begin(a *Announcement) {
	if w.playing != nil {
		w.t.Fatal("two play at a time")
	}
	if a.Kind != Recovery && (a.Count != len(w.s.playing.covers) || len(a.Alerts) != min(a.Count, MaxListed)) {
		w.t.Fatalf("counts %d, lists %d, covers %d", a.Count, len(a.Alerts), len(w.s.playing.covers))
	}
	for _, f := range w.s.playing.covers {
		w.mayPlay(f, a.Kind)
	}
	w.playing, w.stopped, w.result, w.ends = a, false, Played, w.mono+time.Second
	if w.faulty {
		w.ends = w.mono + w.duration("plays for", 15*time.Second)
		w.result = rapid.SampledFrom([]Result{Played, Played, Played, Played, Failed, Failed, Interrupted}).Draw(w.t, "result")
	}
}

func (w *world) mayPlay(f *failure, kind Kind) {
	id := identityOf(&f.alert)
	subject := alerts.Subject{Namespace: f.alert.Namespace, Name: f.alert.Name, Labels: f.alert.Labels, Severity: f.alert.Severity}
	p := alerts.Choose(w.policies, subject)
	if p == nil {
		w.t.Fatalf("%v sounds without a policy", id)
	}
	if _, quiet := p.Quiet(w.wall, f.alert.Severity); quiet {
		w.t.Fatalf("%v sounds in quiet hours", id)
	}
	for _, silence := range w.silences {
		if silence.Mutes(subject, w.wall) {
			w.t.Fatalf("%v sounds in a silence", id)
		}
	}
	if w.stale[id] {
		w.t.Fatalf("%v is stale and sounds", id)
	}
	if kind != Repeat {
		return
	}
	if p.RepeatInterval == 0 || f.alert.AcknowledgedBy != "" {
		w.t.Fatalf("%v sounds again", id)
	}
	if last, ok := w.last[id]; ok && w.mono-last < p.RepeatInterval-p.GroupInterval {
		w.t.Fatalf("%v sounds again %v after it was heard", id, w.mono-last)
	}
}

// hear takes note of what people heard.
func (w *world) hear() {
	kind := w.playing.Kind
	if kind == Flood {
		w.signals[w.playing.ID] = true
	}
	for _, f := range w.s.playing.covers {
		id := identityOf(&f.alert)
		w.last[id] = w.mono
		if kind == Repeat {
			continue
		}
		w.heard[id]++
		if w.heard[id] > 1+w.excused[id] {
			w.t.Fatalf("%v sounds for the %d. time", id, w.heard[id])
		}
	}
}

// end ends what plays, if its time has come.
func (w *world) end() {
	if w.playing == nil || w.ends > w.mono {
		return
	}
	if w.result == Played {
		w.hear()
	}
	id := w.playing.ID
	w.playing = nil
	w.s.Done(w.now(), id, w.result)
	w.s.Done(w.now(), id, w.result) // told twice: ignored
}

// rest is what holds whenever nothing is to be done.
func (w *world) rest() {
	now := w.mono
	for uid, f := range w.s.alerts {
		if e := w.journal[uid]; f.announced != (e.State == Announced && e.of(f.alert)) {
			w.t.Fatalf("%s: announced %v, journaled %q", uid, f.announced, e.State)
		}
		if f.announced || f.playing || f.group == nil || w.s.held(f) != "" {
			continue
		}
		if f.queue != &f.group.waiting[f.rank] {
			w.t.Fatalf("%s neither waits nor is held", uid)
		}
		due := max(f.seen+f.group.policy.GroupWait, f.notBefore, f.group.opens(f.rank))
		if due > now {
			continue
		}
		if w.playing == nil {
			w.t.Fatalf("%s is due since %v, and nothing plays", uid, now-due)
		}
		if f.rank > w.s.playing.rank && !w.stopped {
			w.t.Fatalf("%s is worse than what plays, and waits", uid)
		}
	}
	var queued int
	for _, g := range w.s.groups {
		for rank := range ranks {
			queued += len(g.waiting[rank]) + len(g.repeats[rank])
		}
	}
	if queued > len(w.s.alerts) {
		w.t.Fatalf("%d wait of %d", queued, len(w.s.alerts))
	}
}

// pass lets time pass: the loop of the daemon.
func (w *world) pass(length time.Duration) {
	until := w.mono + length
	for w.mono < until {
		w.turn()
		next := min(until, w.wake)
		if w.playing != nil {
			next = min(next, w.ends)
		}
		w.wall = w.wall.Add(next - w.mono)
		w.mono = next
		w.end()
	}
	w.turn()
}

// settle ends all faults and holds, lets enough time pass, and looks for failures of which nobody heard.
func (w *world) settle() {
	w.faulty = false
	w.silences = nil
	w.policies = []*alerts.Policy{policyOf(w.t)}
	w.s.SetSilences(w.now(), nil)
	w.s.SetPolicies(w.now(), w.policies)
	for _, uid := range slices.Sorted(maps.Keys(w.checks)) {
		w.checks[uid].AcknowledgedBy = ""
		w.publish(uid)
	}
	for len(w.news) > 0 {
		for _, uid := range slices.Sorted(maps.Keys(w.news)) {
			w.deliver(uid, false)
		}
	}
	w.pass(time.Hour)
	for uid, a := range w.checks {
		id := identityOf(a)
		if w.heard[id] == 0 && !w.stale[id] && !w.covered[id] {
			w.t.Errorf("nobody heard of %v: %+v", id, w.s.alerts[uid])
		}
	}
}

// leave has all Checks pass, and looks for what is kept of them.
func (w *world) leave() {
	for uid := range w.checks {
		w.s.Gone(w.now(), uid)
	}
	w.pass(5 * time.Minute)
	var queued int
	for _, g := range w.s.groups {
		for rank := range ranks {
			queued += len(g.waiting[rank]) + len(g.repeats[rank])
		}
		queued += len(g.recovered.waiting)
	}
	kept := map[string]int{
		"alerts": len(w.s.alerts), "namespaces": len(w.s.namespaces), "queued": queued, "old journal": len(w.s.journal), "journal": len(w.journal),
		"recoveries": len(w.s.recoveries.of) + len(w.s.recoveries.asked), "outbox": len(w.s.out.journal), "counted": w.s.taken.total,
	}
	for what, n := range kept {
		if n != 0 {
			w.t.Errorf("%d are kept: %s", n, what)
		}
	}
	if w.s.playing != nil || w.s.flood != nil {
		w.t.Errorf("plays %v, flood %v", w.s.playing, w.s.flood)
	}
}

func policyOf(t *rapid.T) *alerts.Policy {
	p, problems := alerts.Compile(&v1alpha1.AlertPolicy{ObjectMeta: metav1.ObjectMeta{Name: "p0"}, Spec: v1alpha1.AlertPolicySpec{MinSeverity: info}})
	if len(problems) > 0 {
		t.Fatal(problems.ToAggregate())
	}
	return p
}

// Whatever happens: never twice for one failure, never zero for a new one.
func TestNeverTwiceNeverZero(t *testing.T) {
	for i := range 5 { // of a hundred worlds each
		t.Run(strconv.Itoa(i), rapid.MakeCheck(func(t *rapid.T) {
			w := newWorld(t)
			t.Repeat(w.actions())
			w.settle()
			w.leave()
		}))
	}
}
