package alerts

import (
	"cmp"
	"math"
	"regexp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/checky-dev/checky/api/v1alpha1"
)

// LookAhead is how far Quiet looks for the end of a stretch of quiet hours. Every week has been seen by then, so one that is
// longer never ends, or ends after a day that occurs less than once a week; whoever asks then asks again.
const LookAhead = 8 * 24 * time.Hour

const (
	minute  int64 = 60 // in seconds
	day           = 24 * 60 * minute
	forever int64 = math.MaxInt64
)

// window is one entry of quietHours. On each of its days it spans the instants from that at which the clock reaches start
// until before that at which it reaches end:
//
//	day 28         day 29, the clock goes from 02:00 to 03:00
//	  22:00          02:30   06:00
//	    |--------------^-------|       22:00 to 06:00 is seven hours long
//	                   |~~~~~~~|       02:30 to 06:00 begins at 03:00
type window struct {
	zone       *time.Location
	start, end int64   // in seconds of the clock from 00:00 of the day on which it begins; end may be of the next
	days       [7]bool // by time.Weekday
	sounds     ranks   // what sounds nevertheless
}

// Quiet tells whether quiet hours hold a failure of a severity back at an instant, and if so, until when: the end of the whole
// stretch, where windows overlap or adjoin, but no later than LookAhead after at, and always after at. A severity that is unknown
// sounds in no window.
func (p *Policy) Quiet(at time.Time, s v1alpha1.Severity) (until time.Time, quiet bool) {
	if len(p.quiet) == 0 {
		return time.Time{}, false
	}
	now := at.Unix()
	end, rank, limit := now, Rank(s), now+int64(LookAhead/time.Second)
	for longer := true; longer && end < limit; {
		longer = false
		var near stretch
		for i := range p.quiet {
			w := &p.quiet[i]
			if w.sounds[rank] {
				continue
			}
			if near.zone != w.zone {
				near = stretchAt(w.zone, end-nearby)
			}
			// A span ends once, so this goes around no more often than the windows have spans within LookAhead.
			if e := w.covers(end, near); e > end {
				end, longer = e, true
			}
		}
	}
	if end == now {
		return time.Time{}, false
	}
	return time.Unix(min(end, limit), 0).In(at.Location()), true
}

// nearby is how long before an instant the stretch begins that covers is to be given, in seconds. The earliest that it looks for
// is the beginning of yesterday, so there are two days to spare for clocks that are set.
const nearby = 4 * day

// covers gives the end of the window's spans that an instant is in, or the instant itself.
func (w *window) covers(at int64, near stretch) int64 {
	here := near
	if at < here.from || at >= here.to {
		here = stretchAt(w.zone, at)
	}
	end, today := at, floor(at+here.offset, day)
	// A span lasts until the day after its own at the latest. That of tomorrow has begun where the clock was set back over
	// midnight.
	for d := today - 1; d <= today+1; d++ {
		if begins, ends := w.span(d, near); begins <= at && ends > end {
			end = ends
		}
	}
	return end
}

// span gives the instants at which the window begins on a day, counted from 1970-01-01, and at which it ends. Both are the
// same where there is none.
func (w *window) span(d int64, near stretch) (begins, ends int64) {
	const thursday = int64(time.Thursday) // 1970-01-01
	if !w.days[((d+thursday)%7+7)%7] {
		return 0, 0
	}
	begins, ends = near.reach(d*day+w.start), near.reach(d*day+w.end)
	if begins < ends && near.skips(d) {
		return 0, 0
	}
	return begins, ends
}

// skips tells whether a zone's clock leaps over a whole day, as one does that moves to the other side of the date line. A
// leap over the last hours of a day does not take its quiet hours away: they begin at its end.
func (s stretch) skips(d int64) bool {
	return s.reach(d*day) == s.reach((d+1)*day)
}

// quietHours makes windows of a policy's quiet hours. Those of one zone are next to each other, the earlier ones first, so that
// Quiet looks each zone up once and seldom goes around.
func (c *checker) quietHours(path *field.Path, hours []v1alpha1.QuietHours) []window {
	if n := len(hours); n > maxQuietHours {
		c.add(field.TooMany(path, n, maxQuietHours))
		return nil
	}
	var known zones
	windows := make([]window, 0, len(hours))
	for i := range hours {
		windows = append(windows, c.window(path.Index(i), &hours[i], &known))
	}
	slices.SortStableFunc(windows, func(a, b window) int {
		return cmp.Or(cmp.Compare(a.zone.String(), b.zone.String()), cmp.Compare(a.start, b.start))
	})
	return windows
}

func (c *checker) window(path *field.Path, hours *v1alpha1.QuietHours, known *zones) window {
	w := window{
		zone:   time.UTC,
		days:   c.days(path.Child("days"), hours.Days),
		sounds: c.severities(path.Child("severities"), hours.Severities),
	}
	var starts, stops bool
	if w.start, starts = clock(hours.Start); !starts || w.start == day {
		c.add(field.Invalid(path.Child("start"), hours.Start, "must be HH:MM from 00:00 to 23:59"))
	}
	if w.end, stops = clock(hours.End); !stops {
		c.add(field.Invalid(path.Child("end"), hours.End, "must be HH:MM from 00:00 to 24:00"))
	}
	if starts && stops && w.start == w.end {
		c.add(field.Invalid(path.Child("end"), hours.End, "must differ from start; a whole day is 00:00 to 24:00"))
	}
	if w.end <= w.start {
		w.end += day
	}
	zone, problem := known.load(hours.TimeZone)
	if problem != "" {
		c.add(field.Invalid(path.Child("timeZone"), hours.TimeZone, problem))
		return w
	}
	w.zone = zone
	return w
}

// weekdays by their number in package time.
var weekdays = [...]v1alpha1.DayOfWeek{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

// days of a list, each known and there once; an empty one means all.
func (c *checker) days(path *field.Path, list []v1alpha1.DayOfWeek) [len(weekdays)]bool {
	if len(list) == 0 {
		return [...]bool{true, true, true, true, true, true, true}
	}
	var set [len(weekdays)]bool
	if n := len(list); n > len(weekdays) {
		c.add(field.TooMany(path, n, len(weekdays)))
		return set
	}
	for i, name := range list {
		d := slices.Index(weekdays[:], name)
		switch {
		case d < 0:
			c.add(field.NotSupported(path.Index(i), name, weekdays[:]))
		case set[d]:
			c.add(field.Duplicate(path.Index(i), name))
		default:
			set[d] = true
		}
	}
	return set
}

var clockTime = regexp.MustCompile(`^(?:([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$`)

// clock reads HH:MM, from 00:00 to 24:00, as seconds.
func clock(s string) (int64, bool) {
	if !clockTime.MatchString(s) {
		return 0, false
	}
	at := func(i int) int64 { return int64(s[i] - '0') }
	return ((at(0)*10+at(1))*60 + at(3)*10 + at(4)) * minute, true
}
