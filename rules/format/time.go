package format

import (
	"cmp"
	"strings"
)

var times = []Format{
	{Name: "date", Expected: "a date such as 2026-05-31", Valid: isDate},
	{Name: "date-time", Expected: "an RFC 3339 date and time such as 2026-05-31T08:30:00Z", Valid: isDateTime},
	{Name: "time", Expected: "an RFC 3339 time with an offset, such as 08:30:00Z", Valid: isTime},
	{Name: "duration", Expected: "an ISO 8601 duration such as P3DT12H or PT1H30M", Valid: isDuration},
}

// isDate wants a full-date of RFC 3339 that the Gregorian calendar has.
func isDate(s string) bool {
	_, ok := parseDate(s)
	return ok
}

// isDateTime wants a date-time of RFC 3339, section 5.6. A second of 60 is taken where a leap second
// can stand: at 23:59:60 UTC on the last day of a month.
func isDateTime(s string) bool {
	_, ok := parseDateTime(s)
	return ok
}

// isTime wants a full-time of RFC 3339. Without a date, a second of 60 is taken at 23:59:60 UTC.
func isTime(s string) bool {
	m, ok := parseTime(s)
	return ok && (m.second < 60 || (m.minute+2*minutesPerDay)%minutesPerDay == minutesPerDay-1)
}

// CompareTimes orders two RFC 3339 date-times, or two full-dates, in time: -1, 0 or 1. It is exact at any
// number of fractional digits and keeps a leap second before the second that follows it. It is not ok where the texts
// are not both one or both the other.
func CompareTimes(a, b string) (order int, ok bool) {
	if x, isDay := parseDate(a); isDay {
		y, ok := parseDate(b)
		return cmp.Compare(x, y), ok
	}
	x, ok := parseDateTime(a)
	if !ok {
		return 0, false
	}
	y, ok := parseDateTime(b)
	return cmp.Or(cmp.Compare(x.minute, y.minute), cmp.Compare(x.second, y.second), cmp.Compare(x.fraction, y.fraction)), ok
}

const minutesPerDay = 24 * 60

// moment is a point in time, in UTC.
type moment struct {
	minute   int // since 0000-01-01, or of the day where no date is known
	second   int // 0 to 60
	fraction string
}

// number reads a fixed number of digits.
func number(s string) (n int, ok bool) {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// parseDate reads YYYY-MM-DD as days since 0000-01-01.
func parseDate(s string) (day int, ok bool) {
	if len(s) != len("2006-01-02") || s[4] != '-' || s[7] != '-' {
		return 0, false
	}
	y, okY := number(s[:4])
	m, okM := number(s[5:7])
	d, okD := number(s[8:])
	if !okY || !okM || !okD || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, false
	}
	day = 365*y + (y+3)/4 - (y+99)/100 + (y+399)/400
	for month := 1; month < m; month++ {
		day += daysIn(y, month)
	}
	return day + d - 1, true
}

func daysIn(year, month int) int {
	switch month {
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func parseDateTime(s string) (moment, bool) {
	if len(s) < len("2006-01-02T") || s[10]|0x20 != 't' {
		return moment{}, false
	}
	day, ok := parseDate(s[:10])
	if !ok {
		return moment{}, false
	}
	m, ok := parseTime(s[11:])
	if !ok {
		return moment{}, false
	}
	m.minute += day * minutesPerDay
	return m, m.second < 60 || endsMonth(s, day, m.minute)
}

// endsMonth says whether a minute is the last one of a month. The text's own date, which is day, is at most
// one day away from the minute's in UTC.
func endsMonth(s string, day, minute int) bool {
	if minute%minutesPerDay != minutesPerDay-1 {
		return false
	}
	y, _ := number(s[:4])
	m, _ := number(s[5:7])
	d, _ := number(s[8:10])
	switch d += minute/minutesPerDay - day; {
	case d == 0:
		return true
	case d > daysIn(y, m):
		return false
	default:
		return d == daysIn(y, m)
	}
}

// parseTime reads HH:MM:SS[.fraction](Z|+HH:MM|-HH:MM). The minute may be below 0 or beyond the day's, since it
// is in UTC.
func parseTime(s string) (moment, bool) {
	if len(s) < len("15:04:05Z") || s[2] != ':' || s[5] != ':' {
		return moment{}, false
	}
	hour, okH := number(s[:2])
	minute, okM := number(s[3:5])
	second, okS := number(s[6:8])
	if !okH || !okM || !okS || hour > 23 || minute > 59 || second > 60 {
		return moment{}, false
	}
	m, rest := moment{minute: hour*60 + minute, second: second}, s[8:]
	if rest[0] == '.' {
		end := 1
		for end < len(rest) && isDigit(rest[end]) {
			end++
		}
		if end == 1 {
			return moment{}, false
		}
		m.fraction, rest = strings.TrimRight(rest[1:end], "0"), rest[end:]
	}
	offset, ok := parseOffset(rest)
	m.minute -= offset
	return m, ok
}

// parseOffset reads Z or a numeric offset, in minutes.
func parseOffset(s string) (int, bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != len("+00:00") || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hour, okH := number(s[1:3])
	minute, okM := number(s[4:])
	if !okH || !okM || hour > 23 || minute > 59 {
		return 0, false
	}
	if s[0] == '-' {
		return -hour*60 - minute, true
	}
	return hour*60 + minute, true
}

// isDuration wants the grammar of RFC 3339, appendix A: P2W, P1Y2M3D, PT1H2M3S and both together. That
// grammar leaves out no unit between two others (PT1H0M30S, not PT1H30S) and has no fractions.
func isDuration(s string) bool {
	s, ok := strings.CutPrefix(s, "P")
	if !ok {
		return false
	}
	if weeks, ok := strings.CutSuffix(s, "W"); ok {
		return isDigits(weeks)
	}
	date, clock, timed := strings.Cut(s, "T")
	if timed && !isUnits(clock, "HMS") {
		return false
	}
	return timed && date == "" || isUnits(date, "YMD")
}

// isUnits takes one or more amounts whose units stand side by side in the list.
func isUnits(s, units string) bool {
	last := -1
	for s != "" {
		end := 0
		for end < len(s) && isDigit(s[end]) {
			end++
		}
		if end == 0 || end == len(s) {
			return false
		}
		unit := strings.IndexByte(units, s[end])
		if unit < 0 || last >= 0 && unit != last+1 {
			return false
		}
		last, s = unit, s[end+1:]
	}
	return last >= 0
}
