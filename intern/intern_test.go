package intern

import (
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"
	"unsafe"
)

func TestString(t *testing.T) {
	type phase string
	a := String(phase(strings.Clone("Failure")))
	runtime.GC() // what comes after a collection shares too
	b := String(phase(strings.Clone("Failure")))
	if a != "Failure" || unsafe.StringData(string(a)) != unsafe.StringData(string(b)) {
		t.Errorf("%q and %q are held apart", a, b)
	}
	for i := range 2 * maxStrings {
		String(fmt.Sprint(i))
	}
	if n := table.Len(); n > maxStrings {
		t.Errorf("%d strings are held", n)
	}
}

func TestLabels(t *testing.T) {
	labels := NewLabels(2)
	same := func(a, b map[string]string) bool {
		a["probe"] = "x"
		defer delete(a, "probe")
		return b["probe"] == "x"
	}
	set := func(n int) map[string]string { return map[string]string{"team": fmt.Sprint(n), "tier": "web"} }
	first := labels.Of(set(0))
	if !maps.Equal(first, set(0)) || !same(first, labels.Of(set(0))) {
		t.Errorf("%v: equal sets are held apart", first)
	}
	if other := labels.Of(set(1)); !maps.Equal(other, set(1)) || same(other, first) {
		t.Errorf("%v: different sets are one", other)
	}
	labels.Of(set(2))
	if again := labels.Of(set(0)); !maps.Equal(again, first) || same(again, first) {
		t.Error("more sets are held than may be")
	}
	if labels.Of(map[string]string{}) != nil || labels.Of(nil) != nil {
		t.Error("no labels are a set")
	}
}
