package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"
	"pgregory.net/rapid"
)

func TestAway(t *testing.T) {
	type state struct {
		*freshness
		clock   *clocktesting.FakePassiveClock
		checks  *feed
		secrets *feed
	}
	type result struct {
		Age  time.Duration
		Away bool
	}
	after := func(s state, d time.Duration) { s.clock.SetTime(s.clock.Now().Add(d)) }
	// quiet lets a time pass at whose end a probe is answered.
	quiet := func(s state, d time.Duration) { after(s, d); s.hear(s.clock.Now()) }
	// connected is where most cases begin: both watches are open, and a probe was answered a minute after the start.
	connected := func(s state) {
		after(s, time.Minute)
		s.hear(s.clock.Now())
		s.connect(s.checks)
		s.connect(s.secrets)
	}
	cases := map[string]struct {
		reason string
		do     func(s state)
		want   result
	}{
		"just made": {
			reason: "a start takes a moment, and Synced tells of it",
			do:     func(state) {},
		},
		"never connected": {
			reason: "nothing was ever known, so all is as old as the start",
			do:     func(s state) { s.hear(s.clock.Now()); after(s, 4*time.Second) },
			want:   result{Age: 4 * time.Second, Away: true},
		},
		"never reached": {
			reason: "the same, and the probes say so at once",
			do:     func(s state) { after(s, time.Second); s.miss() },
			want:   result{Age: time.Second, Away: true},
		},
		"connected and heard": {
			reason: "what the watches bring is all there is, however long ago the last event was",
			do:     func(s state) { connected(s); after(s, time.Hour) },
		},
		"one of two watches down for a moment": {
			reason: "the API server ends watches as a matter of routine",
			do: func(s state) {
				connected(s)
				quiet(s, time.Minute)
				s.disconnect(s.checks, 1, true)
				after(s, grace)
			},
		},
		"one of two watches down for longer": {
			reason: "its objects may be out of date, though the API server answers",
			do: func(s state) {
				connected(s)
				quiet(s, time.Minute)
				s.disconnect(s.checks, 1, true)
				after(s, grace+time.Second)
				s.hear(s.clock.Now())
			},
			want: result{Age: grace + time.Second, Away: true},
		},
		"both watches down": {
			reason: "the age is that of what is oldest",
			do: func(s state) {
				connected(s)
				quiet(s, time.Minute)
				s.disconnect(s.checks, 1, true)
				quiet(s, 5*time.Second)
				s.disconnect(s.secrets, 1, true)
				after(s, 5*time.Second)
			},
			want: result{Age: 10 * time.Second, Away: true},
		},
		"a watch hangs": {
			reason: "only the probes tell that an open watch brings nothing any more",
			do: func(s state) {
				connected(s)
				after(s, 2*time.Second)
				s.miss()
				after(s, 2*time.Second)
			},
			want: result{Age: 4 * time.Second, Away: true},
		},
		"a watch hung before it ended": {
			reason: "it was of no use since the last answer, not since its end; and stays so when the API server is back",
			do: func(s state) {
				connected(s)
				after(s, 2*time.Second)
				s.miss()
				after(s, 5*time.Second)
				s.disconnect(s.checks, 1, true)
				after(s, 10*time.Second)
				s.hear(s.clock.Now())
			},
			want: result{Age: 17 * time.Second, Away: true},
		},
		"a watch opened while the probes fail": {
			reason: "it is worth as much as an answer",
			do: func(s state) {
				connected(s)
				s.disconnect(s.checks, 1, true)
				s.disconnect(s.secrets, 1, true)
				s.miss()
				after(s, 30*time.Second)
				s.connect(s.checks)
				s.connect(s.secrets)
				after(s, 10*time.Second)
				s.disconnect(s.secrets, 2, true)
				s.hear(s.clock.Now())
			},
			want: result{Age: 10 * time.Second, Away: true},
		},
		"one lost probe": {
			reason: "the watches went on, so nothing was missed",
			do: func(s state) {
				connected(s)
				after(s, 2*time.Second)
				s.miss()
				after(s, time.Second)
				s.hear(s.clock.Now())
			},
		},
		"a watch that is refused in its first event": {
			reason: "a watch from a version that is too old is opened and ends with an error: nothing was learned from it",
			do: func(s state) {
				connected(s)
				quiet(s, time.Minute)
				s.disconnect(s.checks, 1, true)
				after(s, 10*time.Second)
				s.connect(s.checks)
				after(s, time.Second)
				s.disconnect(s.checks, 2, false)
			},
			want: result{Age: 11 * time.Second, Away: true},
		},
		"a quiet watch": {
			reason: "a watch that stayed open was of use, though there was nothing to bring",
			do: func(s state) {
				connected(s)
				quiet(s, time.Minute)
				s.disconnect(s.checks, 1, false)
				after(s, time.Second)
			},
		},
		"the end of an earlier watch is heard late": {
			reason: "the next one is open already",
			do: func(s state) {
				connected(s)
				quiet(s, time.Minute)
				s.connect(s.checks)
				s.disconnect(s.checks, 1, true)
				after(s, time.Minute)
			},
		},
		"all is back": {
			reason: "a new watch begins where the old one ended",
			do: func(s state) {
				connected(s)
				s.miss()
				s.disconnect(s.checks, 1, true)
				after(s, time.Minute)
				s.hear(s.clock.Now())
				s.connect(s.checks)
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := newState()
			c.do(state{freshness: s, clock: s.clock.(*clocktesting.FakePassiveClock), checks: s.add("Check"), secrets: s.add("Secret")})
			age, away := s.away()
			if diff := cmp.Diff(c.want, result{Age: age, Away: away}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func newState() *freshness {
	return newFreshness(clocktesting.NewFakePassiveClock(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)))
}

// TestAgeNeverFlatters compares with the truth: a model server that knows when each watch last worked.
func TestAgeNeverFlatters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newState()
		fake := s.clock.(*clocktesting.FakePassiveClock)
		watched := s.add("Check")
		up, opening := true, 0
		worked := fake.Now() // when what the cache holds was last known to be up to date
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"pass", "pass", "break", "mend", "end", "open", "probe"}).Draw(t, "step") {
			case "pass":
				fake.SetTime(fake.Now().Add(time.Duration(rapid.IntRange(1, 8000).Draw(t, "ms")) * time.Millisecond))
			case "break": // an open watch hangs from here, and is no good again before a new one
				up = false
			case "mend":
				if !up && opening > 0 {
					s.disconnect(watched, opening, true)
					opening = 0
				}
				up = true
			case "end":
				if opening > 0 {
					s.disconnect(watched, opening, true)
					opening = 0
				}
			case "open":
				if up && opening == 0 {
					opening = s.connect(watched)
				}
			case "probe":
				if up {
					s.hear(fake.Now())
				} else {
					s.miss()
				}
			}
			if up && opening > 0 {
				worked = fake.Now()
			}
			age, away := s.away()
			if !away && age != 0 {
				t.Fatalf("age %s though nothing is away", age)
			}
			if !s.steady() && s.answered && !away {
				t.Fatal("the last probe failed, and nothing is away")
			}
			// Before the next probe, a watch that hangs cannot be told from one that has nothing to bring.
			if truth := fake.Now().Sub(worked); s.failing && age < truth {
				t.Fatalf("age %s, while the last that is known is from %s ago", age, truth)
			}
		}
	})
}

func TestAwait(t *testing.T) {
	s := newState()
	fake := s.clock.(*clocktesting.FakePassiveClock)
	begun := fake.Now()
	waiting := func(after time.Time) chan struct{} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.await(t.Context(), after)
		}()
		return done
	}
	anyAnswer, later := waiting(time.Time{}), waiting(begun)

	s.hear(begun)
	<-anyAnswer
	select {
	case <-later:
		t.Error("an answer to a probe that was sent before does not count")
	default:
	}
	fake.SetTime(begun.Add(time.Second))
	s.miss()
	s.hear(fake.Now())
	<-later

	s.miss()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.await(ended, time.Time{}) // returns, or the test hangs
}

func BenchmarkAway(b *testing.B) {
	s := newState()
	for _, kind := range []string{"Check", "RuleSet", "ClusterRuleSet", "Secret", "EndpointSlice"} {
		s.connect(s.add(kind))
	}
	s.hear(s.clock.Now())
	b.ReportAllocs()
	for b.Loop() {
		if _, away := s.away(); away {
			b.Fatal("away")
		}
	}
}
