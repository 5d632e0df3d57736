package check

import (
	lru "github.com/hashicorp/golang-lru/v2"
	"k8s.io/apimachinery/pkg/util/resourceversion"
)

// maxFloors is how many Checks are known to be further than the watch has told. Past that the one that was read least recently is forgotten, and may be answered
// as the watch has it.
const maxFloors = 10_000

// floors are the resource versions of Checks that callers were told of by live reads, and that the watch has yet to tell: nobody is told what
// is older. It is safe for concurrent use; the ledger's lock keeps it in step with the ledger.
type floors struct {
	of *lru.Cache[string, string] // by name
}

func newFloors() *floors {
	of, _ := lru.New[string, string](maxFloors) // It fails for sizes below 1 only.
	return &floors{of: of}
}

// raise says that somebody was told of a version of a Check.
func (f *floors) raise(name, version string) {
	if floor, ok := f.of.Peek(name); !ok || later(version, floor) {
		f.of.Add(name, version)
	}
}

// above says whether somebody was told of a later version than this one.
func (f *floors) above(name, version string) bool {
	floor, ok := f.of.Get(name)
	return ok && later(floor, version)
}

// reach says that the watch has told of a version of a Check.
func (f *floors) reach(name, version string) {
	if floor, ok := f.of.Peek(name); ok && !later(floor, version) {
		f.of.Remove(name)
	}
}

// later says whether the first of two resource versions was written after the second. Where that cannot be told it was.
func later(a, b string) bool {
	order, err := resourceversion.CompareResourceVersion(a, b)
	return order > 0 || err != nil
}
