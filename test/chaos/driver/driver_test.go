package driver

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/engine"
	"github.com/checky-dev/checky/rules"
	"github.com/checky-dev/checky/rules/builtin"
	"github.com/checky-dev/checky/test/chaos/history"
)

func TestOrdersAreTheSeeds(t *testing.T) {
	a, b, other := &Driver{o: Options{Seed: 7, Rate: 10}}, &Driver{o: Options{Seed: 7, Rate: 10}}, &Driver{o: Options{Seed: 8, Rate: 10}}
	differ := false
	for number := range 200 {
		x, y, z := a.newOrder(number), b.newOrder(number), other.newOrder(number)
		if diff := cmp.Diff(x.payload(), y.payload()); diff != "" || x.ttl != y.ttl {
			t.Errorf("order %d: %s", number, diff)
		}
		differ = differ || x.payload() != z.payload()
		for _, text := range x.texts() {
			var payload struct{ ID string }
			if err := json.Unmarshal([]byte(text), &payload); err != nil || !strings.HasPrefix(payload.ID, x.id) {
				t.Errorf("order %d is %s: %v", number, text, err)
			}
		}
	}
	if !differ {
		t.Error("another seed sends the same")
	}
}

// texts are the payloads that an order sends.
func (o *order) texts() []string {
	switch {
	case o.source != "":
		return nil
	case o.items == 0:
		return []string{o.payload()}
	}
	var texts []string
	for _, input := range o.inputs() {
		texts = append(texts, input.InputJSON)
	}
	return texts
}

// TestBodies holds that what is posted is JSON, and says what the history says.
func TestBodies(t *testing.T) {
	d, batches := &Driver{o: Options{Seed: 7, Rate: 10}}, 0
	for number := 1; number < 200; number += 2 {
		o := d.newOrder(number)
		path, body := o.body()
		var sent struct {
			Input  json.RawMessage
			Inputs []struct {
				Name  string
				Input json.RawMessage
			}
		}
		if err := json.Unmarshal([]byte(body), &sent); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		want := []string{string(sent.Input)}
		if path == "/v1/checks:batch" {
			batches, want = batches+1, nil
			for _, input := range sent.Inputs {
				want = append(want, string(input.Input))
			}
		}
		if diff := cmp.Diff(want, o.texts()); diff != "" {
			t.Error(diff)
		}
	}
	if batches == 0 {
		t.Error("no batch is posted")
	}
}

func TestStreamsAreRead(t *testing.T) {
	const stream = ": still pending\n\nevent: result\nid: v1\ndata: {\"status\":\"pending\"}\n\n" +
		": still pending\n\nevent: result\nid: v2\ndata: {\"status\":\"failure\"}\n\nevent: deleted\ndata: {}\n\nevent: result\nid: cut"
	got, err := streamEvents(strings.NewReader(stream))
	want := []history.StreamEvent{{Version: "v1", Status: "pending"}, {Version: "v2", Status: "failure"}, {Version: "v2", Status: "deleted"}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := streamEvents(strings.NewReader("event: result\ndata: {\n\n")); err == nil {
		t.Error("half a result is taken for one")
	}
}

// TestOrdersDiffer holds that what is sent passes and fails, critically too, and that an edit of the rule set is one of verdicts.
func TestOrdersDiffer(t *testing.T) {
	library := engine.NewLibrary(builtin.New())
	d := &Driver{o: Options{Seed: 7, Rate: 10}}
	verdicts := map[string]int{}
	for version := range len(limits) {
		set := library.Rules(ordersSet(0), ordersRules(version))
		if set.Errors != nil {
			t.Fatal(set.Errors)
		}
		program, err := library.Program("", []*rules.Set{set, library.Rules(seasonalSet(0), seasonalRules(9))}...)
		if err != nil {
			t.Fatal(err)
		}
		for number := range 200 {
			for _, text := range d.newOrder(number).texts() {
				out := (&engine.Engine{}).Evaluate(t.Context(), engine.Request{Input: []byte(text), Program: program})
				verdicts[string(out.Verdict.Phase)]++
				if out.Verdict.Alert != nil && out.Verdict.Alert.Severity == v1alpha1.SeverityCritical {
					verdicts["critical"]++
				}
			}
		}
	}
	if verdicts["Success"] < 100 || verdicts["Failure"] < 100 || verdicts["critical"] < 12 || verdicts["Error"] > 0 {
		t.Errorf("got %v", verdicts)
	}
}
