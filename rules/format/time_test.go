package format_test

import (
	"cmp"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/checky-dev/checky/rules/format"
)

func TestCompareTimes(t *testing.T) {
	cases := map[string]struct {
		a, b  string
		order int
		ok    bool
	}{
		"dates":              {"2026-05-31", "2026-06-01", -1, true},
		"same date":          {"2024-02-29", "2024-02-29", 0, true},
		"offsets":            {"2026-05-31T10:00:00+02:00", "2026-05-31T09:00:00Z", -1, true},
		"over a year's end":  {"2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00Z", 0, true},
		"fraction":           {"2026-05-31T10:00:00.1000000000001Z", "2026-05-31T10:00:00.1Z", 1, true},
		"fraction's zeros":   {"2026-05-31T10:00:00.50Z", "2026-05-31T10:00:00.5Z", 0, true},
		"leap second":        {"2016-12-31T23:59:60.9Z", "2017-01-01T00:00:00Z", -1, true},
		"before leap second": {"2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z", 1, true},
		"a date and a time":  {"2026-05-31", "2026-05-31T10:00:00Z", 0, false},
		"a time and a date":  {"2026-05-31T10:00:00Z", "2026-05-31", 0, false},
		"no date":            {"2026-02-30", "2026-03-01", 0, false},
		"year 0 with offset": {"0000-01-01T00:00:00+01:00", "0000-01-01T00:00:00Z", -1, true},
		"other than a time":  {"a", "b", 0, false},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) {
			order, ok := format.CompareTimes(tc.a, tc.b)
			if ok != tc.ok || ok && order != tc.order {
				t.Errorf("%s, %s: %d, %t, want %d, %t", tc.a, tc.b, order, ok, tc.order, tc.ok)
			}
		})
	}
}

// TestTimesAgreeWithTime holds what we read against package time, which also bounds what we take: it refuses no
// valid time but a leap second.
func TestTimesAgreeWithTime(t *testing.T) {
	moments := rapid.Custom(func(t *rapid.T) time.Time {
		zone := time.FixedZone("", 60*rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "offset"))
		seconds := rapid.Int64Range(-62135596800+86400, 253402300799-86400).Draw(t, "seconds")
		return time.Unix(seconds, rapid.Int64Range(0, 999999999).Draw(t, "nanoseconds")).In(zone)
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := moments.Draw(t, "a"), moments.Draw(t, "b")
		if rapid.Bool().Draw(t, "close") {
			b = a.Add(time.Duration(rapid.Int64Range(-2e9, 2e9).Draw(t, "gap"))).In(b.Location())
		}
		order, ok := format.CompareTimes(a.Format(time.RFC3339Nano), b.Format(time.RFC3339Nano))
		if !ok || order != a.Compare(b) {
			t.Fatalf("%s, %s: %d, %t, want %d", a, b, order, ok, a.Compare(b))
		}
		c, d := a.Format(time.DateOnly), b.Format(time.DateOnly)
		if order, ok := format.CompareTimes(c, d); !ok || order != cmp.Compare(c, d) {
			t.Fatalf("%s, %s: %d, %t", c, d, order, ok)
		}
	})
}

// TestDatesAgreeWithTime: every day that there is, and every one that there is not.
func TestDatesAgreeWithTime(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9]{4}-[01][0-9]-[0-3][0-9]`).Draw(t, "date")
		_, err := time.Parse(time.DateOnly, s)
		if got := valid("date", s); got != (err == nil) {
			t.Fatalf("%s: %t, package time says %v", s, got, err)
		}
	})
}
