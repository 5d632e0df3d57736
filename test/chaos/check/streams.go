package check

import (
	"slices"
	"time"

	"github.com/checky-dev/checky/test/chaos/history"
	"github.com/checky-dev/checky/test/chaos/plan"
)

// Streams finds streams of events that tell what no version of the Check is, or an older version after a newer one, or go on after a verdict; those that
// end in order without one, though nothing was in the way; and verdicts that the same replica, asked afterwards, denies.
func Streams(r *Run, _ Bounds) []Violation {
	var found []Violation
	for i := range r.calls {
		c := &r.calls[i]
		if c.Kind != history.Events || !c.Done() {
			continue
		}
		if problem := r.streamed(c); problem != "" {
			found = append(found, violation("streams", c.Name, []history.Entry{c.entry}, "%s", problem))
			continue
		}
		if answer, ok := r.deniedBy(c); ok {
			found = append(found, violation("streams", c.Name, []history.Entry{c.entry, answer.entry}, "the stream told a verdict, and a read after it does not know of it"))
		}
	}
	return found
}

// ends tells whether a status is the last of a stream.
func ends(status string) bool {
	return status == "success" || status == "failure" || status == "deleted"
}

// streamed tells what is wrong with a stream; empty: nothing is.
func (r *Run) streamed(c *call) string {
	last := -1
	for i, e := range c.Stream {
		if i > 0 && ends(c.Stream[i-1].Status) {
			return "it went on after " + c.Stream[i-1].Status
		}
		if e.Status == "deleted" {
			continue
		}
		place, version := r.versionOf(c.Name, e.Version)
		switch {
		case version == nil: // the watch had to begin anew, and has not seen it
		case statusOf(version) != e.Status:
			return "it told " + e.Status + " of a version that is " + statusOf(version)
		case place < last:
			return "it told an older version after a newer one"
		default:
			last = place
		}
	}
	told := len(c.Stream) > 0 && ends(c.Stream[len(c.Stream)-1].Status)
	if c.Ended && !told && !r.inTheWay(c) {
		return "it ended without a verdict, and nothing was in its way"
	}
	return ""
}

// inTheWay tells whether a fault was in the way of a stream, or shortly before it.
func (r *Run) inTheWay(c *call) bool {
	return slices.ContainsFunc(r.faults, func(w window) bool {
		hits := w.target == c.Via || w.target == "clients-"+c.Via || w.target == plan.Etcd || w.target == plan.APIServer
		return hits && w.begin <= c.end && w.end+recovery >= c.Begin
	})
}

// deniedBy finds a read by the same replica, in the same life of it, that began after a stream had told a verdict and was answered with a version before that.
func (r *Run) deniedBy(c *call) (call, bool) {
	if len(c.Stream) == 0 {
		return call{}, false
	}
	told := c.Stream[len(c.Stream)-1]
	place, version := r.versionOf(c.Name, told.Version)
	if version == nil {
		return call{}, false
	}
	for _, read := range r.calls {
		if read.Kind != history.Status || !read.Done() || read.Name != c.Name || read.Via != c.Via || read.Begin < c.end || read.Begin > c.end+deniedWithin {
			continue
		}
		at, known := r.versionOf(c.Name, read.Version)
		if known != nil && at < place && r.start(c.Via, c.Begin, read.end) != 0 {
			return read, true
		}
	}
	return call{}, false
}

// deniedWithin is for how long after a stream reads are looked at; the rule reads looks at all of them.
const deniedWithin = 30 * time.Second
