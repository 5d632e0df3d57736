// Package intern holds once what many objects of a cache have in common.
//
//	kept.Namespace = intern.String(check.Namespace) // the same memory for all Checks of a namespace
//	kept.Labels = labels.Of(check.Labels)           // the same map for all Checks that have these labels
package intern

import (
	"maps"
	"slices"
	"strings"
	"unique"

	lru "github.com/hashicorp/golang-lru/v2"
)

// String gives a string that many objects have, held once for all of them, for as long as one has it.
func String[S ~string](s S) S { return S(unique.Make(string(s)).Value()) }

// Labels holds sets of labels. It is safe for concurrent use.
type Labels struct {
	sets *lru.Cache[string, map[string]string]
}

// NewLabels makes a Labels that knows the most recently used sets, so many of them at most; size is positive.
func NewLabels(size int) *Labels {
	sets, _ := lru.New[string, map[string]string](size) // It fails for sizes below 1 only.
	return &Labels{sets: sets}
}

// Of gives a set of labels that is equal to this one, or this one where none is known: nobody changes either from now on. An empty set is nil.
func (l *Labels) Of(set map[string]string) map[string]string {
	if len(set) == 0 {
		return nil
	}
	var key strings.Builder
	for _, name := range slices.Sorted(maps.Keys(set)) {
		key.WriteString(name + "=" + set[name] + ",") // neither may hold these signs
	}
	if held, ok := l.sets.Get(key.String()); ok {
		return held
	}
	l.sets.Add(key.String(), set)
	return set
}
