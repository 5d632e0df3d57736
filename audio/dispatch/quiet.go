package dispatch

import (
	"time"

	"github.com/checky-dev/checky/alerts"
)

// ranks is how many there are: of the severities, and of none.
const ranks = alerts.Ranks

// severities by their ranks.
var severities = alerts.Severities()

// held is why a failure is to make no sound now; "" if it may.
func (s *State) held(f *failure) Reason {
	switch {
	case s.silenced(&f.alert):
		return ReasonSilenced
	case s.quiet(f.group, f.rank):
		return ReasonQuiet
	case f.acknowledged():
		return ReasonAcknowledged
	}
	return ""
}

// acknowledged tells whether somebody has taken a failure on. One that was announced rests while there is an
// acknowledgement. One that was not is held back only by an acknowledgement that came or changed since it is there:
// an older one was of another verdict.
func (f *failure) acknowledged() bool {
	by := f.alert.AcknowledgedBy
	return by != "" && (f.announced || by != f.disregarded)
}

// acknowledge takes note of a changed acknowledgement: from then on, any counts.
func (s *State) acknowledge(f *failure) {
	if f.disregarded == "" || f.alert.AcknowledgedBy == f.disregarded {
		return
	}
	f.disregarded = ""
	if f.held && !f.announced {
		s.remember(f)
	}
}

// hours are what is known of a group's quiet hours.
type hours struct {
	looked bool
	second int64 // of the wall clock, at which they were looked up: they begin and end with a second
	quiet  [ranks]bool
	until  [ranks]time.Time
	turned bool // it became quiet for a severity, or no longer is
}

func (s *State) quiet(g *group, rank int) bool {
	s.look(g)
	return g.hours.quiet[rank]
}

// look finds out for which severities it is quiet: once in a second, since each look reckons with days and time zones.
func (s *State) look(g *group) {
	h, second := &g.hours, s.now.Wall.Unix()
	if h.looked && h.second == second {
		return
	}
	h.looked, h.second = true, second
	for rank, severity := range severities {
		until, quiet := g.policy.Quiet(s.now.Wall, severity)
		h.turned = h.turned || quiet != h.quiet[rank]
		h.quiet[rank], h.until[rank] = quiet, until
	}
}

// silences are the Silences by namespace. Between from and until (either may be zero: without end) the same ones are
// in effect.
type silences struct {
	of          map[string][]*alerts.Silence
	from, until time.Time
	at          time.Time // for which the alerts were last filed
}

// SetSilences tells which Silences there are, all of them.
func (s *State) SetSilences(m Moment, list []*alerts.Silence) {
	s.advance(m)
	for name := range s.silences.of {
		s.changed.namespaces[name] = true
	}
	s.silences.of = map[string][]*alerts.Silence{}
	for _, silence := range list {
		s.silences.of[silence.Namespace] = append(s.silences.of[silence.Namespace], silence)
		s.changed.namespaces[silence.Namespace] = true
	}
	s.silences.bound(s.now.Wall)
}

// silenced tells whether a Silence of an alert's namespace mutes it now.
func (s *State) silenced(a *Alert) bool {
	list := s.silences.of[a.Namespace]
	if len(list) == 0 {
		return false
	}
	subject := s.subject(a)
	for _, silence := range list {
		if silence.Mutes(subject, s.now.Wall) {
			return true
		}
	}
	return false
}

// passSilences has those namespaces looked at anew in which a Silence began or ended, also by a wall clock that was set.
func (s *State) passSilences() {
	x, now := &s.silences, s.now.Wall
	if (x.from.IsZero() || !now.Before(x.from)) && (x.until.IsZero() || now.Before(x.until)) {
		return
	}
	for name, list := range x.of {
		for _, silence := range list {
			if silence.State(now) != silence.State(x.at) {
				s.changed.namespaces[name] = true
			}
		}
	}
	x.bound(now)
}

// bound finds the nearest beginnings and ends of Silences around a moment.
func (x *silences) bound(now time.Time) {
	x.at, x.from, x.until = now, time.Time{}, time.Time{}
	for _, list := range x.of {
		for _, silence := range list {
			for _, edge := range [...]time.Time{silence.StartsAt, silence.EndsAt} {
				switch {
				case edge.IsZero():
				case edge.After(now):
					if x.until.IsZero() || edge.Before(x.until) {
						x.until = edge
					}
				case edge.After(x.from):
					x.from = edge
				}
			}
		}
	}
}
