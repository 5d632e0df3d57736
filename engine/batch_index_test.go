package engine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

func TestIndexList(t *testing.T) {
	for want, numbers := range map[string][]int{
		"":        nil,
		"0":       {0},
		"3,4":     {3, 4},
		"1,3-5,7": {1, 3, 4, 5, 7},
		"0-9":     {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
	} {
		l := &indexList{}
		for _, n := range numbers {
			l.add(n)
		}
		if got := l.String(); got != want {
			t.Errorf("%v: %q, want %q", numbers, got, want)
		}
	}
}

// TestIndexListSaysWhatItWasGiven reads the list back, and looks at it after each number: looking changes nothing.
func TestIndexListSaysWhatItWasGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, n := &indexList{}, -1
		var want, got []string
		for _, step := range rapid.SliceOfN(rapid.IntRange(1, 3), 0, 60).Draw(t, "steps") {
			n += step
			l.add(n)
			_ = l.String()
			want = append(want, strconv.Itoa(n))
		}
		for part := range strings.SplitSeq(l.String(), ",") {
			first, last, isRange := strings.Cut(part, "-")
			if !isRange {
				last = first
			}
			from, _ := strconv.Atoi(first)
			to, _ := strconv.Atoi(last)
			for i := from; i <= to && part != ""; i++ {
				got = append(got, strconv.Itoa(i))
			}
		}
		if !slices.Equal(want, got) {
			t.Fatalf("%s of %v", l.String(), want)
		}
	})
}

func TestIndexListIsBounded(t *testing.T) {
	l := &indexList{}
	for i := range 20_000 {
		l.add(2 * i)
	}
	text := l.String()
	if len(text) > rules.MaxBatchIndexBytes || len(text) < rules.MaxBatchIndexBytes-20 || !strings.HasSuffix(text, ",...") || text != l.String() {
		t.Errorf("%d bytes, ending in %q", len(text), text[len(text)-20:])
	}
	most := &indexList{} // of a Check's payloads every second
	for i := range rules.MaxBatchItems / 2 {
		most.add(2 * i)
	}
	if text := most.String(); strings.HasSuffix(text, ",...") {
		t.Errorf("a Check's list is cut: %d bytes", len(text))
	}
}

// TestBatchOutOfTimeOnTheWay lets a clock run that is read once a payload: those within the time have verdicts, the others say that they
// ran out of it.
func TestBatchOutOfTimeOnTheWay(t *testing.T) {
	set := builtin.New().Compile("", []v1alpha1.Rule{{
		Name: "r", Module: &v1alpha1.ModuleRule{Name: "required", Params: v1alpha1.JSON{Raw: []byte(`{"field":"$.a"}`)}},
	}})
	p, err := NewProgram("", set)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	b := (&Engine{}).newBatch(BatchOptions{Program: p, Now: now, MaxTime: 10 * time.Second}, func() time.Time { return now })
	for range 12 {
		b.Add(t.Context(), []Item{{Input: []byte(`{"a":1}`)}})
		now = now.Add(time.Second)
	}
	v := b.Outcome(t.Context()).Verdict
	if got := fmt.Sprintf("%d, %s", v.Batch.Success, v.Batch.ErrorIndexes); got != "11, 11" {
		t.Errorf("passed and out of time: %s\n%s", got, v.Explanation)
	}
}
