package alerts_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// leaping are zones whose clocks do what others don't: at midnight, by half an hour, over a whole day, by the other half of the
// year, or in the last hour of a day. Kolkata's and UTC's never leap in these years.
var leaping = []string{
	"Europe/Berlin", "America/New_York", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia",
	"America/Nuuk", "America/Havana", "America/St_Johns", "America/Scoresbysund", "Africa/Casablanca", "Europe/Dublin", "Asia/Gaza",
	"Pacific/Kwajalein", "Antarctica/Troll", "America/Asuncion", "Asia/Tehran", "Asia/Kolkata", "Pacific/Chatham", "UTC",
}

// leaps of a zone's clock in a year, to the minute, by looking at it.
func leaps(zone *time.Location, year int) []time.Time {
	offset := func(at time.Time) int {
		_, o := at.In(zone).Zone()
		return o
	}
	var found []time.Time
	hour := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	for ; hour.Year() == year; hour = hour.Add(time.Hour) {
		if offset(hour) == offset(hour.Add(time.Hour)) {
			continue
		}
		at := hour
		for offset(at) == offset(hour) {
			at = at.Add(time.Minute)
		}
		found = append(found, at)
	}
	return found
}

// drawHours draws quiet hours, many of them of times at which clocks are set.
func drawHours(r *rapid.T, zones []string) v1alpha1.QuietHours {
	clock := rapid.OneOf(
		rapid.SampledFrom([]string{"00:00", "00:30", "01:00", "01:30", "02:00", "02:15", "02:30", "03:00", "22:30", "23:00", "23:30"}),
		rapid.Custom(func(r *rapid.T) string {
			return fmt.Sprintf("%02d:%02d", rapid.IntRange(0, 23).Draw(r, "hour"), rapid.IntRange(0, 59).Draw(r, "minute"))
		}),
	)
	q := v1alpha1.QuietHours{
		TimeZone: rapid.SampledFrom(zones).Draw(r, "zone"),
		Start:    clock.Draw(r, "start"),
		End:      rapid.OneOf(clock, rapid.Just("24:00")).Draw(r, "end"),
		Days: rapid.SliceOfNDistinct(rapid.SampledFrom([]v1alpha1.DayOfWeek{
			"Monday", "Tuesday", "Wednesday", thursday, friday, saturday, sunday,
		}), 0, 7, rapid.ID).Draw(r, "days"),
	}
	if rapid.IntRange(0, 3).Draw(r, "exempt") == 0 {
		q.Severities = []v1alpha1.Severity{v1alpha1.SeverityCritical}
	}
	if q.Start == q.End {
		q.End = "24:00"
	}
	return q
}

// around is how much time before and after an instant the minutes are looked at.
const around = 3 * 24 * time.Hour

// minutes tells for each minute from from until before to whether the clock on the wall says that it is quiet: somebody looks at
// it every minute, remembers which days they have seen begin, and what they began on them.
func minutes(q v1alpha1.QuietHours, zone *time.Location, from, to time.Time) []bool {
	const dateOnly, clockOnly = "2006-01-02", "15:04"
	type night struct{ day, end string } // a begun span: until the clock shows end on day, or a later day
	var (
		quiet []bool
		now   = map[night]bool{}
		begun = map[string]bool{} // by date
		last  string              // the latest date that was seen
	)
	begin := func(date string) {
		day, err := time.Parse(dateOnly, date)
		if err != nil {
			panic(err)
		}
		on := len(q.Days) == 0
		for _, d := range q.Days {
			on = on || string(d) == day.Weekday().String()
		}
		begun[date] = true
		switch {
		case !on:
		case q.End == "24:00":
			now[night{day.AddDate(0, 0, 1).Format(dateOnly), "00:00"}] = true
		case q.End > q.Start:
			now[night{date, q.End}] = true
		default:
			now[night{day.AddDate(0, 0, 1).Format(dateOnly), q.End}] = true
		}
	}
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		local := at.In(zone)
		date, clock := local.Format(dateOnly), local.Format(clockOnly)
		if last != "" && date > last && !begun[last] {
			begin(last) // the clock leapt over start to the next day
		}
		if !begun[date] && clock >= q.Start {
			begin(date)
		}
		last = max(last, date)
		for n := range now {
			if date > n.day || date == n.day && clock >= n.end {
				delete(now, n)
			}
		}
		quiet = append(quiet, len(now) > 0)
	}
	return quiet
}

// TestQuietAgreesWithAClockThatIsLookedAtEveryMinute holds Quiet against somebody who looks at the clock: whether it is quiet, and
// until when. Where it is quiet, until is later, and then it is not quiet, or as late as may be looked.
func TestQuietAgreesWithAClockThatIsLookedAtEveryMinute(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		zones := rapid.SliceOfN(rapid.SampledFrom(leaping), 1, 2).Draw(r, "zones")
		zone, err := time.LoadLocation(zones[0])
		if err != nil {
			r.Fatal(err)
		}
		year := rapid.OneOf(rapid.SampledFrom([]int{1993, 2006, 2011, 2023, 2024, 2026, 2044}), rapid.IntRange(1975, 2060)).Draw(r, "year")
		newYear := time.Date(year+1, 1, 1, 0, 0, 0, 0, time.UTC)
		at := rapid.SampledFrom(append(leaps(zone, year), newYear)).Draw(r, "leap")
		at = at.Add(time.Duration(rapid.IntRange(-48*60, 48*60).Draw(r, "minutes")) * time.Minute)
		p := v1alpha1.AlertPolicy{}
		seen := make([]bool, int((2*around+alerts.LookAhead)/time.Minute))
		for range rapid.IntRange(1, 4).Draw(r, "windows") {
			q := drawHours(r, zones)
			p.Spec.QuietHours = append(p.Spec.QuietHours, q)
			in, err := time.LoadLocation(q.TimeZone)
			if err != nil {
				r.Fatal(err)
			}
			if len(q.Severities) > 0 {
				continue // it sounds
			}
			for i, quiet := range minutes(q, in, at.Add(-around), at.Add(around+alerts.LookAhead)) {
				seen[i] = seen[i] || quiet
			}
		}
		policy, problems := alerts.Compile(&p)
		if len(problems) > 0 {
			r.Fatal(problems)
		}
		agree(r, policy, seen, at)
	})
}

func agree(r *rapid.T, policy *alerts.Policy, seen []bool, at time.Time) {
	now := int(around / time.Minute)
	end := now
	for end < len(seen) && seen[end] {
		end++
	}
	at = at.Add(time.Duration(rapid.IntRange(0, int(time.Minute)-1).Draw(r, "nanoseconds")))
	until, quiet := policy.Quiet(at, v1alpha1.SeverityCritical)
	if quiet != seen[now] {
		r.Fatalf("at %s: quiet %t, but by the clock %t", at, quiet, seen[now])
	}
	if !quiet {
		return
	}
	limit := at.Truncate(time.Second).Add(alerts.LookAhead)
	want := at.Truncate(time.Minute).Add(time.Duration(end-now) * time.Minute)
	if want.After(limit) {
		want = limit
	}
	if !until.Equal(want) || !until.After(at) {
		r.Fatalf("at %s: quiet until %s, but by the clock until %s", at, until, want)
	}
	if again, still := policy.Quiet(until, v1alpha1.SeverityCritical); still && !until.Equal(limit) {
		r.Fatalf("quiet until %s, and then until %s", until, again)
	}
}

// TestQuietNeverSticks follows the ends of quiet hours through two years: each is later than the one before, and hours that do not
// last all week let something sound each week.
func TestQuietNeverSticks(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		q := drawHours(r, leaping)
		q.Severities = nil
		p, problems := alerts.Compile(&v1alpha1.AlertPolicy{Spec: v1alpha1.AlertPolicySpec{QuietHours: []v1alpha1.QuietHours{q}}})
		if len(problems) > 0 {
			r.Fatal(problems)
		}
		at := time.Date(rapid.IntRange(1975, 2060).Draw(r, "year"), 1, 1, 0, 0, 0, 0, time.UTC)
		for stop := at.AddDate(2, 0, 0); at.Before(stop); {
			until, quiet := p.Quiet(at, v1alpha1.SeverityError)
			if !quiet {
				at = at.Add(37 * time.Minute)
				continue
			}
			if !until.After(at) {
				r.Fatalf("at %s it is quiet until %s", at, until)
			}
			if never := q.Start == "00:00" && q.End == "24:00"; !never && until.Sub(at) > 7*24*time.Hour {
				r.Fatalf("at %s it is quiet until %s", at, until)
			}
			at = until
		}
	})
}
