package check

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/checky-dev/checky/api/v1alpha1"
	"github.com/checky-dev/checky/test/chaos/history"
)

// batch is what stands for the payload of a batch of an order's.
func batch(t *testing.T, order string, amounts ...int) string {
	t.Helper()
	var inputs []v1alpha1.BatchInput
	for _, amount := range amounts {
		inputs = append(inputs, v1alpha1.BatchInput{Name: order + "/0", InputJSON: payload(order, amount)})
	}
	text, err := json.Marshal(inputs)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// judged is a version of the Check a with the engine's verdict on a text, by the rules of a limit.
func (s *story) judged(text string, limit int, change func(*history.Seen)) object {
	s.t.Helper()
	return object{name: "a", change: func(o *history.Seen) {
		engine := newOffline()
		program, err := engine.program([]seen{{Seen: &history.Seen{Name: "orders", Rules: limited(limit)}}})
		if err != nil {
			s.t.Fatal(err)
		}
		e := engine.verdict(text, program)
		o.Payload = text
		o.Verdict = &history.Verdict{Phase: e.phase, Generation: 1, Rules: program.Digest(), Input: digestOf(text), Digest: e.digest, Status: e.digest + text}
		if change != nil {
			change(o)
		}
	}}
}

func TestVerdictsOfBatches(t *testing.T) {
	text := batch(t, "a", 5, 50, 5)
	if orderOf(text) != "a" {
		t.Errorf("the order is %q", orderOf(text))
	}
	try(t, Verdicts, map[string]tried{
		"Right": {"as the engine says", func(s *story) { s.set(0, 1, 10).check(1, "ADDED", s.judged(text, 10, nil)) }, ""},
		"Flipped": {"an item's verdict is another", func(s *story) {
			one := s.judged(batch(s.t, "a", 5, 5, 50), 10, nil)
			s.set(0, 1, 10).check(1, "ADDED", object{name: "a", change: func(o *history.Seen) { one.change(o); o.Payload = text }})
		}, "the rest of it is not"},
		"Whole": {"one item fails, and the batch is told to pass", func(s *story) {
			s.set(0, 1, 10).check(1, "ADDED", s.judged(text, 10, func(o *history.Seen) { o.Verdict.Phase = v1alpha1.PhaseSuccess }))
		}, "the engine says Failure"},
	})
}

// content adds a version of a ConfigMap.
func (s *story) content(seconds float64, how, text string) *story {
	s.revision++
	return s.add(seconds, history.Entry{Seen: &history.Seen{Type: how, Kind: "ConfigMap", Name: "stock", UID: "stock", Revision: s.revision, Payload: text}})
}

func TestVerdictsOfSources(t *testing.T) {
	old, fresh := payload("stock", 5), payload("stock", 50)
	taken := func(o *history.Seen) { o.Payload, o.Source = "", "stock" }
	try(t, Verdicts, map[string]tried{
		"Right": {"by what it held", func(s *story) {
			s.set(0, 1, 10).content(0, "ADDED", old).check(1, "ADDED", s.judged(old, 10, taken))
		}, ""},
		"Followed": {"another content is another verdict", func(s *story) {
			s.set(0, 1, 10).content(0, "ADDED", old).check(1, "ADDED", s.judged(old, 10, taken))
			s.content(2, "MODIFIED", fresh).check(3, "MODIFIED", s.judged(fresh, 10, taken))
		}, ""},
		"Invented": {"it never held that", func(s *story) {
			s.set(0, 1, 10).content(0, "ADDED", old).check(1, "ADDED", s.judged(fresh, 10, taken))
		}, "a content of stock that was not current"},
		"LongGone": {"it held that a minute ago", func(s *story) {
			s.set(0, 1, 10).content(0, "ADDED", old).content(2, "MODIFIED", fresh).check(62, "ADDED", s.judged(old, 10, taken))
		}, "a content of stock that was not current"},
	})
	try(t, Final, map[string]tried{
		"Last": {"by the last content", func(s *story) {
			s.content(8, history.Final, fresh).finalSet(8, 10).call(1, history.Call{Kind: history.KubeCreate, Answer: "200", Name: "a", Order: "a"})
			s.check(9, history.Final, s.judged(fresh, 10, taken))
		}, ""},
		"NotLast": {"it was edited after that", func(s *story) {
			s.content(8, history.Final, fresh).finalSet(8, 10).call(1, history.Call{Kind: history.KubeCreate, Answer: "200", Name: "a", Order: "a"})
			s.check(9, history.Final, s.judged(old, 10, taken))
		}, "not on the last content"},
	})
}

func TestStreams(t *testing.T) {
	// The versions of a are v1, which is pending, and v2, which is a success.
	versions := func(s *story) *story {
		return s.process(0, "facade-0", 1, false).check(1, "ADDED", object{name: "a"}).check(2, "MODIFIED", object{name: "a", limit: 10})
	}
	stream := func(ended bool, events ...history.StreamEvent) history.Call {
		return history.Call{Kind: history.Events, Answer: "200", Via: "facade-0", Name: "a", Stream: events, Ended: ended}
	}
	v1, v2 := history.StreamEvent{Version: "v1", Status: "pending"}, history.StreamEvent{Version: "v2", Status: "success"}
	read := func(version, status string) history.Call {
		return history.Call{Kind: history.Status, Answer: "200", Via: "facade-0", Name: "a", Version: version, Status: status}
	}
	try(t, Streams, map[string]tried{
		"Right":     {"to the verdict, which a read confirms", func(s *story) { versions(s).call(3, stream(true, v1, v2)).call(4, read("v2", "success")) }, ""},
		"Broken":    {"a connection that breaks promises nothing", func(s *story) { versions(s).call(3, stream(false, v1)) }, ""},
		"NoVerdict": {"it ended in order, and before the end", func(s *story) { versions(s).call(3, stream(true, v1)) }, "without a verdict"},
		"Away": {"the facade could not know", func(s *story) {
			versions(s).fault(2.5, 1, "cut", "facade-0", history.Begun).call(3, stream(true, v1))
		}, ""},
		"Backwards": {"an older version after the newer one", func(s *story) {
			versions(s).check(3, "MODIFIED", object{name: "a", generation: 2}).call(4, stream(false, history.StreamEvent{Version: "v3", Status: "pending"}, v1))
		}, "an older version"},
		"GoesOn": {"nothing follows a verdict", func(s *story) { versions(s).call(3, stream(true, v2, v1)) }, "went on after success"},
		"Invents": {"that version is another", func(s *story) {
			versions(s).call(3, stream(true, history.StreamEvent{Version: "v1", Status: "success"}))
		}, "a version that is pending"},
		"Denied": {"a read afterwards does not know of the verdict", func(s *story) { versions(s).call(3, stream(true, v1, v2)).call(4, read("v1", "pending")) }, "does not know of it"},
	})
}

func TestUndecidedKeys(t *testing.T) {
	s := tell(t).call(1, posted("a")).call(2, posted("b"))
	bounds := DefaultBounds()
	bounds.LinearizeAll = -time.Second
	r := Index(s.entries)
	found := Keys(r, bounds)
	if keys, undecided := r.Decided(); keys != 2 || undecided != 2 || len(found) != 1 {
		t.Errorf("%d keys, %d undecided: %v", keys, undecided, found)
	}
	if found := Keys(r, DefaultBounds()); len(found) > 0 {
		t.Errorf("with time: %v", found)
	}
}
