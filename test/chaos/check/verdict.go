package check

import (
	"time"

	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/test/chaos/history"
)

// Verdicts looks at every status that was written: each verdict is the engine's on that payload, by versions of the rule sets that were
// current at some time between the Check's creation, or Lag before it, and then; and no two follow each other by the same payload and rules.
//
// Two controllers and two watches, of Checks and of rule sets, have no common order: a controller that sees a Check before the edit that was made just
// before it evaluates by the old rules, and then again. Where a fault was in a controller's way, the time before it counts too.
func Verdicts(r *Run, b Bounds) []Violation {
	var found []Violation
	o := newOffline()
	for _, l := range r.checks {
		found = append(found, r.verdictsOf(o, l, b)...)
	}
	return found
}

func (r *Run) verdictsOf(o *offline, l *life, b Bounds) []Violation {
	var found []Violation
	bad := func(i int, format string, args ...any) {
		shown := []history.Entry{l.versions[i].entry}
		if i > 0 {
			shown = []history.Entry{l.versions[i-1].entry, l.versions[i].entry}
		}
		found = append(found, violation("verdict", l.name, shown, format, args...))
	}
	payloads := map[int64]string{} // by generation
	var before *history.Verdict    // the last verdict that was written
	for i := range l.versions {
		s := &l.versions[i]
		payloads[s.Generation] = s.Payload
		if !wrote(l, i) {
			continue
		}
		v := s.Verdict
		if !v.Phase.Finished() {
			if before != nil && before.Generation == v.Generation {
				bad(i, "a verdict was taken back")
			}
			continue
		}
		payload, known := payloads[v.Generation]
		if !known {
			payload, known = r.sent(l.uid, v.Generation)
		}
		switch {
		case !known && s.Type == history.Listed:
			// The version that it is of was not seen.
		case !known:
			bad(i, "a verdict on a generation that never was")
		case s.Source != "":
			if content, ok := r.contentOf(l, s, b); !ok {
				bad(i, "by a content of %s that was not current at any time since the Check was made", s.Source)
			} else if problem := r.judge(o, l, s, content, b); problem != "" {
				bad(i, "%s", problem)
			}
		default:
			if problem := r.judge(o, l, s, payload, b); problem != "" {
				bad(i, "%s", problem)
			}
		}
		if before != nil && before.Generation == v.Generation && before.Rules == v.Rules && before.Input == v.Input {
			bad(i, "it was written again, by the same payload and rules")
		}
		before = v
	}
	return found
}

// sent finds the payload of a generation that was not seen, by the call that made it; false: no such call was answered.
func (r *Run) sent(uid string, generation int64) (string, bool) {
	for _, c := range r.calls {
		if c.UID == uid && c.Generation == generation && c.Done() && c.Payload != "" {
			return c.Payload, true
		}
	}
	return "", false
}

// judge tells what is wrong with a verdict; empty: nothing is.
func (r *Run) judge(o *offline, l *life, s *seen, payload string, b Bounds) string {
	from := r.known(l, s, b)
	program := r.programOf(o, s, from)
	switch {
	case program == nil && r.unseen(s, from):
		return ""
	case program == nil:
		return "by rules that were not current at any time since the Check was made"
	}
	e := o.verdict(payload, program)
	digest := e.digest
	if s.Verdict.Unsearched {
		digest = e.unsearched
	}
	switch {
	case e.phase != s.Verdict.Phase:
		return "the verdict is " + string(s.Verdict.Phase) + ", and the engine says " + string(e.phase)
	case digest != s.Verdict.Digest:
		return "the verdict's phase is right, and the rest of it is not what the engine says"
	}
	return ""
}

// known is from when on what was current may have been what a controller went by as it wrote a verdict.
func (r *Run) known(l *life, s *seen, b Bounds) time.Duration {
	from := l.born() - b.Lag
	for r.disturbed(from, s.at) && from > 0 {
		from = max(r.calmBefore(from, s.at)-b.Lag, 0)
	}
	return from
}

// contentOf finds what a verdict's payload was, where it was taken from another object; false: it was not current.
func (r *Run) contentOf(l *life, s *seen, b Bounds) (string, bool) {
	for _, version := range current(r.sources[s.Source], r.known(l, s, b), s.Revision) {
		if digestOf(version.Payload) == s.Verdict.Input {
			return version.Payload, true
		}
	}
	return "", false
}

// disturbing are the targets whose faults keep a controller from seeing what is current.
var disturbing = map[string]bool{"controller-0": true, "controller-1": true, "etcd": true, "kube-apiserver": true}

// disturbed tells whether a fault that keeps controllers from seeing what is current had begun before a time, and was there after it.
func (r *Run) disturbed(from, to time.Duration) bool { return r.calmBefore(from, to) < from }

// calmBefore is the earliest beginning of the faults that were there at a time and until another.
func (r *Run) calmBefore(from, to time.Duration) time.Duration {
	earliest := from
	for _, w := range r.faults {
		if disturbing[w.target] && w.begin <= to && w.end >= from {
			earliest = min(earliest, w.begin)
		}
	}
	return earliest
}

// programOf finds the rules of a verdict among the versions of its rule sets that were current at some time from a time on, and before it was
// written; nil: there are none.
func (r *Run) programOf(o *offline, s *seen, from time.Duration) *engine.Program {
	combinations := [][]seen{nil}
	for _, name := range s.Sets {
		var longer [][]seen
		for _, version := range current(r.sets[name], from, s.Revision) {
			for _, c := range combinations {
				longer = append(longer, append(c[:len(c):len(c)], version))
			}
		}
		combinations = longer
	}
	for _, sets := range combinations {
		if program, err := o.program(sets); err == nil && program.Digest() == s.Verdict.Rules {
			return program
		}
	}
	return nil
}

// unseen tells whether a rule set of a Check may have had a version, after a time and before the Check's, that was not seen: while the watch was
// interrupted it was written more often than what was listed then explains.
func (r *Run) unseen(s *seen, from time.Duration) bool {
	for _, name := range s.Sets {
		for _, l := range r.sets[name] {
			for i, v := range l.versions {
				if v.Type != history.Listed || v.at < from {
					continue
				}
				gap := window{end: v.at}
				if i > 0 {
					gap.begin = l.versions[i-1].at
				}
				if gap.begin <= s.at && r.writes(name, gap) > 1 {
					return true
				}
			}
		}
	}
	return false
}

// writes is how many calls in a stretch of time wrote a rule set or a ConfigMap, or may have.
func (r *Run) writes(name string, in window) int {
	n := 0
	for _, c := range r.calls {
		switch c.Kind {
		case history.SetCreate, history.SetUpdate, history.SetDelete, history.Source:
			if c.Name == name && c.Begin <= in.end && c.end >= in.begin && (c.Done() || c.Unknown()) {
				n++
			}
		}
	}
	return n
}

// current are the versions of an object that were current at some time after a time, and before a revision.
func current(lives []*life, from time.Duration, revision uint64) []seen {
	var versions []seen
	for _, l := range lives {
		for i, v := range l.versions {
			end := forever
			switch {
			case i+1 < len(l.versions):
				end = l.versions[i+1].at
			case l.deleted != nil:
				end = l.deleted.at
			}
			if v.Revision < revision && end >= from {
				versions = append(versions, v)
			}
		}
	}
	return versions
}
