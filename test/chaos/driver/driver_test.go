package driver

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
)

func TestOrdersAreTheSeeds(t *testing.T) {
	a, b, other := &Driver{o: Options{Seed: 7}}, &Driver{o: Options{Seed: 7}}, &Driver{o: Options{Seed: 8}}
	differ := false
	for number := range 200 {
		x, y, z := a.newOrder(number), b.newOrder(number), other.newOrder(number)
		if diff := cmp.Diff(x.payload(), y.payload()); diff != "" || x.ttl != y.ttl {
			t.Errorf("order %d: %s", number, diff)
		}
		differ = differ || x.payload() != z.payload()
		var payload struct{ ID string }
		if err := json.Unmarshal([]byte(x.payload()), &payload); err != nil || payload.ID != x.id {
			t.Errorf("order %d is %s: %v", number, x.payload(), err)
		}
	}
	if !differ {
		t.Error("another seed sends the same")
	}
}

// TestOrdersDiffer holds that what is sent passes and fails, critically too, and that an edit of the rule set is one of verdicts.
func TestOrdersDiffer(t *testing.T) {
	library := engine.NewLibrary(builtin.New())
	d := &Driver{o: Options{Seed: 7}}
	verdicts := map[string]int{}
	for version := range len(limits) {
		set := library.Rules(ordersSet, ordersRules(version))
		if set.Errors != nil {
			t.Fatal(set.Errors)
		}
		program, err := library.Program("", []*rules.Set{set, library.Rules(seasonalSet, seasonalRules(9))}...)
		if err != nil {
			t.Fatal(err)
		}
		for number := range 200 {
			out := (&engine.Engine{}).Evaluate(t.Context(), engine.Request{Input: []byte(d.newOrder(number).payload()), Program: program})
			verdicts[string(out.Verdict.Phase)]++
			if out.Verdict.Alert != nil && out.Verdict.Alert.Severity == v1alpha1.SeverityCritical {
				verdicts["critical"]++
			}
		}
	}
	if verdicts["Success"] < 100 || verdicts["Failure"] < 100 || verdicts["critical"] < 12 || verdicts["Error"] > 0 {
		t.Errorf("got %v", verdicts)
	}
}
