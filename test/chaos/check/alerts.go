package check

import (
	"cmp"
	"slices"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/plan"
)

// resolution is that of the times in a status: what happened in one second has no order by them.
const resolution = 2 * time.Second

// failure is a stretch in which a Check failed critically, by the same facts.
type failure struct {
	key        string // empty: of any, or there was none
	begin, end time.Duration
	from       time.Duration // when it may have begun: before begin, where that was seen late
	entry      history.Entry
}

// certain tells a failure that was seen from one that there may have been.
func (f *failure) certain() bool { return f.key != "" }

// Alerts finds critical failures that were not announced, and those that were announced again without a reason.
//
// A failure that ends soon need not be heard (docs/alerts.md, Grouping), and what fails while the daemon is away is heard when it is back. One is
// heard again where the daemon was killed after the sound and before the journal had it, or could not write it.
func Alerts(r *Run, b Bounds) []Violation {
	var found []Violation
	heard := map[string][]history.Entry{}
	for _, e := range r.heard {
		heard[e.Heard.UID] = append(heard[e.Heard.UID], e)
	}
	for _, l := range r.checks {
		failures := append(r.failures(l), r.overlooked(l, b)...)
		if len(failures) == 0 {
			continue
		}
		sounds := announcements(heard[l.uid])
		for i, f := range failures {
			if f.certain() && r.quiet(f.begin, f.end) > b.Alert && !r.wasHeard(heard[l.uid], failures[:i+1]) {
				found = append(found, violation("alerts", l.name, append([]history.Entry{f.entry}, heard[l.uid]...),
					"it failed critically for %s, and was never announced", (f.end-f.begin).Round(time.Second)))
			}
		}
		of := matched(failures, sounds, heard[l.uid])
		for i, sound := range sounds {
			switch {
			case of[i] >= 0:
			case i > 0 && r.forgotten(sounds[i-1].Heard.When, sound.Heard.When, b):
			default:
				shown := append(l.shown(), sounds[max(i-1, 0):i+1]...)
				found = append(found, violation("alerts", l.name, shown, "it was announced again without a reason"))
			}
		}
	}
	return found
}

// failures are the stretches of a Check.
func (r *Run) failures(l *life) []failure {
	var all []failure
	for i := range l.versions {
		s := &l.versions[i]
		v := s.Verdict
		if i > 0 && !wrote(l, i) {
			continue
		}
		if len(all) > 0 && all[len(all)-1].end == forever {
			last := &all[len(all)-1]
			if v.AlertKey == last.key && v.Severity == v1alpha1.SeverityCritical {
				continue
			}
			last.end = s.at
		}
		if v.Severity == v1alpha1.SeverityCritical && v.AlertKey != "" {
			all = append(all, failure{key: v.AlertKey, begin: s.at, end: forever, from: r.earliest(s), entry: s.entry})
		}
	}
	if len(all) > 0 && all[len(all)-1].end == forever {
		last := &all[len(all)-1]
		last.end = r.end
		if l.deleted != nil {
			last.end = l.deleted.at
		}
	}
	return all
}

// earliest is when a version that fails may have been written: before it was seen, where the watch was late or had to begin anew.
func (r *Run) earliest(s *seen) time.Duration { return min(s.at, r.since(s.Verdict.Completed)) }

// overlooked are the failures that there may have been while the watch was interrupted: each edit of a Check or of its rules is a verdict, of which the
// last is seen.
func (r *Run) overlooked(l *life, b Bounds) []failure {
	var all []failure
	for i := range l.versions {
		s := &l.versions[i]
		if s.Type != history.Listed || !finished(s) {
			continue
		}
		gap, verdicts := window{begin: r.since(s.Verdict.Since), end: s.at}, s.Generation
		if i > 0 {
			before := &l.versions[i-1]
			gap.begin, verdicts = before.at, s.Generation-before.Generation
			if !finished(before) {
				verdicts++
			}
		}
		for _, name := range append(s.Sets[:len(s.Sets):len(s.Sets)], s.Source) {
			verdicts += int64(r.writes(name, window{begin: gap.begin - b.Lag, end: gap.end}))
		}
		for range verdicts - 1 {
			all = append(all, failure{begin: gap.begin, end: gap.end + b.Lag, from: gap.begin, entry: s.entry})
		}
	}
	return all
}

// recovery is how long after a fault the daemon may take until it watches again.
const recovery = 15 * time.Second

// quiet is how much of a stretch was free of faults that keep the daemon from hearing or sounding, and of what they leave.
func (r *Run) quiet(from, to time.Duration) time.Duration {
	var away []window
	for _, w := range r.faults {
		if w.target == plan.Alertd || w.target == plan.Etcd || w.target == plan.APIServer || w.target == plan.Journal {
			away = append(away, w)
		}
	}
	slices.SortFunc(away, func(a, b window) int { return cmp.Compare(a.begin, b.begin) })
	total, at := time.Duration(0), from
	for _, w := range away {
		if w.begin >= to {
			break
		}
		total += max(w.begin-at, 0)
		at = max(at, w.end+recovery)
	}
	return total + max(to-at, 0)
}

// announcements are the Events of one, by the time of the sound.
func announcements(heard []history.Entry) []history.Entry {
	var sounds []history.Entry
	for _, e := range heard {
		if e.Heard.Source == history.FromEvent && (e.Heard.Reason == "Announced" || e.Heard.Reason == "FloodAnnounced") {
			sounds = append(sounds, e)
		}
	}
	slices.SortFunc(sounds, func(a, b history.Entry) int { return cmp.Compare(a.Heard.When, b.Heard.When) })
	return sounds
}

// wasHeard tells whether the last of a Check's failures left a trace of its sound: an Event, or an entry of the journal. That of an earlier one by
// the same facts counts where the daemon was away in between, and saw no end of it.
func (r *Run) wasHeard(heard []history.Entry, failures []failure) bool {
	f := failures[len(failures)-1]
	since := f.from
	for _, before := range slices.Backward(failures[:len(failures)-1]) {
		if before.key == f.key && r.quiet(before.end, since) < since-before.end {
			since = before.from
		}
	}
	return slices.ContainsFunc(heard, func(e history.Entry) bool {
		h := e.Heard
		if h.Source == history.FromJournal {
			return h.Reason == "Announced" && h.Key == f.key && !h.Stale && h.When >= since-resolution
		}
		return h.When >= f.from-resolution && h.When <= f.end+resolution
	})
}

// matched finds the failure of each sound, or -1: one that had begun by then, with the sound's alert key where the journal has it, and each for one
// sound. A sound is left over only where no way to share the failures out leaves one for it and for all before it (a matching in a bipartite
// graph, by augmenting paths). A daemon that was away hears of several failures at once, and announces each.
func matched(failures []failure, sounds, heard []history.Entry) []int {
	of, taken := make([]int, len(sounds)), make([]int, len(failures)) // each other's number, or -1
	for j := range taken {
		taken[j] = -1
	}
	fits := func(i, j int) bool {
		when := sounds[i].Heard.When
		key := keyOf(when, heard)
		f := &failures[j]
		if !f.certain() {
			return f.from <= when+resolution && f.end >= when
		}
		return f.from <= when+resolution && (key == "" || key == f.key)
	}
	var find func(i int, tried []bool) bool
	find = func(i int, tried []bool) bool {
		for j := range failures {
			if tried[j] || !fits(i, j) {
				continue
			}
			tried[j] = true
			if taken[j] < 0 || find(taken[j], tried) {
				of[i], taken[j] = j, i
				return true
			}
		}
		return false
	}
	for i := range sounds {
		of[i] = -1
		find(i, make([]bool, len(failures)))
	}
	return of
}

// keyOf is the alert key of a sound, by the journal's entry of that time; empty: it has none, or several.
func keyOf(when time.Duration, heard []history.Entry) string {
	key := ""
	for _, e := range heard {
		h := e.Heard
		if h.Source != history.FromJournal || h.Reason != "Announced" || h.When < when-resolution/2 || h.When > when+resolution/2 {
			continue
		}
		if key != "" && key != h.Key {
			return ""
		}
		key = h.Key
	}
	return key
}

// forgotten tells whether a sound could not be kept until the next: the daemon ended before it was journaled.
func (r *Run) forgotten(before, again time.Duration, b Bounds) bool {
	return slices.ContainsFunc(r.process, func(e history.Entry) bool {
		if e.Process.Name != plan.Alertd || !e.Process.Ended || e.At < before-resolution || e.At > again {
			return false
		}
		return e.At-before <= b.Journal || r.hit(plan.FullDisk, plan.Journal, before, e.At) || r.hit(plan.Stop, plan.Alertd, before, e.At)
	})
}
