package check

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/plan"
)

// Violation is what must not be, with the piece of history that shows it.
type Violation struct {
	Rule  string          `json:"rule"`  // the file's name
	About string          `json:"about"` // a Check, a key, a token, a process
	Says  string          `json:"says"`
	Shown []history.Entry `json:"shown"`
}

// Bounds are how long what takes moments may take, and how much a process may grow. docs/reliability.md states them.
type Bounds struct {
	// Lag is for how long a controller may go by rules that are not current any more, or a replica by a token, where no fault is in its way.
	Lag time.Duration
	// Settle is how long after the last fault and the last call every Check has its final verdict.
	Settle time.Duration
	// Alert is how long a critical failure may last, without a fault in the way, before it was announced.
	Alert time.Duration
	// Overdue is how long a Check may stay after its time to live.
	Overdue time.Duration
	// Journal is how long after a sound the daemon may take to journal it.
	Journal time.Duration

	// Linearize is how long one key's orders are looked through, LinearizeAll how long those of all keys. Undecided is how many keys in a
	// hundred may be undecided by then.
	Linearize, LinearizeAll time.Duration
	Undecided               int

	// What a process may have more at the end than at the beginning.
	Descriptors, Goroutines int
	Resident                int64 // bytes
}

// DefaultBounds are those that the documentation states.
func DefaultBounds() Bounds {
	return Bounds{
		Lag: 10 * time.Second, Settle: 90 * time.Second, Alert: 30 * time.Second, Overdue: 60 * time.Second, Journal: 5 * time.Second,
		Linearize: 10 * time.Second, LinearizeAll: 2 * time.Minute, Undecided: 1,
		Descriptors: 40, Goroutines: 80, Resident: 96 << 20,
	}
}

// seen is a version of an object, and the entry that it is of.
type seen struct {
	*history.Seen
	at    time.Duration
	entry history.Entry
}

// call is one call, and the entry that it is of.
type call struct {
	*history.Call
	end   time.Duration
	entry history.Entry
}

// life is one object from its creation to its end, as the store had it.
type life struct {
	uid, name string
	order     string // of Checks
	versions  []seen // by revision
	deleted   *seen  // nil: it is there to the end
	final     *seen  // as the store holds it in the end
}

// born is when it was seen first.
func (l *life) born() time.Duration { return l.versions[0].at }

// window is a stretch of time in which something was wrong with somebody.
type window struct {
	kind, target string
	begin, end   time.Duration
	entry        history.Entry
}

// Run is a history, in the order in which rules look at it.
type Run struct {
	wall     time.Time // when it began
	end      time.Duration
	calls    []call
	checks   []*life
	byName   map[string][]*life // Checks
	sets     map[string][]*life // RuleSets, by name
	sources  map[string][]*life // ConfigMaps that payloads are taken from, by name
	faults   []window
	process  []history.Entry
	heard    []history.Entry
	samples  []history.Entry
	marks    map[string]history.Entry
	gaps     []window      // in which the watch of Checks was interrupted, so that what began and ended in them was not seen
	looked   time.Duration // when a Check was seen last
	finished bool          // the store was read when all was over

	keys, undecided int // of Keys: how many there are, and of how many no order was found or ruled out in time
}

// Index puts a history in order.
func Index(entries []history.Entry) *Run {
	r := &Run{byName: map[string][]*life{}, sets: map[string][]*life{}, sources: map[string][]*life{}, marks: map[string]history.Entry{}}
	lives := map[string]*life{}
	for _, e := range entries {
		r.end = max(r.end, e.At)
		switch {
		case e.Start != nil:
			r.wall = e.Start.Wall
		case e.Call != nil:
			r.calls = append(r.calls, call{e.Call, e.At, e})
		case e.Seen != nil:
			r.take(lives, seen{e.Seen, e.At, e})
		case e.Fault != nil:
			r.fault(e)
		case e.Process != nil:
			r.process = append(r.process, e)
		case e.Heard != nil:
			r.heard = append(r.heard, e)
		case e.Sample != nil:
			r.samples = append(r.samples, e)
		case e.Mark != nil:
			r.marks[e.Mark.What] = e
		}
	}
	for _, l := range lives {
		slices.SortStableFunc(l.versions, func(a, b seen) int { return cmp.Compare(a.Revision, b.Revision) })
	}
	slices.SortFunc(r.checks, func(a, b *life) int { return cmp.Compare(a.born(), b.born()) })
	return r
}

// take puts a version of an object where it belongs.
func (r *Run) take(lives map[string]*life, s seen) {
	if s.Kind == "Check" {
		if s.Type == history.Listed || s.Type == history.Vanished {
			r.gaps = append(r.gaps, window{begin: r.looked, end: s.at})
		}
		r.looked = s.at
	}
	l := lives[s.UID]
	if l == nil {
		l = &life{uid: s.UID, name: s.Name}
		lives[s.UID] = l
		switch s.Kind {
		case "Check":
			l.order = orderOf(s.Payload)
			r.checks = append(r.checks, l)
			r.byName[s.Name] = append(r.byName[s.Name], l)
		case "ConfigMap":
			r.sources[s.Name] = append(r.sources[s.Name], l)
		default:
			r.sets[s.Name] = append(r.sets[s.Name], l)
		}
	}
	switch s.Type {
	case "DELETED", history.Vanished:
		l.deleted = &s
		if len(l.versions) == 0 {
			l.versions = append(l.versions, s)
		}
	case history.Final:
		l.final, r.finished = &s, true
		if len(l.versions) == 0 {
			l.versions = append(l.versions, s)
		}
	default:
		l.versions = append(l.versions, s)
	}
}

// orderOf is which payload it is. Those of a batch have its order before a stroke.
func orderOf(payload string) string {
	if inputs := batchOf(payload); len(inputs) > 0 {
		order, _, _ := strings.Cut(inputs[0].Name, "/")
		return order
	}
	var order struct {
		ID string `json:"id"`
	}
	if json.Unmarshal([]byte(payload), &order) != nil {
		return ""
	}
	return order.ID
}

// fault begins a window, or ends it.
func (r *Run) fault(e history.Entry) {
	f := e.Fault
	switch f.State {
	case history.Begun:
		target := f.Process
		if target == "" {
			target = f.Target
		}
		r.faults = append(r.faults, window{f.Kind, target, e.At, forever, e})
	default:
		for i := range r.faults {
			if r.faults[i].entry.Fault.ID == f.ID {
				r.faults[i].end = e.At
			}
		}
	}
}

// forever is later than any run.
const forever = time.Duration(1 << 62)

// hit tells whether a fault of a kind, with a target, was there between two times.
func (r *Run) hit(kind plan.Kind, target string, from, to time.Duration) bool {
	return slices.ContainsFunc(r.faults, func(w window) bool {
		return w.kind == string(kind) && w.target == target && w.begin <= to && w.end >= from
	})
}

// since is a wall clock's time, as one of the run.
func (r *Run) since(wall time.Time) time.Duration { return wall.Sub(r.wall) }

// start is which start of a process ran throughout a stretch of time; 0: none did.
func (r *Run) start(process string, from, to time.Duration) int {
	start := 0
	for _, e := range r.process {
		p := e.Process
		switch {
		case p.Name != process || e.At > to:
		case p.Ended:
			start = 0
		case e.At <= from:
			start = p.Start
		default:
			start = 0
		}
	}
	return start
}

// All applies every rule.
func All(r *Run, b Bounds) []Violation {
	var all []Violation
	for _, rule := range []func(*Run, Bounds) []Violation{Lost, Verdicts, Final, Keys, Reads, Streams, Tokens, Alerts, Machine} {
		all = append(all, rule(r, b)...)
	}
	return all
}

// violation makes one.
func violation(rule, about string, shown []history.Entry, format string, args ...any) Violation {
	return Violation{Rule: rule, About: about, Says: fmt.Sprintf(format, args...), Shown: shown}
}

// finished tells whether a version has a verdict on its own spec.
func finished(s *seen) bool {
	return s.Verdict != nil && s.Verdict.Phase.Finished() && s.Verdict.Generation == s.Generation
}

// statusOf is how the facade calls a version's phase (apiserver/route).
func statusOf(s *seen) string {
	switch {
	case !finished(s):
		return "pending"
	case s.Verdict.Phase == v1alpha1.PhaseSuccess:
		return "success"
	default:
		return "failure"
	}
}

// Decided tells of how many idempotency keys the rule keys has looked for an order, and of how many it could not tell.
func (r *Run) Decided() (keys, undecided int) { return r.keys, r.undecided }

// Counts tells a run in figures: calls by kind and answer, faults by kind, verdicts by phase.
func (r *Run) Counts() (calls, faults, verdicts map[string]int) {
	calls, faults, verdicts = map[string]int{}, map[string]int{}, map[string]int{}
	for _, c := range r.calls {
		kind := string(c.Kind)
		if c.Batch > 0 {
			kind += " (batch)"
		}
		calls[kind+" "+strings.TrimSpace(c.Answer)]++
	}
	for _, f := range r.faults {
		faults[f.kind]++
	}
	for _, l := range r.checks {
		for i := range l.versions {
			if wrote(l, i) && l.versions[i].Verdict.Phase.Finished() {
				verdicts[string(l.versions[i].Verdict.Phase)]++
			}
		}
	}
	return calls, faults, verdicts
}

// wrote tells whether a version of a Check has another status than the one before it.
func wrote(l *life, i int) bool {
	v := l.versions[i].Verdict
	return v != nil && (i == 0 || l.versions[i-1].Verdict == nil || l.versions[i-1].Verdict.Status != v.Status)
}
