package dispatch

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/checky-dev/checky/alerts"
)

// full is a state in which so many failures were announced, and what it is to be told of each.
func full(tb testing.TB, n int, policies ...*alerts.Policy) (*State, []Alert, Moment) {
	tb.Helper()
	now := Moment{Wall: noon}
	s := New(Options{})
	s.SetPolicies(now, policies)
	list := make([]Alert, n)
	for i := range list {
		name := fmt.Sprint("check-", i)
		list[i] = Alert{
			UID: types.UID(name), Name: name, Namespace: fmt.Sprint("ns-", i%100), Key: "key", Since: noon, Completed: noon,
			Severity: severities[1+i%4], Labels: map[string]string{"app": name},
		}
		s.Observe(now, list[i], false)
	}
	now = now.after(2 * time.Second)
	d := s.Next(now)
	if d.Play == nil || d.Play.Count != n {
		tb.Fatalf("%+v", d.Play)
	}
	s.Done(now, d.Play.ID, Played)
	s.Next(now)
	return s, list, now.after(2 * time.Minute)
}

func (m Moment) after(d time.Duration) Moment { return Moment{Mono: m.Mono + d, Wall: m.Wall.Add(d)} }

func benchPolicies(b *testing.B) []*alerts.Policy {
	return []*alerts.Policy{
		policy(b, "night", repeats(time.Hour), quiet("22:00", "06:00", "Europe/Berlin")),
		policy(b, "team", selecting("team", "x"), repeats(time.Hour)),
	}
}

func BenchmarkNextWithNothingToDo(b *testing.B) {
	for _, n := range []int{10_000, DefaultMaxAlerts} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, _, now := full(b, n, benchPolicies(b)...)
			b.ReportAllocs()
			for b.Loop() {
				now = now.after(time.Microsecond)
				s.Next(now)
			}
		})
	}
}

func BenchmarkNextInANewSecond(b *testing.B) {
	s, _, now := full(b, 10_000, policy(b, "night", quiet("22:00", "06:00", "Europe/Berlin")))
	b.ReportAllocs()
	for b.Loop() {
		now.Wall = now.Wall.Add(time.Duration(1+now.Wall.Second()%2*-2) * time.Second) // there and back
		s.Next(now)
	}
}

func BenchmarkObserveTheSameFacts(b *testing.B) {
	s, list, now := full(b, 10_000, benchPolicies(b)...)
	b.ReportAllocs()
	var i int
	for b.Loop() {
		s.Observe(now, list[i%len(list)], false)
		i++
	}
}

func BenchmarkFailAndGoWithNext(b *testing.B) {
	for _, n := range []int{10_000, DefaultMaxAlerts - 1} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, list, now := full(b, n, benchPolicies(b)...)
			another := list[0]
			another.UID = "another"
			b.ReportAllocs()
			for b.Loop() {
				s.Observe(now, another, false)
				s.Next(now)
				s.Gone(now, another.UID)
				s.Next(now)
			}
		})
	}
}

func BenchmarkFloodFromObserveToJournal(b *testing.B) {
	b.ReportAllocs()
	p := benchPolicies(b)
	for b.Loop() {
		full(b, 10_000, p...)
	}
}

func BenchmarkPoliciesChange(b *testing.B) {
	p := benchPolicies(b)
	s, _, now := full(b, 10_000, p...)
	b.ReportAllocs()
	for b.Loop() {
		s.SetPolicies(now, p)
		s.Next(now)
	}
}
