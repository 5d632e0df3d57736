package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

// TestBatchTime has a clock that is read twice for each payload, and payloads of which the fourth is no JSON.
func TestBatchTime(t *testing.T) {
	set := builtin.New().Compile("", []v1alpha1.Rule{{
		Name: "r", Module: &v1alpha1.ModuleRule{Name: "required", Params: v1alpha1.JSON{Raw: []byte(`{"field":"$.a"}`)}},
	}})
	p, err := NewProgram("", set)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	digest := ""
	for name, tc := range map[string]struct {
		reason string
		most   time.Duration
		takes  func(payload int) time.Duration
		want   string // how many passed, and the places of errors
	}{
		"Unlimited": {"nobody looks at the clock", 0, func(int) time.Duration { return time.Hour }, "11, 3"},
		"InTime":    {"the last begins in time", 3600 * time.Millisecond, func(int) time.Duration { return 300 * time.Millisecond }, "11, 3"},
		"OutOfIt":   {"the others run out of it", 1200 * time.Millisecond, func(int) time.Duration { return 300 * time.Millisecond }, "3, 3-11"},
		"Stalled":   {"a process that is stopped for an hour goes on", time.Second, stallAt(5), "11, 3"},
	} {
		t.Run(name, func(t *testing.T) {
			reads := 0
			b := (&Engine{}).newBatch(BatchOptions{Program: p, Now: start, MaxTime: tc.most}, func() time.Time {
				reads++
				if reads%2 == 1 {
					return start
				}
				return start.Add(tc.takes(reads/2 - 1))
			})
			for i := range 12 {
				input := `{"a":1}`
				if i == 3 {
					input = `{"a"`
				}
				b.Add(t.Context(), []Item{{Input: []byte(input)}})
			}
			o := b.Outcome(t.Context())
			v := o.Verdict
			if diff := cmp.Diff(tc.want, fmt.Sprintf("%d, %s", v.Batch.Succeeded, v.Batch.ErroredIndexes)); diff != "" {
				t.Errorf("%s: -want +got\n%s\n%s", tc.reason, diff, v.Explanation)
			}
			if last := v.Batch.Items[len(v.Batch.Items)-1].Message; o.TimedOut != strings.Contains(last, "it ran out of time: all payloads of a batch may take "+tc.most.String()) {
				t.Errorf("timed out: %v; %s", o.TimedOut, last)
			}
			if reason := v1alpha1.ReasonInvalidInput; (o.Reason == reason) == o.TimedOut {
				t.Errorf("reason %s", o.Reason)
			}
			if digest == "" {
				digest = v.InputDigest
			}
			if v.InputDigest != digest {
				t.Error("the time changed the digest of what was given")
			}
		})
	}
	if maxItemTime < rules.MaxCheckTime {
		t.Error("a payload may take longer than is counted")
	}
}

// stallAt takes an hour for one payload.
func stallAt(stalled int) func(payload int) time.Duration {
	return func(payload int) time.Duration {
		if payload == stalled {
			return time.Hour
		}
		return 0
	}
}
