package dispatch

import (
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/alerts"
)

// is tells whether an alert is this very failure, and not another one of the same Check.
func (f *failure) is(a Alert) bool {
	return f.alert.UID == a.UID && f.alert.Key == a.Key && f.alert.Since.Equal(a.Since)
}

// of tells whether an entry speaks of an alert, and not of an earlier failure of the same Check.
func (e *Entry) of(a Alert) bool {
	return e.UID == a.UID && e.Key == a.Key && e.Since.Equal(a.Since)
}

// Restore tells what the journal holds. It is called once, before anything else.
func (s *State) Restore(entries []Entry) {
	for _, e := range entries {
		s.journal[e.UID] = e
	}
}

// Synced tells that the first list is complete. What the journal holds of Checks that do not fail any more is dropped.
func (s *State) Synced(m Moment) {
	s.advance(m)
	for uid := range s.journal {
		s.out.journal[uid] = nil
	}
	clear(s.journal)
}

// meet is what an alert is when it is first seen. One that the journal knows goes on where it was. One that the
// journal does not know, and that the first list brings, failed while the daemon was not there: if that was too long
// ago, it is stale. A completion in the future is one by a clock that was set back, and fresh.
func (s *State) meet(a Alert, initial bool) *failure {
	s.serial++
	f := &failure{
		alert: a, rank: alerts.Rank(a.Severity), order: s.serial, seen: s.now.Mono, every: unset, disregarded: a.AcknowledgedBy,
	}
	entry, known := s.journal[a.UID]
	delete(s.journal, a.UID)
	same := known && entry.of(a)
	switch {
	case same && entry.State == Announced:
		// Counted by Mono from here on. By a wall clock that was set back in the meantime the announcement may be in
		// the future; it counts as now. So the next repeat is due between now and one interval from now, wherever the
		// clock went.
		f.announced, f.stale, f.journaled, f.at = true, entry.Stale, true, entry.At
		f.last = s.now.Mono - max(s.now.Wall.Sub(entry.At), 0)
	case same:
		f.held, f.journaled, f.at, f.disregarded = true, true, entry.At, entry.Acknowledged
		s.acknowledge(f)
	case initial && !a.Completed.IsZero() && s.now.Wall.Sub(a.Completed) > s.options.MaxAge:
		f.announced, f.stale, f.at, f.last = true, true, s.now.Wall, s.now.Mono
	case known: // another failure of the same Check: what the journal says of the earlier one is of no use
		s.out.journal[a.UID] = nil
	}
	return f
}

// remember has the journal keep what is known of a failure now.
func (s *State) remember(f *failure) {
	if f.gone {
		return
	}
	f.journaled = true
	s.out.journal[f.alert.UID] = f
}

// hold has the journal know a failure that was not announced: it is not stale after a restart, however long that takes.
func (s *State) hold(f *failure) {
	if f.held || f.announced {
		return
	}
	f.held, f.at = true, s.now.Wall
	s.remember(f)
}

// entry is what the journal keeps of a failure.
func (f *failure) entry() Entry {
	e := Entry{UID: f.alert.UID, Key: f.alert.Key, Since: f.alert.Since, State: Held, At: f.at, Acknowledged: f.disregarded}
	if f.announced {
		e.State, e.Acknowledged, e.Stale = Announced, "", f.stale
	}
	return e
}

// kept are the entries to be written and dropped, by UID.
func (s *State) kept() (remember []Entry, forget []types.UID) {
	for _, uid := range sortedKeys(s.out.journal) {
		if f := s.out.journal[uid]; f != nil {
			remember = append(remember, f.entry())
		} else {
			forget = append(forget, uid)
		}
	}
	clear(s.out.journal)
	return remember, forget
}

// MaxAcknowledged is how much of an acknowledgement is looked at and kept, in bytes.
const MaxAcknowledged = 256

// ClipAcknowledged cuts an acknowledgement down to that, at the border of a character: what comes back from the journal compares equal.
func ClipAcknowledged(by string) string {
	by = strings.ToValidUTF8(by, "?")
	if len(by) <= MaxAcknowledged {
		return by
	}
	end := MaxAcknowledged
	for !utf8.RuneStart(by[end]) {
		end--
	}
	return strings.Clone(by[:end]) // which lets go of the rest
}
