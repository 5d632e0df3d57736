package engine

import (
	"cmp"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/rules"
)

// rank orders the payloads of a batch, the worst first. No two are equal.
type rank struct {
	phase    v1alpha1.Phase
	severity int // the highest among the rules that the phase is owed to, or that warned
	bad      int // how many rules those are
	index    int
}

// phaseOrder is the worst first. Success stands for one with warnings.
var phaseOrder = []v1alpha1.Phase{v1alpha1.PhaseFailure, v1alpha1.PhaseError, v1alpha1.PhaseSuccess}

// compare is below 0 where r is worse than other.
func (r rank) compare(other rank) int {
	return cmp.Or(
		cmp.Compare(slices.Index(phaseOrder, r.phase), slices.Index(phaseOrder, other.phase)),
		cmp.Compare(other.severity, r.severity),
		cmp.Compare(other.bad, r.bad),
		cmp.Compare(r.index, other.index),
	)
}

// worst holds the worst payloads, in order, and at most rules.MaxBatchResults.
type worst struct{ list []*entry }

// add takes a payload in, and drops the least bad one where there are too many.
func (w *worst) add(e *entry) {
	at, _ := slices.BinarySearchFunc(w.list, e, func(a, b *entry) int { return a.rank.compare(b.rank) })
	if at == rules.MaxBatchResults {
		return
	}
	w.list = slices.Insert(w.list[:min(len(w.list), rules.MaxBatchResults-1)], at, e)
}

// bar is what a payload has to be worse than to get in. It is nil while there is room.
func (w *worst) bar() *rank {
	if len(w.list) < rules.MaxBatchResults {
		return nil
	}
	return new(w.list[len(w.list)-1].rank)
}

// fitting are as many of the worst payloads as take no more than a number of bytes as JSON. Of the last one results may be left out.
func fitting(list []*entry, room int) []v1alpha1.BatchItem {
	items := make([]v1alpha1.BatchItem, 0, len(list))
	for _, e := range list {
		item := e.item
		size := sizeOf(&item)
		for size > room && len(item.Results) > 1 {
			last := len(item.Results) - 1
			item.Results = item.Results[:last:last]
			item.Truncated++
			size = sizeOf(&item)
		}
		if size > room {
			break
		}
		room -= size
		items = append(items, item)
		if len(item.Results) < len(e.item.Results) {
			break
		}
	}
	return items
}

// sizeOf is the length of a value as JSON, with a comma.
func sizeOf(value *v1alpha1.BatchItem) int {
	text, _ := json.Marshal(value) //nolint:errchkjson // it is made of strings and numbers
	return len(text) + 1
}

// indexList writes ascending numbers as a Job writes its failedIndexes: 1,3-5,7. Its zero value is empty. It takes no more than
// rules.MaxBatchIndexBytes; past that it ends in a comma and three dots.
type indexList struct {
	text        []byte // of the ranges before the present one
	first, last int    // the present range
	open, cut   bool
}

// moreIndexes ends a list that is cut.
const moreIndexes = ",..."

// add appends a number that is above all before.
func (l *indexList) add(n int) {
	if l.open && n == l.last+1 {
		l.last = n
		return
	}
	l.close()
	l.first, l.last, l.open = n, n, true
}

// close writes the present range, if there is room.
func (l *indexList) close() {
	if !l.open || l.cut {
		return
	}
	before := len(l.text)
	l.text = l.appendRange(l.text)
	if len(l.text) > rules.MaxBatchIndexBytes-len(moreIndexes) {
		l.text, l.cut = append(l.text[:before], moreIndexes...), true
	}
}

func (l *indexList) appendRange(text []byte) []byte {
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
func (l *indexList) String() string {
	whole := indexList{text: slices.Clone(l.text), first: l.first, last: l.last, open: l.open, cut: l.cut}
	whole.close()
	return string(whole.text)
}
