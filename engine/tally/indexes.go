package tally

import (
	"slices"
	"strconv"
	"strings"

	"github.com/checky-dev/checky/rules"
)

// Indexes writes ascending numbers as a Job writes its failedIndexes: 1,3-5,7. Its zero value is empty. It takes no more than
// rules.MaxBatchIndexBytes; past that it ends in a comma and three dots.
type Indexes struct {
	text        []byte // of the ranges before the present one
	first, last int    // the present range
	open, cut   bool
}

// moreIndexes ends a list that is cut.
const moreIndexes = ",..."

// Add appends a number that is above all before.
func (l *Indexes) Add(n int) { l.addRange(n, n) }

// AddAll appends those of a list, each moved up by a number, so that they are above all before. A list that is cut ends there.
func (l *Indexes) AddAll(list string, by int) {
	for part := range strings.SplitSeq(list, ",") {
		from, to, several := strings.Cut(part, "-")
		if !several {
			to = from
		}
		first, err := strconv.Atoi(from)
		if err != nil {
			return // there is none, or no more
		}
		last, err := strconv.Atoi(to)
		if err != nil {
			return
		}
		l.addRange(first+by, last+by)
	}
}

func (l *Indexes) addRange(first, last int) {
	if l.open && first == l.last+1 {
		l.last = last
		return
	}
	l.close()
	l.first, l.last, l.open = first, last, true
}

// close writes the present range, if there is room.
func (l *Indexes) close() {
	if !l.open || l.cut {
		return
	}
	before := len(l.text)
	l.text = l.appendRange(l.text)
	if len(l.text) > rules.MaxBatchIndexBytes-len(moreIndexes) {
		l.text, l.cut = append(l.text[:before], moreIndexes...), true
	}
}

func (l *Indexes) appendRange(text []byte) []byte {
	if len(text) > 0 {
		text = append(text, ',')
	}
	text = strconv.AppendInt(text, int64(l.first), 10)
	switch {
	case l.last == l.first+1:
		text = append(text, ',')
	case l.last > l.first:
		text = append(text, '-')
	default:
		return text
	}
	return strconv.AppendInt(text, int64(l.last), 10)
}

// String is the list so far.
func (l *Indexes) String() string {
	whole := Indexes{text: slices.Clone(l.text), first: l.first, last: l.last, open: l.open, cut: l.cut}
	whole.close()
	return string(whole.text)
}
