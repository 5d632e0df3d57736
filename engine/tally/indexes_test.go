package tally

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/checky-dev/checky/rules"
)

func TestIndexes(t *testing.T) {
	for want, numbers := range map[string][]int{
		"":        nil,
		"0":       {0},
		"3,4":     {3, 4},
		"1,3-5,7": {1, 3, 4, 5, 7},
		"0-9":     {0, 1, 2, 3, 4, 5, 6, 7, 8, 9},
	} {
		l := &Indexes{}
		for _, n := range numbers {
			l.Add(n)
		}
		if got := l.String(); got != want {
			t.Errorf("%v: %q, want %q", numbers, got, want)
		}
	}
}

// TestIndexesSaysWhatItWasGiven reads the list back, and looks at it after each number: looking changes nothing.
func TestIndexesSaysWhatItWasGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, n := &Indexes{}, -1
		var want, got []string
		for _, step := range rapid.SliceOfN(rapid.IntRange(1, 3), 0, 60).Draw(t, "steps") {
			n += step
			l.Add(n)
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

func TestIndexesIsBounded(t *testing.T) {
	l := &Indexes{}
	for i := range 20_000 {
		l.Add(2 * i)
	}
	text := l.String()
	if len(text) > rules.MaxBatchIndexBytes || len(text) < rules.MaxBatchIndexBytes-20 || !strings.HasSuffix(text, ",...") || text != l.String() {
		t.Errorf("%d bytes, ending in %q", len(text), text[len(text)-20:])
	}
	most := &Indexes{} // of a Check's payloads every second
	for i := range rules.MaxBatchItems / 2 {
		most.Add(2 * i)
	}
	if text := most.String(); strings.HasSuffix(text, ",...") {
		t.Errorf("a Check's list is cut: %d bytes", len(text))
	}
}

func TestIndexesOfManyBatchesAreBounded(t *testing.T) {
	var x Indexes
	for i := range 100 {
		var list []string
		for j := range rules.MaxBatchItems / 2 {
			list = append(list, fmt.Sprint(2*j))
		}
		x.AddAll(strings.Join(list, ","), i*rules.MaxBatchItems)
	}
	if text := x.String(); len(text) > rules.MaxBatchIndexBytes || !strings.HasPrefix(text, "0,2,4,") || !strings.HasSuffix(text, ",...") {
		t.Errorf("%d bytes, %s", len(text), text[max(0, len(text)-20):])
	}
}
