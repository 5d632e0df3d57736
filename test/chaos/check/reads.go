package check

import (
	"slices"

	"github.com/checky-dev/checky/test/chaos/history"
)

// Reads finds answers about a Check that are no version of it, or not what that version says; and those of one replica that are older than what it has
// answered before. A replica that was started again, and another one, may know less.
func Reads(r *Run, _ Bounds) []Violation {
	var found []Violation
	type reader struct {
		name, via string
		start     int
	}
	latest := map[reader][]read{}
	var unknown []history.Entry
	known := 0
	for _, c := range r.calls {
		if c.Version == "" || !c.Done() || c.Kind != history.Status && c.Kind != history.Post {
			continue
		}
		place, version := r.versionOf(c.Name, c.Version)
		if version == nil { // the watch had to begin anew, and has not seen it
			unknown = append(unknown, c.entry)
			continue
		}
		known++
		if want := statusOf(version); c.Status != want {
			found = append(found, violation("reads", c.Name, []history.Entry{version.entry, c.entry}, "it was answered %q, and that version is %q", c.Status, want))
		}
		start := r.start(c.Via, c.Begin, c.end)
		if start == 0 {
			continue
		}
		key := reader{c.Name, c.Via, start}
		for _, before := range latest[key] {
			if before.end < c.Begin && before.place > place {
				found = append(found, violation("reads", c.Name, []history.Entry{before.entry, c.entry},
					"%s answered version %d after version %d", c.Via, place, before.place))
				break
			}
		}
		latest[key] = append(latest[key], read{c, place})
	}
	if known == 0 && len(unknown) > 0 { // package observe knows how the facade makes its ETags, and nobody else tells when that changes
		found = append(found, violation("reads", "all", unknown[:1], "the ETag of no answer is that of a version that was seen"))
	}
	return found
}

// read is a call that was answered with the version at a place.
type read struct {
	call
	place int
}

// versionOf finds the version of a Check that an answer was about.
func (r *Run) versionOf(name, etag string) (place int, version *seen) {
	offset := 0
	for _, l := range r.byName[name] {
		at := slices.IndexFunc(l.versions, func(s seen) bool { return s.ETag == etag })
		if at >= 0 {
			return offset + at, &l.versions[at]
		}
		offset += len(l.versions)
	}
	return 0, nil
}
