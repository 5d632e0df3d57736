// Package intern holds once what many objects of a cache have in common.
//
//	kept.Namespace = intern.String(check.Namespace) // the same memory for all Checks of a namespace
//	kept.Labels = labels.Of(check.Labels)           // the same map for all Checks that have these labels
package intern

import (
	"maps"
	"slices"
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
)

// maxStrings is how many strings are held. There are fewer namespaces, owners and versions of rules at work than that.
const maxStrings = 4096

// table has the strings that were used last. A handle of package unique holds a string for as long as the handle itself is held, which takes eight
// bytes of each object, and a type of its own for each such field.
var table = newTable()

func newTable() *lru.Cache[string, string] {
	table, _ := lru.New[string, string](maxStrings) // It fails for sizes below 1 only.
	return table
}

// String gives a string that many objects have, held once for all of them. It is safe for concurrent use.
func String[S ~string](s S) S {
	if s == "" {
		return s
	}
	if held, ok := table.Get(string(s)); ok {
		return S(held)
	}
	own := strings.Clone(string(s)) // no part of a larger text, which would be held as well
	table.Add(own, own)
	return S(own)
}

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
