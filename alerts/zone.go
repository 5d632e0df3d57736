package alerts

import (
	"regexp"
	"slices"
	"time"

	// The zone database is part of the binary, for images that have none: so the controller that admits a time zone and the
	// daemon that goes by it both find it.
	_ "time/tzdata"
)

// maxZoneName is how long the name of a time zone may be, in bytes.
const maxZoneName = 64

// zoneHint says what to write as time zone.
const zoneHint = "use an IANA name such as Europe/Berlin"

var zoneName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*)*$`)

// notZones are names that a zone database on disk may know, and that are not zones: those of the machine itself, and the two
// folders that hold all zones again, one of them with leap seconds, which no binary has embedded.
var notZones = regexp.MustCompile(`^(?i:local|localtime|posixrules|(posix|right)/.*)$`)

// loadZone gives a time zone by its IANA name. What it refuses is never looked up, so a name leads nowhere but into the zone
// database.
func loadZone(name string) (zone *time.Location, problem string) {
	switch {
	case name == "":
		return nil, "is not set: " + zoneHint
	case notZones.MatchString(name):
		return nil, "would be another one on another machine: " + zoneHint
	case len(name) > maxZoneName || !zoneName.MatchString(name):
		return nil, "is not the name of a time zone: " + zoneHint
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, "is not a known time zone: " + zoneHint
	}
	return zone, ""
}

// maxStretches bounds the search for an instant: no zone changes its offset so often within the two weeks that it may take.
const maxStretches = 64

// stretch is a time in which the clock of a zone runs without a leap: from from until before to it is offset ahead of UTC.
// Instants are seconds since 1970 in UTC; what a clock shows is put the same way, as if it were UTC ("wall").
type stretch struct {
	zone             *time.Location
	from, to, offset int64
}

// stretchAt gives the one that an instant is in, cut at its front to begin there.
func stretchAt(zone *time.Location, at int64) stretch {
	t := time.Unix(at, 0).In(zone)
	_, offset := t.Zone()
	s := stretch{zone: zone, from: at, to: forever, offset: int64(offset)}
	if _, end := t.ZoneBounds(); !end.IsZero() {
		s.to = end.Unix()
	}
	if s.to <= at {
		// Package time takes each year to have 365 days, where it goes by a zone's rule instead of its table: so on the last
		// day of a leap year it gives an end that has passed. The rule has no change on that day.
		s.to = (floor(at, day) + 1) * day
	}
	return s
}

// reach gives the first instant at which the zone's clock shows wall or later. Where the clock leaps over it, that is the
// instant of the leap; where it shows it twice, the first time. It looks from s.from on, so that has to be early enough: a day
// before the clock could show wall.
func (s stretch) reach(wall int64) int64 {
	for range maxStretches {
		if at := max(s.from, wall-s.offset); at < s.to {
			return at
		}
		s = stretchAt(s.zone, s.to)
	}
	return s.from
}

// floor divides, rounding down.
func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// zones remembers those of one policy, so that all its windows in a zone share it.
type zones []*time.Location

func (z *zones) load(name string) (*time.Location, string) {
	if i := slices.IndexFunc(*z, func(l *time.Location) bool { return l.String() == name }); i >= 0 {
		return (*z)[i], ""
	}
	zone, problem := loadZone(name)
	if problem == "" {
		*z = append(*z, zone)
	}
	return zone, problem
}
