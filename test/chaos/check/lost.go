package check

import (
	"slices"
	"time"

	"github.com/checky-dev/checky/test/chaos/history"
)

// defaultTTL is the controller's, as its flag has it: longer than any run.
const defaultTTL = 24 * time.Hour

// Lost finds Checks that were acknowledged and are not there, though nobody deleted them and their time to live is not over; and those that
// stay after it.
func Lost(r *Run, b Bounds) []Violation {
	var found []Violation
	deletes := map[string]time.Duration{} // when the first call that deletes a Check began, by name
	for _, c := range r.calls {
		if c.Kind != history.KubeDelete && c.Kind != history.Delete {
			continue
		}
		if first, ok := deletes[c.Name]; !ok || c.Begin < first {
			deletes[c.Name] = c.Begin
		}
	}
	told := map[string]bool{}
	for _, c := range r.calls {
		made := c.Done() && (c.Kind == history.KubeCreate || c.Kind == history.Post)
		if _, deleted := deletes[c.Name]; made && !told[c.Name] && len(r.byName[c.Name]) == 0 && !deleted && !r.missed(c.end, c.TTL) {
			told[c.Name] = true
			found = append(found, violation("lost", c.Name, []history.Entry{c.entry}, "it was acknowledged, and the store never had it"))
		}
	}
	for _, l := range r.checks {
		last := l.versions[len(l.versions)-1]
		ends, limited := r.endOfLife(&last)
		switch {
		case l.deleted != nil:
			if at, deleted := deletes[l.name]; deleted && at <= l.deleted.at {
				continue
			}
			if !limited && l.deleted.Type == history.Vanished && last.TTL != nil && r.missed(last.at, *last.TTL) {
				continue // it had its verdict, and its time to live, while nobody looked
			}
			if !limited || l.deleted.at < ends {
				found = append(found, violation("lost", l.name, l.shown(), "it was deleted before its time to live was over, and by nobody who may"))
			}
		case r.finished && l.final == nil:
			found = append(found, violation("lost", l.name, l.shown(), "it is not there in the end, and nobody has seen it go"))
		case r.finished && limited && r.end > ends+b.Overdue:
			found = append(found, violation("lost", l.name, l.shown(), "it is still there %s after its time to live was over", r.end-ends))
		}
	}
	return found
}

// missed tells whether the watch of Checks was interrupted after a time, and for so long that a Check may have lived all of its time in between.
func (r *Run) missed(from time.Duration, ttl int32) bool {
	long := time.Duration(ttl) * time.Second
	return ttl > 0 && slices.ContainsFunc(r.gaps, func(g window) bool { return g.end-max(from, g.begin) >= long })
}

// endOfLife is when the time to live of a Check is over, by its last version; false: it has no verdict yet.
func (r *Run) endOfLife(last *seen) (time.Duration, bool) {
	if last.Verdict == nil || last.Verdict.Completed.IsZero() {
		return 0, false
	}
	ttl := defaultTTL
	if last.TTL != nil {
		ttl = time.Duration(*last.TTL) * time.Second
	}
	return r.since(last.Verdict.Completed) + ttl, true
}

// shown is the object's own history.
func (l *life) shown() []history.Entry {
	var entries []history.Entry
	for _, v := range l.versions {
		entries = append(entries, v.entry)
	}
	if l.deleted != nil {
		entries = append(entries, l.deleted.entry)
	}
	if l.final != nil {
		entries = append(entries, l.final.entry)
	}
	return slices.CompactFunc(entries, func(a, b history.Entry) bool { return a.Seen == b.Seen })
}
