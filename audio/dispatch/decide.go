package dispatch

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// maxWake is how far away the next call of Next is at most, so that a wall clock that is set is seen soon.
const maxWake = time.Minute

// outbox is what the next Decision is to tell.
type outbox struct {
	play       *Announcement
	interrupt  bool
	journal    map[types.UID]*failure // to be kept; nil: to be dropped
	suppressed []Suppression
	inquire    []Alert
	over       *FloodSummary
}

// Next says what to do now. Asked again without any news in between, it says nothing new.
func (s *State) Next(m Moment) Decision {
	s.advance(m)
	s.refresh()
	s.recoveries.expire(s.now.Mono)
	s.calm()
	s.cover()
	s.play()
	d := Decision{
		Play: s.out.play, Interrupt: s.out.interrupt, Suppressed: s.out.suppressed, Inquire: s.out.inquire, Over: s.out.over,
		Room: s.room(), Wake: s.wake(),
	}
	d.Remember, d.Forget = s.kept()
	s.out.play, s.out.interrupt, s.out.suppressed, s.out.inquire, s.out.over = nil, false, nil, nil, nil
	return d
}

// wake is when to ask again: when something becomes due, or its hold may end. What is due already waits for what
// plays, and Done brings the next call.
func (s *State) wake() time.Duration {
	now := s.now.Mono
	if s.out.interrupt {
		return now
	}
	wake := now + maxWake
	at := func(moment time.Duration) {
		if moment > now {
			wake = min(wake, moment)
		}
	}
	wall := func(moment time.Time) {
		if moment.After(s.now.Wall) {
			at(now + min(moment.Sub(s.now.Wall), maxWake))
		}
	}
	wall(s.silences.until)
	if s.flood != nil && !s.signalling() {
		at(s.taken.falls(s.options.FloodThreshold))
	}
	covered := s.covered()
	for _, g := range s.groups {
		for rank := range ranks {
			if q := g.waiting[rank]; len(q) > 0 && rank <= covered {
				at(q[0].due)
			} else if len(q) > 0 {
				at(max(q[0].due, g.opens(rank)))
			}
			if q := g.repeats[rank]; len(q) > 0 {
				at(q[0].due)
			}
			if g.hours.quiet[rank] {
				wall(g.hours.until[rank])
			}
		}
		if len(g.recovered.waiting) > 0 {
			at(g.recovered.due)
		}
	}
	return wake
}

// reasons are a set of Reasons.
type reasons uint8

var reasonBits = map[Reason]reasons{
	ReasonQuiet: 1, ReasonSilenced: 2, ReasonAcknowledged: 4, ReasonStale: 8,
	ReasonFlood: 16, ReasonOverflow: 32, ReasonUnmatched: 64,
}

// tell has a failure be reported as making no sound, once for each reason. Between two calls of Next it is reported
// for at most MaxAlerts.
func (s *State) tell(f *failure, r Reason) {
	if f.told&reasonBits[r] != 0 || len(s.out.suppressed) >= s.options.MaxAlerts {
		return
	}
	f.told |= reasonBits[r]
	suppression := Suppression{Alert: f.alert, Reason: r}
	if f.group != nil {
		suppression.Policy = f.group.policy.Name
	}
	s.out.suppressed = append(s.out.suppressed, suppression)
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
