package throttle

import (
	"fmt"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// TestBackoffWaits fails again and again, each time as soon as it is allowed.
func TestBackoffWaits(t *testing.T) {
	clk := clocktesting.NewFakePassiveClock(epoch)
	b := NewBackoff(clk, 0)
	doubling := []int{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}
	for failed := 1; failed <= 100; failed++ {
		b.Fail("key")
		want := BackoffCap
		switch n := failed - BackoffFree - 1; {
		case n < 0:
			want = 0
		case n < len(doubling):
			want = time.Duration(doubling[n]) * time.Second
		}
		got, ok := b.Check("key")
		if got != want || ok != (want == 0) {
			t.Fatalf("after %d failures: wait %v, ok %v; want %v", failed, got, ok, want)
		}
		if want > 0 {
			clk.SetTime(clk.Now().Add(want - 1))
			if got, ok := b.Check("key"); got != 1 || ok {
				t.Fatalf("after %d failures, a nanosecond early: wait %v, ok %v", failed, got, ok)
			}
			clk.SetTime(clk.Now().Add(1))
		}
		if _, ok := b.Check("key"); !ok {
			t.Fatalf("after %d failures, waited as told: still refused", failed)
		}
		if took := clk.Since(epoch); failed == 99 && took < 21*time.Hour {
			t.Errorf("the 100th failure comes %v after the first, sooner than documented", took)
		}
	}
}

func TestBackoffForgets(t *testing.T) {
	failed := func(b *Backoff) {
		for range BackoffFree + 3 {
			b.Fail("key")
		}
	}
	cases := map[string]struct {
		reason string
		after  func(*Backoff, *clocktesting.FakePassiveClock)
		ok     bool
	}{
		"Nothing": {
			reason: "failures count",
			after:  func(*Backoff, *clocktesting.FakePassiveClock) {},
		},
		"AnotherKey": {
			reason: "a key's success says nothing of another",
			after:  func(b *Backoff, _ *clocktesting.FakePassiveClock) { b.Clear("other") },
		},
		"Success": {
			reason: "a success clears the key",
			after:  func(b *Backoff, _ *clocktesting.FakePassiveClock) { b.Clear("key") },
			ok:     true,
		},
		"AnHour": {
			reason: "an hour after the last failure all are forgotten, so the next one is free again",
			after: func(b *Backoff, clk *clocktesting.FakePassiveClock) {
				clk.SetTime(epoch.Add(BackoffForget))
				b.Fail("key")
			},
			ok: true,
		},
		"LessThanAnHour": {
			reason: "a moment before that, the next failure counts on",
			after: func(b *Backoff, clk *clocktesting.FakePassiveClock) {
				clk.SetTime(epoch.Add(BackoffForget - 1))
				b.Fail("key")
			},
		},
		"TooManyKeys": {
			reason: "past the bound the key that was used least recently starts fresh",
			after: func(b *Backoff, _ *clocktesting.FakePassiveClock) {
				for i := range 10 {
					b.Fail(fmt.Sprint(i))
				}
			},
			ok: true,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			clk := clocktesting.NewFakePassiveClock(epoch)
			b := NewBackoff(clk, 10)
			failed(b)
			c.after(b, clk)
			if _, ok := b.Check("key"); ok != c.ok {
				t.Errorf("%s: ok is %v", c.reason, ok)
			}
			if n := b.keys.Len(); n > 10 {
				t.Errorf("%d keys are stored, more than 10", n)
			}
		})
	}
}
