package engine_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules/builtin"
)

// hoard are rules that are long, and different in each round.
func hoard(round int) []v1alpha1.Rule {
	list := make([]v1alpha1.Rule, 20)
	for i := range list {
		expression := fmt.Sprintf("input.a == %d && 1 == %d", i, round) + strings.Repeat(" && input.a.b.c.d == 1", 180)
		list[i] = v1alpha1.Rule{Name: fmt.Sprintf("r%d", i), CEL: &v1alpha1.CELRule{Expression: expression}}
	}
	return list
}

// Whoever sends rules with each request sends new ones each time. What is kept of them must not fill the memory, nor push out the sets
// of the cluster.
func TestLooseRulesDoNotFillMemory(t *testing.T) {
	library := engine.NewLibrary(builtin.New())
	object := &v1alpha1.RuleSet{
		ObjectMeta: metav1.ObjectMeta{Name: "orders", UID: types.UID("1"), Generation: 1},
		Spec:       v1alpha1.RuleSetSpec{Rules: hoard(-1)[:1]},
	}
	kept := library.RuleSet(object)
	keptProgram, err := library.Program("", kept)
	if err != nil {
		t.Fatal(err)
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	fill := func(from, to int) {
		for round := from; round < to; round++ {
			set := library.Rules("", hoard(round))
			if len(set.Errors) > 0 {
				t.Fatal(set.Errors[0])
			}
			if _, err := library.Program("", kept, set); err != nil {
				t.Fatal(err)
			}
		}
	}
	// 80 KB of text a round, twice, of which the library keeps 1 MiB: from the 8th on as much goes as comes.
	fill(0, 8)
	before := heap()
	fill(8, 24)
	if grown := heap() - before; grown > 20<<20 {
		t.Errorf("16 more requests with rules of their own left %d MiB behind", grown>>20)
	}
	if library.RuleSet(object) != kept {
		t.Error("the rules of requests have pushed out a set of the cluster")
	}
	if again, err := library.Program("", kept); err != nil || again != keptProgram {
		t.Errorf("the rules of requests have pushed out a program of the cluster's sets: %v", err)
	}
	last := library.Rules("", hoard(23))
	if library.Rules("", hoard(23)) != last {
		t.Error("the rules of the last request are not kept")
	}
}
