package engine

import (
	"slices"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine/tally"
	"github.com/checky-dev/checky/rules"
)

// worst holds the worst payloads, in order, and at most rules.MaxBatchResults.
type worst struct{ list []*entry }

// add takes a payload in, and drops the least bad one where there are too many.
func (w *worst) add(e *entry) {
	at, _ := slices.BinarySearchFunc(w.list, e, func(a, b *entry) int { return a.rank.Compare(b.rank) })
	if at == rules.MaxBatchResults {
		return
	}
	w.list = slices.Insert(w.list[:min(len(w.list), rules.MaxBatchResults-1)], at, e)
}

// bar is what a payload has to be worse than to get in. It is nil while there is room.
func (w *worst) bar() *tally.Rank {
	if len(w.list) < rules.MaxBatchResults {
		return nil
	}
	return new(w.list[len(w.list)-1].rank)
}

// items are the payloads, as the verdict tells of them.
func (w *worst) items() []v1alpha1.BatchItem {
	items := make([]v1alpha1.BatchItem, len(w.list))
	for i, e := range w.list {
		items[i] = e.item
	}
	return tally.Fit(items)
}
