package dispatch

import (
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/alerts"
)

// What holds where Options say nothing.
const (
	// DefaultFloodThreshold is how many failures may be announced within a minute before they are one flood.
	DefaultFloodThreshold = 20
	// DefaultMaxAge is how long ago a failure may have happened that the daemon finds when it starts, and still sound.
	DefaultMaxAge = 15 * time.Minute
	// DefaultMaxAlerts is how many failing Checks are followed: twice as many objects of a kind as Kubernetes is tested for (KEP-95). Further ones are
	// told as overflow, and make no sound before there is room.
	DefaultMaxAlerts = 20_000
)

// Options are the bounds of a State. A field that is zero has its default.
type Options struct {
	FloodThreshold int           // failures announced within a minute, on this node; more are a flood
	MaxAge         time.Duration // of failures in the first list that the journal does not know
	MaxAlerts      int           // how many failures are followed
}

// State is all that the daemon knows of failures, and what became of each. It is told of changes, and asked by Next
// what to do. It is for one goroutine at a time.
type State struct {
	options Options
	now     Moment // of the latest call; Mono never goes back
	serial  uint64 // of failures, in the order in which they were seen

	alerts     map[types.UID]*failure
	namespaces map[string]*namespace
	journal    map[types.UID]Entry // what the journal held at the start and no alert has claimed yet

	policed  bool // SetPolicies was called
	policies []*alerts.Policy
	groups   []*group // one for each policy
	silences silences

	overflowed bool // a failure is not followed for want of room
	playing    *play
	lastID     uint64
	flood      *flood
	taken      rate
	recoveries recoveries

	changed changes
	out     outbox
}

// failure is an alert and what became of it so far: one identity of one Check.
type failure struct {
	alert Alert
	rank  int    // of its severity
	group *group // of the policy that applies; nil: none selects it
	order uint64
	seen  time.Duration // when this identity was first seen

	announced bool          // it was heard, or is not to be
	stale     bool          // it is not to be
	last      time.Duration // when it was last announced, or what its next repeat is counted from
	every     time.Duration // the repeat interval that was counted with; unset: none yet
	notBefore time.Duration // after an announcement of it that failed; 0: none did
	at        time.Time     // wall clock: of the last announcement, or of the holding back

	disregarded string // an acknowledgement that is older than the failure, and so does not hold it back
	held        bool   // the journal has it, or is to have it, as Held
	journaled   bool   // the journal has an entry of this Check
	told        reasons

	playing bool // it is covered by what plays
	taken   time.Duration
	gone    bool // or it has become another failure

	queue *queue
	place int
	due   time.Duration
}

// unset is the repeat interval of a failure that no policy has selected yet.
const unset = time.Duration(-1)

// New makes a State that knows of nothing.
func New(o Options) *State {
	if o.FloodThreshold <= 0 {
		o.FloodThreshold = DefaultFloodThreshold
	}
	if o.MaxAge <= 0 {
		o.MaxAge = DefaultMaxAge
	}
	if o.MaxAlerts <= 0 {
		o.MaxAlerts = DefaultMaxAlerts
	}
	return &State{
		options: o, alerts: map[types.UID]*failure{}, namespaces: map[string]*namespace{}, journal: map[types.UID]Entry{},
		recoveries: recoveries{of: map[types.UID]*recovery{}},
		changed:    changes{namespaces: map[string]bool{}},
		out:        outbox{journal: map[types.UID]*failure{}},
	}
}

// advance takes note of the time. Wall may go anywhere; Mono that goes back is taken for standing still.
func (s *State) advance(m Moment) {
	s.now = Moment{Mono: max(s.now.Mono, m.Mono), Wall: m.Wall}
}

// Observe tells of a failing Check that was added or has changed. initial: it is part of the first list after the
// daemon's start.
func (s *State) Observe(m Moment, a Alert, initial bool) {
	s.advance(m)
	a.AcknowledgedBy = ClipAcknowledged(a.AcknowledgedBy)
	s.recoveries.drop(a.UID) // it fails again
	f := s.alerts[a.UID]
	if f == nil {
		s.add(s.meet(a, initial))
		return
	}
	if !f.is(a) {
		s.remove(f)
		if s.out.journal[a.UID] != nil { // what was to be kept of the old failure
			delete(s.out.journal, a.UID)
		}
		changed := s.meet(a, false)
		changed.journaled = f.journaled
		s.add(changed)
		return
	}
	before := f.alert
	f.alert, f.rank = a, alerts.Rank(a.Severity)
	s.acknowledge(f)
	if before.Severity != a.Severity || before.AcknowledgedBy != a.AcknowledgedBy || before.Namespace != a.Namespace ||
		before.Name != a.Name || !maps.Equal(before.Labels, a.Labels) {
		s.file(f)
	}
}

// Gone tells that a Check no longer fails: it passes, waits for its inputs, or was deleted. Should it fail again,
// that is another failure, even where it looks the same.
func (s *State) Gone(m Moment, uid types.UID) {
	s.advance(m)
	f := s.alerts[uid]
	if f == nil {
		return
	}
	s.remove(f)
	if f.journaled {
		s.out.journal[uid] = nil
	}
	s.relax(f.group)
	if f.announced && !f.stale {
		s.inquire(f)
	}
}

// Waiting is how many alerts wait for their first announcement and are not held back.
func (s *State) Waiting() int {
	var n int
	for _, g := range s.groups {
		n += g.waits()
	}
	return n
}

// add follows a failure from here on, if there is room. One for which there is none is told each time that it changes,
// since nothing is kept of it.
func (s *State) add(f *failure) {
	if len(s.alerts) >= s.options.MaxAlerts {
		s.tell(f, ReasonOverflow)
		s.overflowed = true
		return
	}
	s.alerts[f.alert.UID] = f
	s.inNamespace(f.alert.Namespace).alerts[f] = struct{}{}
	s.file(f)
	if f.announced && f.stale && !f.journaled {
		s.tell(f, ReasonStale)
		s.remember(f)
	}
}

// room tells, once, that there is room again for failures that are not followed: for a tenth of all, so that it is not told for each.
func (s *State) room() bool {
	if !s.overflowed || len(s.alerts) > s.options.MaxAlerts-max(s.options.MaxAlerts/10, 1) {
		return false
	}
	s.overflowed = false
	return true
}

// remove forgets a failure. What plays may still cover it.
func (s *State) remove(f *failure) {
	f.gone = true
	f.unqueue()
	delete(s.alerts, f.alert.UID)
	if n := s.namespaces[f.alert.Namespace]; n != nil {
		delete(n.alerts, f)
		s.tidy(f.alert.Namespace)
	}
}

// file puts a failure where it belongs by now: the stages of its life, in their order.
func (s *State) file(f *failure) {
	f.unqueue()
	if f.playing || f.gone {
		return
	}
	if f.group = s.match(f); f.group == nil {
		if s.policed {
			s.tell(f, ReasonUnmatched)
		}
		return
	}
	if f.announced {
		s.repeat(f)
		return
	}
	if reason := s.held(f); reason != "" {
		s.tell(f, reason)
		s.hold(f)
		return
	}
	s.wait(f)
}
