package alerts_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/alerts"
	"github.com/checky-dev/checky/api/v1alpha1"
)

// hours writes quiet hours as "22:00-06:00 Europe/Berlin", with days and severities as they come.
func hours(span, zone string, more ...any) v1alpha1.QuietHours {
	q := v1alpha1.QuietHours{Start: span[:5], End: span[6:], TimeZone: zone}
	for _, m := range more {
		switch m := m.(type) {
		case v1alpha1.DayOfWeek:
			q.Days = append(q.Days, m)
		case v1alpha1.Severity:
			q.Severities = append(q.Severities, m)
		default:
			panic(fmt.Sprintf("%T is neither a day nor a severity", m))
		}
	}
	return q
}

const (
	monday   v1alpha1.DayOfWeek = "Monday"
	thursday v1alpha1.DayOfWeek = "Thursday"
	friday   v1alpha1.DayOfWeek = "Friday"
	saturday v1alpha1.DayOfWeek = "Saturday"
	sunday   v1alpha1.DayOfWeek = "Sunday"
)

func quietPolicy(t testing.TB, q ...v1alpha1.QuietHours) *alerts.Policy {
	t.Helper()
	p, problems := alerts.Compile(&v1alpha1.AlertPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "p"},
		Spec:       v1alpha1.AlertPolicySpec{QuietHours: q},
	})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return p
}

func instant(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// span holds that a stretch of quiet hours is from begins until before ends, and that each instant of it says when it ends. With
// equal ones, there is none around that instant.
func span(t *testing.T, p *alerts.Policy, begins, ends string) {
	t.Helper()
	from, to := instant(t, begins), instant(t, ends)
	outside := []time.Time{from.Add(-time.Nanosecond), to}
	inside := []time.Time{to.Add(-time.Nanosecond)}
	for at := from; at.Before(to); at = at.Add(5 * time.Minute) {
		inside = append(inside, at)
	}
	if from.Equal(to) {
		outside, inside = append(outside, from.Add(time.Minute), from.Add(-time.Minute)), nil
	}
	for _, at := range outside {
		if until, quiet := p.Quiet(at, v1alpha1.SeverityError); quiet {
			t.Errorf("at %s it is quiet until %s, though it is outside of %s to %s", at, until, begins, ends)
		}
	}
	for _, at := range inside {
		if until, quiet := p.Quiet(at, v1alpha1.SeverityError); !quiet || !until.Equal(to) {
			t.Errorf("at %s: until %s, %t; want until %s", at, until, quiet, ends)
		}
	}
}

// TestQuietHours holds the rule for spans of the clock: each from the first instant at which the clock shows start or later
// until the first at which it shows end or later.
func TestQuietHours(t *testing.T) {
	const berlin, newYork = "Europe/Berlin", "America/New_York"
	cases := map[string]struct {
		quiet        v1alpha1.QuietHours
		begins, ends string
	}{
		"within a day":              {hours("12:00-13:30", "UTC"), "2026-06-10T12:00:00Z", "2026-06-10T13:30:00Z"},
		"over midnight":             {hours("22:00-06:00", "UTC"), "2026-06-10T22:00:00Z", "2026-06-11T06:00:00Z"},
		"until the end of the day":  {hours("22:00-24:00", "UTC"), "2026-06-10T22:00:00Z", "2026-06-11T00:00:00Z"},
		"until 00:00 is as long":    {hours("22:00-00:00", "UTC"), "2026-06-10T22:00:00Z", "2026-06-11T00:00:00Z"},
		"over a year's end":         {hours("22:00-06:00", "UTC"), "2026-12-31T22:00:00Z", "2027-01-01T06:00:00Z"},
		"on the clock of a zone":    {hours("22:00-06:00", berlin), "2026-06-10T20:00:00Z", "2026-06-11T04:00:00Z"},
		"ahead of UTC by a day":     {hours("06:00-07:00", "Pacific/Kiritimati"), "2026-06-10T16:00:00Z", "2026-06-10T17:00:00Z"},
		"leap year's last day":      {hours("22:00-06:00", berlin), "2028-12-31T21:00:00Z", "2029-01-01T05:00:00Z"},
		"leap year's last night":    {hours("01:00-02:00", newYork), "2028-12-31T06:00:00Z", "2028-12-31T07:00:00Z"},
		"a year beyond the table":   {hours("22:00-06:00", berlin), "2044-12-31T21:00:00Z", "2045-01-01T05:00:00Z"},
		"its last night":            {hours("01:00-02:00", newYork), "2044-12-31T06:00:00Z", "2044-12-31T07:00:00Z"},
		"its last evening":          {hours("21:00-23:00", newYork), "2045-01-01T02:00:00Z", "2045-01-01T04:00:00Z"},
		"the day is that of begin":  {hours("22:00-06:00", "UTC", friday), "2026-06-12T22:00:00Z", "2026-06-13T06:00:00Z"},
		"and not that of the end":   {hours("22:00-06:00", "UTC", saturday), "2026-06-13T22:00:00Z", "2026-06-14T06:00:00Z"},
		"on another day is nothing": {hours("22:00-06:00", "UTC", friday), "2026-06-14T22:30:00Z", "2026-06-14T22:30:00Z"},
		"the day is the zone's":     {hours("06:00-07:00", "Asia/Tokyo", monday), "2026-06-14T21:00:00Z", "2026-06-14T22:00:00Z"},
		"a whole day":               {hours("00:00-24:00", "UTC", sunday), "2026-06-14T00:00:00Z", "2026-06-15T00:00:00Z"},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) { span(t, quietPolicy(t, tc.quiet), tc.begins, tc.ends) })
	}
}

// TestQuietHoursAcrossSpringForwardEndAtTheClock: where the clock is set forward, a span ends when the clock shows its end, an
// hour sooner; a start that the clock leaps over is at the leap; and what it leaps over altogether is nothing.
func TestQuietHoursAcrossSpringForwardEndAtTheClock(t *testing.T) {
	const berlin = "Europe/Berlin" // 2026-03-29 02:00 -> 03:00, at 01:00Z
	cases := map[string]struct {
		quiet        v1alpha1.QuietHours
		begins, ends string
	}{
		"a night is an hour shorter":         {hours("22:00-06:00", berlin), "2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z"},
		"start within the leap":              {hours("02:30-06:00", berlin), "2026-03-29T01:00:00Z", "2026-03-29T04:00:00Z"},
		"end within the leap":                {hours("22:00-02:30", berlin), "2026-03-28T21:00:00Z", "2026-03-29T01:00:00Z"},
		"start and end within the leap":      {hours("02:00-02:30", berlin), "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		"end where the leap ends":            {hours("02:30-03:00", berlin), "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		"a whole day has 23 hours":           {hours("00:00-24:00", berlin, sunday), "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		"New York":                           {hours("22:00-06:00", "America/New_York"), "2026-03-08T03:00:00Z", "2026-03-08T10:00:00Z"},
		"a leap of 30 minutes":               {hours("02:15-04:00", "Australia/Lord_Howe"), "2026-10-03T15:30:00Z", "2026-10-03T17:00:00Z"},
		"Santiago's day begins at 01:00":     {hours("00:00-06:00", "America/Santiago"), "2026-09-06T04:00:00Z", "2026-09-06T09:00:00Z"},
		"Santiago's night ends at the leap":  {hours("22:00-24:00", "America/Santiago"), "2026-09-06T02:00:00Z", "2026-09-06T04:00:00Z"},
		"Cairo's day begins at 01:00":        {hours("00:30-06:00", "Africa/Cairo"), "2026-04-23T22:00:00Z", "2026-04-24T03:00:00Z"},
		"Beirut's day begins at 01:00":       {hours("00:00-24:00", "Asia/Beirut", sunday), "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"},
		"Beirut's night over the leap":       {hours("23:00-06:00", "Asia/Beirut"), "2026-03-28T21:00:00Z", "2026-03-29T03:00:00Z"},
		"Nuuk leaps over the day's end":      {hours("23:30-06:00", "America/Nuuk", saturday), "2026-03-29T01:00:00Z", "2026-03-29T07:00:00Z"},
		"Nuuk's day ends at the leap":        {hours("22:00-23:30", "America/Nuuk"), "2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z"},
		"Nuuk's last hour is no hour at all": {hours("23:00-24:00", "America/Nuuk"), "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) { span(t, quietPolicy(t, tc.quiet), tc.begins, tc.ends) })
	}
}

// TestQuietHoursAcrossAutumnFallBackTakeTheFirstOfTwo: where the clock is set back, a span lasts until the clock shows its end,
// an hour later; a start or an end that the clock shows twice is the first of the two, and the second begins nothing anew.
func TestQuietHoursAcrossAutumnFallBackTakeTheFirstOfTwo(t *testing.T) {
	const berlin = "Europe/Berlin" // 2026-10-25 03:00 -> 02:00, at 01:00Z
	cases := map[string]struct {
		quiet        v1alpha1.QuietHours
		begins, ends string
	}{
		"a night is an hour longer":      {hours("22:00-06:00", berlin), "2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z"},
		"start at the first 02:30":       {hours("02:30-06:00", berlin), "2026-10-25T00:30:00Z", "2026-10-25T05:00:00Z"},
		"end at the first 02:30":         {hours("22:00-02:30", berlin), "2026-10-24T20:00:00Z", "2026-10-25T00:30:00Z"},
		"both at the first":              {hours("02:15-02:45", berlin), "2026-10-25T00:15:00Z", "2026-10-25T00:45:00Z"},
		"nothing at the second":          {hours("02:15-02:45", berlin), "2026-10-25T01:30:00Z", "2026-10-25T01:30:00Z"},
		"from 02:30 to 03:00 is 90 min":  {hours("02:30-03:00", berlin), "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"},
		"a whole day has 25 hours":       {hours("00:00-24:00", berlin, sunday), "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		"New York":                       {hours("22:00-06:00", "America/New_York"), "2026-11-01T02:00:00Z", "2026-11-01T11:00:00Z"},
		"set back by 30 minutes":         {hours("01:00-02:00", "Australia/Lord_Howe"), "2026-04-04T14:00:00Z", "2026-04-04T15:30:00Z"},
		"Santiago has 23:00 twice":       {hours("23:30-06:00", "America/Santiago"), "2026-04-05T02:30:00Z", "2026-04-05T10:00:00Z"},
		"Santiago's day of 25 hours":     {hours("00:00-24:00", "America/Santiago", saturday), "2026-04-04T03:00:00Z", "2026-04-05T04:00:00Z"},
		"Cairo has 23:00 twice":          {hours("22:00-24:00", "Africa/Cairo"), "2026-10-29T19:00:00Z", "2026-10-29T22:00:00Z"},
		"Havana has 00:00 twice":         {hours("00:00-01:00", "America/Havana"), "2026-11-01T04:00:00Z", "2026-11-01T06:00:00Z"},
		"all but a minute of a day":      {hours("23:58-23:57", berlin), "2026-10-24T21:58:00Z", "2026-10-25T22:57:00Z"},
		"a day that is there in 2 parts": {hours("00:00-06:00", "America/St_Johns", sunday), "2006-10-29T02:30:00Z", "2006-10-29T09:30:00Z"},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) { span(t, quietPolicy(t, tc.quiet), tc.begins, tc.ends) })
	}
}

// TestQuietHoursOfADayThatIsLeaptOver: Samoa went from Thursday 2011-12-29 24:00 to Saturday 00:00. The hours of a Friday that
// never was are nothing, and those of Thursday night end on Saturday.
func TestQuietHoursOfADayThatIsLeaptOver(t *testing.T) {
	const apia = "Pacific/Apia" // the leap is at 2011-12-30T10:00:00Z
	cases := map[string]struct {
		quiet        v1alpha1.QuietHours
		begins, ends string
	}{
		"Thursday night":     {hours("22:00-06:00", apia, thursday), "2011-12-30T08:00:00Z", "2011-12-30T10:00:00Z"},
		"Friday":             {hours("12:00-13:00", apia, friday), "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
		"the whole Friday":   {hours("00:00-24:00", apia, friday), "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
		"Friday night":       {hours("22:00-06:00", apia, friday), "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
		"Saturday":           {hours("00:00-06:00", apia, saturday), "2011-12-30T10:00:00Z", "2011-12-30T16:00:00Z"},
		"every night, first": {hours("22:00-06:00", apia), "2011-12-30T08:00:00Z", "2011-12-30T10:00:00Z"},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) { span(t, quietPolicy(t, tc.quiet), tc.begins, tc.ends) })
	}
}

// TestQuietHoursThatOverlapOrAdjoinAreOneStretch: who waits for the end is not woken to wait again.
func TestQuietHoursThatOverlapOrAdjoinAreOneStretch(t *testing.T) {
	cases := map[string]struct {
		quiet        []v1alpha1.QuietHours
		begins, ends string
	}{
		"overlapping": {
			[]v1alpha1.QuietHours{hours("20:00-23:00", "UTC"), hours("22:00-06:00", "UTC")},
			"2026-06-10T20:00:00Z", "2026-06-11T06:00:00Z",
		},
		"adjoining, the later first": {
			[]v1alpha1.QuietHours{hours("23:00-06:00", "UTC"), hours("20:00-23:00", "UTC")},
			"2026-06-10T20:00:00Z", "2026-06-11T06:00:00Z",
		},
		"one within the other": {
			[]v1alpha1.QuietHours{hours("20:00-06:00", "UTC"), hours("22:00-23:00", "UTC")},
			"2026-06-10T20:00:00Z", "2026-06-11T06:00:00Z",
		},
		"in two zones": {
			[]v1alpha1.QuietHours{hours("22:00-02:00", "UTC"), hours("22:00-06:00", "Europe/Berlin")},
			"2026-06-10T20:00:00Z", "2026-06-11T04:00:00Z",
		},
		"a weekend of whole days": {
			[]v1alpha1.QuietHours{hours("00:00-24:00", "Europe/Berlin", saturday, sunday), hours("22:00-06:00", "Europe/Berlin", friday, sunday)},
			"2026-03-27T21:00:00Z", "2026-03-30T04:00:00Z",
		},
		"a second apart is a gap, so two": {
			[]v1alpha1.QuietHours{hours("20:00-22:00", "UTC"), hours("22:01-23:00", "UTC")},
			"2026-06-10T20:00:00Z", "2026-06-10T22:00:00Z",
		},
		"what a leap leaves empty does not part them": {
			[]v1alpha1.QuietHours{hours("01:00-02:00", "Europe/Berlin"), hours("02:00-02:30", "Europe/Berlin"), hours("03:00-04:00", "Europe/Berlin")},
			"2026-03-29T00:00:00Z", "2026-03-29T02:00:00Z",
		},
	}
	for reason, tc := range cases {
		t.Run(reason, func(t *testing.T) {
			span(t, quietPolicy(t, tc.quiet...), tc.begins, tc.ends)
			slices.Reverse(tc.quiet)
			span(t, quietPolicy(t, tc.quiet...), tc.begins, tc.ends)
		})
	}
}

// TestQuietHoursThatNeverEndAreLookedIntoForEightDays: the answer is bounded, after the instant asked for, and asking again goes
// on from there.
func TestQuietHoursThatNeverEndAreLookedIntoForEightDays(t *testing.T) {
	p := quietPolicy(t, hours("00:00-24:00", "Europe/Berlin"))
	at := instant(t, "2026-03-25T10:11:12Z")
	for range 5 {
		until, quiet := p.Quiet(at, v1alpha1.SeverityError)
		if want := at.Add(alerts.LookAhead); !quiet || !until.Equal(want) {
			t.Fatalf("at %s: until %s, %t; want %s", at, until, quiet, want)
		}
		at = until
	}
}

// TestQuietHoursLetTheirSeveritiesSound: a window holds back what it does not name, and only windows that hold a severity back
// make up its stretch.
func TestQuietHoursLetTheirSeveritiesSound(t *testing.T) {
	p := quietPolicy(t,
		hours("20:00-23:00", "UTC", v1alpha1.SeverityCritical),
		hours("22:00-06:00", "UTC", v1alpha1.SeverityError, v1alpha1.SeverityCritical),
		hours("06:00-07:00", "UTC"))
	got := map[v1alpha1.Severity]string{}
	for _, s := range []v1alpha1.Severity{"info", "warning", "error", "critical", "", "unheard-of"} {
		if until, quiet := p.Quiet(instant(t, "2026-06-10T22:30:00Z"), s); quiet {
			got[s] = until.Format(time.RFC3339)
		}
	}
	want := map[v1alpha1.Severity]string{
		"info": "2026-06-11T07:00:00Z", "warning": "2026-06-11T07:00:00Z", "error": "2026-06-10T23:00:00Z",
		"": "2026-06-11T07:00:00Z", "unheard-of": "2026-06-11T07:00:00Z",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("quiet until, by severity (-want +got):\n%s", diff)
	}
	if until, quiet := alerts.Default().Quiet(time.Now(), v1alpha1.SeverityInfo); quiet {
		t.Errorf("the default policy is quiet until %s", until)
	}
}
